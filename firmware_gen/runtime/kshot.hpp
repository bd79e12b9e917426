// SPDX-License-Identifier: Apache-2.0
// kshot for C++11 and later: memory and life cycle in types, without exceptions, heap, RTTI or the C++ library.
//
//     static kshotpp::learner<glyphs_traits> learner;  // of "glyphs.hpp": state and all memory in one object
//     if (auto enrollment = learner.enroll("wave")) {            // aborts when it goes, unless committed
//         enrollment.add(shot);                                  // a failure is remembered until commit()
//         kshotpp::result<uint16_t> id = enrollment.commit();
//     }
//     if (auto answer = learner.classify(input)) {
//         use(answer->class_id, answer->distance);
//     }
//
// Every call is one of kshot.h; ranges, cost and errors stand there.
#ifndef KSHOT_HPP
#define KSHOT_HPP

#include "kshot.h"

namespace kshotpp
{

/// A value, or why there is none. Reading the value of a failed call gives a value of zeros.
template <class T> class result
{
  public:
    explicit result(kshot_status failure) : status_(failure), value_() {}
    result(kshot_status status, const T &value) : status_(status), value_(value) {}

    explicit operator bool() const { return status_ == KSHOT_OK; }
    kshot_status status() const { return status_; }
    const T &operator*() const { return value_; }
    const T *operator->() const { return &value_; }

  private:
    kshot_status status_;
    T value_;
};

/// An enrollment in progress: shots are added until commit() makes them count. Without it, nothing remains.
class enrollment
{
  public:
    /// Begins, as kshot_enroll_begin().
    enrollment(kshot &k, const char *label) : k_(&k), status_(kshot_enroll_begin(&k, label))
    {
        if (status_ != KSHOT_OK) {
            k_ = nullptr;
        }
    }
    enrollment(enrollment &&other) noexcept : k_(other.k_), status_(other.status_) { other.k_ = nullptr; }
    enrollment(const enrollment &) = delete;
    enrollment &operator=(const enrollment &) = delete;
    enrollment &operator=(enrollment &&) = delete;
    ~enrollment() { abort(); }

    /// Whether it began and everything since went well.
    explicit operator bool() const { return status_ == KSHOT_OK; }
    /// The first failure, or KSHOT_OK.
    kshot_status status() const { return status_; }

    /// Adds a shot of Traits::input_len values, as kshot_enroll_add().
    kshot_status add(const int8_t *input) { return keep(is_open() ? kshot_enroll_add(k_, input) : KSHOT_ERROR_STATE); }
    kshot_status add_embedding(const int8_t *embedding)
    {
        return keep(is_open() ? kshot_enroll_add_embedding(k_, embedding) : KSHOT_ERROR_STATE);
    }

    /// Makes the shots count and returns the class's id. After any failure it aborts instead and returns the first one.
    result<uint16_t> commit()
    {
        uint16_t id = 0;

        if (status_ == KSHOT_OK) {
            keep(is_open() ? kshot_enroll_commit(k_, &id) : KSHOT_ERROR_STATE);
        }
        if (status_ != KSHOT_OK) {
            abort();
            return result<uint16_t>(status_);
        }
        k_ = nullptr;
        return result<uint16_t>(KSHOT_OK, id);
    }

    /// Ends it without a trace; does nothing where it has ended.
    void abort()
    {
        if (is_open()) {
            (void)kshot_enroll_abort(k_);
            k_ = nullptr;
        }
    }

  private:
    bool is_open() const { return k_ != nullptr; }
    kshot_status keep(kshot_status status)
    {
        if (status_ == KSHOT_OK) {
            status_ = status;
        }
        return status;
    }

    kshot *k_; // null: not begun, or ended
    kshot_status status_;
};

/// A kshot with all its memory, ready when it has been constructed. Traits is the struct in the model's own header.
/// What it has learned is overwritten when it goes.
template <class Traits> class learner
{
  public:
    learner() : k_(), memory_(), status_(Traits::init(&k_, &memory_)) {}
    ~learner() { kshot_learner_wipe_bytes(&memory_, sizeof memory_); }
    learner(const learner &) = delete;
    learner &operator=(const learner &) = delete;

    /// What initialisation answered: KSHOT_OK unless model and runtime do not belong together.
    kshot_status status() const { return status_; }

    enrollment enroll(const char *label) { return enrollment(k_, label); }
    kshot_status forget(uint16_t class_id) { return kshot_forget(&k_, class_id); }

    result<kshot_answer> classify(const int8_t *input)
    {
        kshot_answer answer = {};
        const kshot_status status = kshot_classify(&k_, input, &answer);
        return result<kshot_answer>(status, answer);
    }
    result<kshot_verification> verify(uint16_t class_id, const int8_t *input)
    {
        kshot_verification verification = {};
        const kshot_status status = kshot_verify(&k_, class_id, input, &verification);
        return result<kshot_verification>(status, verification);
    }
    result<kshot_quality> quality() const
    {
        kshot_quality found = {};
        const kshot_status status = kshot_enroll_quality(&k_, &found);
        return result<kshot_quality>(status, found);
    }

    uint16_t size() const { return kshot_class_count(&k_); }
    result<kshot_class> at(uint16_t index) const
    {
        kshot_class found = {};
        const kshot_status status = kshot_class_at(&k_, index, &found);
        return result<kshot_class>(status, found);
    }

    /// For the calls that are not wrapped.
    kshot *c() { return &k_; }

  private:
    kshot k_;
    typename Traits::memory memory_;
    kshot_status status_;
};

} // namespace kshotpp

#endif
