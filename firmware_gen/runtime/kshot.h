/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * @brief kshot: teach a microcontroller a new class from a few examples.
 *
 *     static kshot k;
 *     static glyphs_memory memory;      // this and the next from the header generated for the model "glyphs"
 *     glyphs_init(&k, &memory);
 *     kshot_enroll_begin(&k, "wave");
 *     kshot_enroll_add(&k, input);      // once a shot
 *     kshot_enroll_commit(&k, &id);
 *     kshot_classify(&k, input, &answer);
 *
 * Life cycle: kshot_init(), which the generated `<model>_init()` calls, makes a kshot ready; it has no classes then. It
 * stays ready until its memory goes; nothing has to be closed. An enrollment is open from kshot_enroll_begin() to
 * kshot_enroll_commit() or kshot_enroll_abort(). kshot_forget(), kshot_rename() and kshot_wipe() wait until none is
 * open; all else works meanwhile, on the classes as they were. Classes that are to survive a reset go through
 * kshot_persist.h.
 *
 * Errors: every call either does all that it says, or changes nothing and returns why (embedding and arena are working
 * memory and may have changed). Besides what a call names, all of them answer #KSHOT_ERROR_ARGUMENT for a null pointer
 * and #KSHOT_ERROR_STATE for a kshot that is not ready.
 *
 * Cost: "a run" is one run of the network, and with larger networks all that matters; `make bench` and `kshot build`
 * count it. Other costs are given in classes c, shots of a class s and values of an embedding n; with rejection, a call
 * that changes classes also goes through the model's impostors. No call allocates, blocks, recurses or prints.
 *
 * Reentrancy: different kshots share nothing and may be used from different threads or interrupts at once. Calls for
 * one kshot must not overlap.
 *
 * Values: an input or embedding is int8, quantized as the generated header says; `<model>_pixel_to_input` maps raw
 * values from 0 to 255. Distances are squared, in the unit of the model's learner (its header has it). */
#ifndef KSHOT_H
#define KSHOT_H

#include "kshot_model.h"
#include "kshot_status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Answer of a classification. */
typedef struct kshot_answer {
    uint16_t class_id;     /**< the class that won, 1 to KSHOT_MAX_CLASS_ID */
    uint32_t distance;     /**< to what it has learned, squared, in the learner's unit */
    uint32_t margin;       /**< how far the second class lies behind; UINT32_MAX when there is none */
    kshot_verdict verdict; /**< whether it is of that class at all */
} kshot_answer;

/** Answer to "is it the same?". */
typedef struct kshot_verification {
    bool same;         /**< the distance is at most the model's calibrated one */
    uint32_t distance; /**< to what the class has learned, squared, in the learner's unit */
} kshot_verification;

/** Caller's memory, as the generated header lays it out. There are max_classes + 1 slots, the last one being the
 * enrollment in progress; the arrays that the model's learner does not use may be null. */
typedef struct kshot_buffers {
    void *arena;                /**< [model->arena_bytes], 8-byte aligned */
    int8_t *embedding;          /**< [model->embedding_len] */
    kshot_class *classes;       /**< [slots]; the lengths of the next ones are those of kshot_slots */
    int32_t *sums;              /**< sums of shots */
    int16_t *prototypes;        /**< means of shots */
    uint32_t *squares;          /**< sums of squares of shots */
    int8_t *exemplars;          /**< the shots themselves */
    kshot_shot_note *notes;     /**< notes on shots */
    float *head;                /**< rows of the gradient head */
    float *scratch;             /**< the gradient head's own */
    kshot_reject_memory reject; /**< of a model with rejection; else nothing of it is read */
    uint16_t max_classes;       /**< 1 to 32767 */
    uint16_t max_shots;         /**< of a class, 1 to KSHOT_MAX_SHOTS */
} kshot_buffers;

/** State; the fields are the runtime's own. */
typedef struct kshot {
    const kshot_model *model; /**< @private */
    kshot_slots slots;        /**< @private */
    void *arena;              /**< @private */
    int8_t *embedding;        /**< @private */
    uint16_t max_classes;     /**< @private */
    uint16_t class_count;     /**< @private */
    uint16_t next_id;         /**< @private */
    kshot_rejector rejector;  /**< @private */
    int16_t enrolling;        /**< @private -1: none; class_count: a new class; less: that one */
} kshot;

/** @brief Checks and adopts model and buffers; no class is enrolled yet. The generated `<model>_init()` calls it.
 *
 * May be called again at any time, and begins anew then. Cost: that of clearing the rejection's memory.
 * @param[out] k        becomes ready; keeps both pointers' targets in use
 * @param[in]  model    the generated `<model>_model`
 * @param[in]  buffers  copied; what it points to must stay
 * @return #KSHOT_ERROR_MODEL for a model that this runtime does not fit, or that has no learner; #KSHOT_ERROR_MEMORY
 * for a buffer that is missing or not aligned, or a count out of range. */
kshot_status kshot_init(kshot *k, const kshot_model *model, const kshot_buffers *buffers);

/** @brief Runs the network alone. Cost: a run.
 * @param[in,out] k          of which only the arena is used
 * @param[in]     input      [model->input_len]
 * @param[out]    embedding  [model->embedding_len]; overlaps nothing else
 * @return #KSHOT_OK, or as every call. */
kshot_status kshot_embed(kshot *k, const int8_t *input, int8_t *embedding);

/** @brief Opens an enrollment. Cost: c comparisons of labels, and the copy of a class.
 *
 * A label that is enrolled already gets more shots; commit makes them count, abort forgets them.
 * @param[in,out] k
 * @param[in]     label  1 to KSHOT_LABEL_BYTES - 1 bytes of UTF-8 and a zero; copied
 * @return #KSHOT_ERROR_ARGUMENT for a label that is empty, too long or no UTF-8; #KSHOT_ERROR_STATE while an enrollment
 * is open; #KSHOT_ERROR_FULL without room for another class. */
kshot_status kshot_enroll_begin(kshot *k, const char *label);

/** @brief The same, but what the class has learned is replaced by what this enrollment adds.
 * @param[in,out] k
 * @param[in]     label  as for kshot_enroll_begin()
 * @return as kshot_enroll_begin() */
kshot_status kshot_enroll_begin_anew(kshot *k, const char *label);

/** @brief Adds a shot to the open enrollment. Cost: a run, and n; with rejection also a classification.
 * @param[in,out] k
 * @param[in]     input  [model->input_len]
 * @return #KSHOT_ERROR_STATE without an open enrollment; #KSHOT_ERROR_FULL when the class has all the shots that it has
 * room for. The enrollment stays open. */
kshot_status kshot_enroll_add(kshot *k, const int8_t *input);

/** @brief The same for an embedding. Cost: n; with rejection also a classification.
 * @param[in,out] k
 * @param[in]     embedding  [model->embedding_len]
 * @return as kshot_enroll_add() */
kshot_status kshot_enroll_add_embedding(kshot *k, const int8_t *embedding);

/** @brief Takes back a shot, of this enrollment or an earlier one of the class. Cost: n, where shots are kept s n.
 * @param[in,out] k
 * @param[in]     embedding  [model->embedding_len], the one that was added
 * @return #KSHOT_ERROR_STATE without an open enrollment; #KSHOT_ERROR_EMPTY when it has no shot; #KSHOT_ERROR_ARGUMENT
 * for an embedding that cannot be one of its shots. */
kshot_status kshot_enroll_take_back_embedding(kshot *k, const int8_t *embedding);

/** @brief Makes the open enrollment count, and ends it. Cost: s n; with a gradient head its steps over all shots.
 * @param[in,out] k
 * @param[out]    class_id  the class's id, new or not; may be null
 * @return #KSHOT_ERROR_STATE without an open enrollment; #KSHOT_ERROR_EMPTY, and it stays open, without a shot. */
kshot_status kshot_enroll_commit(kshot *k, uint16_t *class_id);

/** @brief Ends the open enrollment without a trace; overwrites what it had, arena and embedding included. Cost: s n.
 * @param[in,out] k
 * @return #KSHOT_ERROR_STATE without an open enrollment. */
kshot_status kshot_enroll_abort(kshot *k);

/** @brief How the shots looked that were added since begin, those taken back included, and after commit the class;
 * until the next begin.
 * @param[in]  k
 * @param[out] quality
 * @return #KSHOT_ERROR_MODEL where the model has no rejection. */
kshot_status kshot_enroll_quality(const kshot *k, kshot_quality *quality);

/** @brief Sets how many samples of no enrolled class may be accepted. Cost: c, with the model's tables.
 * @param[in,out] k
 * @param[in]     per_mille  1 to 250 in 1000; 50 after kshot_init()
 * @return #KSHOT_ERROR_MODEL where the model has no rejection; #KSHOT_ERROR_ARGUMENT out of range. */
kshot_status kshot_set_false_accepts(kshot *k, uint16_t per_mille);

/** @brief "Not this": whatever lies nearer to a negative than to the class that wins is unknown. Cost: a run.
 * @param[in,out] k
 * @param[in]     input  [model->input_len]
 * @return #KSHOT_ERROR_MODEL where the model has no rejection; #KSHOT_ERROR_FULL without room for another negative. */
kshot_status kshot_negative_add(kshot *k, const int8_t *input);

/** @brief The same for an embedding. Cost: n.
 * @param[in,out] k
 * @param[in]     embedding  [model->embedding_len]
 * @return as kshot_negative_add() */
kshot_status kshot_negative_add_embedding(kshot *k, const int8_t *embedding);

/** @brief Removes all negatives and overwrites them.
 * @param[in,out] k
 * @return #KSHOT_ERROR_MODEL where the model has no rejection. */
kshot_status kshot_negatives_forget(kshot *k);

/** @brief Removes a class and overwrites what it had learned. The others keep their ids and their order.
 *
 * As after an abort, embedding and arena are overwritten, too: the last run may have been on a shot. Cost: moves the
 * classes behind it; with a gradient head its steps over all shots.
 * @param[in,out] k
 * @param[in]     class_id
 * @return #KSHOT_ERROR_STATE while an enrollment is open; #KSHOT_ERROR_NOT_FOUND for no class's id. */
kshot_status kshot_forget(kshot *k, uint16_t class_id);

/** @brief Removes all classes and negatives in the same way. Ids go on from where they were.
 * @param[in,out] k
 * @return #KSHOT_ERROR_STATE while an enrollment is open. */
kshot_status kshot_wipe(kshot *k);

/** @brief Gives a class another label.
 * @param[in,out] k
 * @param[in]     class_id
 * @param[in]     label  as for kshot_enroll_begin(); copied
 * @return #KSHOT_ERROR_ARGUMENT also for a label that another class has; #KSHOT_ERROR_STATE while an enrollment is
 * open; #KSHOT_ERROR_NOT_FOUND for no class's id. */
kshot_status kshot_rename(kshot *k, uint16_t class_id, const char *label);

/** @brief Number of enrolled classes.
 * @param[in] k  may be null or not ready
 * @return 0 to max_classes */
uint16_t kshot_class_count(const kshot *k);

/** @brief One of the enrolled classes, by rising id: in order of enrollment, until ids, after KSHOT_MAX_CLASS_ID of
 * them, begin again.
 * @param[in]  k
 * @param[in]  index  0 to kshot_class_count() - 1
 * @param[out] out    a copy
 * @return #KSHOT_ERROR_NOT_FOUND for another index. */
kshot_status kshot_class_at(const kshot *k, uint16_t index, kshot_class *out);

/** @brief The class that the learner finds for an input; of equals, the one with the lowest id.
 *
 * Cost: a run, and a classification: c n, where shots are kept c s n.
 * @param[in,out] k
 * @param[in]     input   [model->input_len]
 * @param[out]    answer  the winner, also where the verdict is KSHOT_UNKNOWN
 * @return #KSHOT_ERROR_EMPTY with nothing enrolled. */
kshot_status kshot_classify(kshot *k, const int8_t *input, kshot_answer *answer);

/** @brief The same for an embedding. Cost: a classification.
 * @param[in]  k
 * @param[in]  embedding  [model->embedding_len]
 * @param[out] answer
 * @return as kshot_classify() */
kshot_status kshot_classify_embedding(const kshot *k, const int8_t *embedding, kshot_answer *answer);

/** @brief Whether an input is of a class, against the distance that was calibrated with the model. Cost: a run, and n,
 * where shots are kept s n.
 * @param[in,out] k
 * @param[in]     class_id
 * @param[in]     input         [model->input_len]
 * @param[out]    verification
 * @return #KSHOT_ERROR_MODEL where no distance was calibrated (the Siamese learner has one); #KSHOT_ERROR_NOT_FOUND for
 * no class's id. */
kshot_status kshot_verify(kshot *k, uint16_t class_id, const int8_t *input, kshot_verification *verification);

/** @brief The same for an embedding.
 * @param[in]  k
 * @param[in]  class_id
 * @param[in]  embedding     [model->embedding_len]
 * @param[out] verification
 * @return as kshot_verify() */
kshot_status kshot_verify_embedding(const kshot *k, uint16_t class_id, const int8_t *embedding,
                                    kshot_verification *verification);

#ifdef __cplusplus
}
#endif
#endif
