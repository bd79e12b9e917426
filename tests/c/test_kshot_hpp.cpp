// SPDX-License-Identifier: Apache-2.0
// The C++ wrapper over the model "tiny": cpp_test() returns 0, or the line of the first check that does not hold. It is
// called from C, so that the same object runs on a computer and in firmware without C++'s own start-up.
#include "tiny.hpp"

#include <string.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            return __LINE__;                                                                                           \
        }                                                                                                              \
    } while (0)

inline void *operator new(size_t, void *place) noexcept
{
    return place;
}

static int8_t bright[tiny_traits::input_len];
static int8_t dark[tiny_traits::input_len];

static int empty_learner()
{
    tiny_learner learner;
    const kshotpp::result<kshot_answer> answer = learner.classify(bright);

    CHECK(learner.status() == KSHOT_OK);
    CHECK(learner.size() == 0);
    CHECK(!answer && answer.status() == KSHOT_ERROR_EMPTY && answer->class_id == 0);
    CHECK(learner.forget(1) == KSHOT_ERROR_NOT_FOUND);
    CHECK(learner.at(0).status() == KSHOT_ERROR_NOT_FOUND);
    CHECK(!learner.enroll(""));
    return 0;
}

static int committed_classes_answer()
{
    tiny_learner learner;
    kshotpp::enrollment first = learner.enroll("bright");

    CHECK(first && first.add(bright) == KSHOT_OK && first.add(bright) == KSHOT_OK);
    const kshotpp::result<uint16_t> id = first.commit();
    CHECK(id && *id == 1);
    CHECK(first.commit().status() == KSHOT_ERROR_STATE); // it has ended
    kshotpp::enrollment second = learner.enroll("dark");
    CHECK(second.add(dark) == KSHOT_OK && second.commit());

    const kshotpp::result<kshot_answer> answer = learner.classify(dark);
    kshot_answer same;
    CHECK(kshot_classify(learner.c(), dark, &same) == KSHOT_OK);
    CHECK(answer && answer->class_id == 2 && answer->distance == same.distance && answer->margin == same.margin);
    CHECK(learner.size() == 2 && learner.at(0)->shots == 2 && strcmp(learner.at(1)->label, "dark") == 0);
    CHECK(learner.verify(1, bright).status() == KSHOT_ERROR_MODEL); // this learner has no calibrated distance
    CHECK(learner.forget(1) == KSHOT_OK && learner.size() == 1 && learner.classify(bright)->class_id == 2);
    return 0;
}

static int what_is_not_committed_leaves_no_trace()
{
    tiny_learner learner;
    {
        kshotpp::enrollment enrollment = learner.enroll("gone");
        CHECK(enrollment.add(bright) == KSHOT_OK);
        kshotpp::enrollment another = learner.enroll("refused");
        CHECK(!another && another.status() == KSHOT_ERROR_STATE);
        CHECK(another.add(bright) == KSHOT_ERROR_STATE);
    } // the second one, which never began, must not end the first one before its turn
    CHECK(learner.size() == 0);
    kshotpp::enrollment next = learner.enroll("kept");
    kshotpp::enrollment moved(static_cast<kshotpp::enrollment &&>(next));
    next.abort(); // has nothing to end any more
    CHECK(moved.add(dark) == KSHOT_OK && moved.commit() && learner.size() == 1);
    return 0;
}

static int a_failure_is_remembered()
{
    tiny_learner learner;
    kshotpp::enrollment enrollment = learner.enroll("half");

    CHECK(enrollment.add(bright) == KSHOT_OK);
    CHECK(enrollment.add(nullptr) == KSHOT_ERROR_ARGUMENT);
    CHECK(enrollment.add(bright) == KSHOT_OK && !enrollment);
    CHECK(enrollment.commit().status() == KSHOT_ERROR_ARGUMENT);
    CHECK(learner.size() == 0);
    kshotpp::enrollment without = learner.enroll("none");
    CHECK(without.commit().status() == KSHOT_ERROR_EMPTY);
    CHECK(learner.enroll("free again"));
    return 0;
}

static bool holds(const unsigned char *bytes, size_t len, const void *wanted, size_t wanted_len)
{
    for (size_t i = 0; i + wanted_len <= len; i++) {
        if (memcmp(bytes + i, wanted, wanted_len) == 0) {
            return true;
        }
    }
    return false;
}

static int what_was_learned_goes_with_the_learner()
{
    alignas(tiny_learner) static unsigned char room[sizeof(tiny_learner)];
    tiny_learner *const learner = new (room) tiny_learner();
    kshotpp::enrollment enrollment = learner->enroll("a secret");

    CHECK(enrollment.add(bright) == KSHOT_OK && enrollment.commit());
    CHECK(holds(room, sizeof room, "a secret", 8));
    learner->~tiny_learner();
    CHECK(!holds(room, sizeof room, "a secret", 8));
    return 0;
}

extern "C" int cpp_test(void);

extern "C" int cpp_test(void)
{
    int (*const tests[])() = {empty_learner, committed_classes_answer, what_is_not_committed_leaves_no_trace,
                              a_failure_is_remembered, what_was_learned_goes_with_the_learner};

    for (size_t i = 0; i < tiny_traits::input_len; i++) {
        bright[i] = static_cast<int8_t>(100 + i % 8);
        dark[i] = static_cast<int8_t>(i % 2 == 0 ? -100 : 60);
    }
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        const int line = tests[i]();
        if (line != 0) {
            return line;
        }
    }
    return 0;
}
