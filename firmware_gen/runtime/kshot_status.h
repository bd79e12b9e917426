/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * @brief What a call answers: #KSHOT_OK, or why nothing was changed. */
#ifndef KSHOT_STATUS_H
#define KSHOT_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

/** What a call answers. */
typedef enum kshot_status {
    KSHOT_OK = 0, /**< done */
    /* misuse: the caller can avoid it */
    KSHOT_ERROR_ARGUMENT = -1,  /**< a null pointer, an empty or over-long label, a value out of range */
    KSHOT_ERROR_STATE = -2,     /**< not now: enrollment open where it must not be, or the reverse */
    KSHOT_ERROR_FULL = -3,      /**< no room for another class, or a class has all the shots that it can count */
    KSHOT_ERROR_NOT_FOUND = -4, /**< no class with this id */
    KSHOT_ERROR_EMPTY = -5,     /**< nothing enrolled, or an enrollment without a shot */
    KSHOT_ERROR_LOCKED = -6,    /**< the key is wanted first */
    /* bad data: the memory or model handed in does not fit */
    KSHOT_ERROR_MODEL = -32,  /**< model and runtime, or model and buffers, do not belong together */
    KSHOT_ERROR_MEMORY = -33, /**< a buffer is missing or not aligned, or max_classes is not in [1, 32767] */
    /* bad data: the flash does not do or hold what it should */
    KSHOT_ERROR_GEOMETRY = -34,     /**< no geometry that the store can use, or it cannot hold the classes */
    KSHOT_ERROR_FLASH = -35,        /**< a callback failed, or what was written cannot be read back */
    KSHOT_ERROR_CORRUPT = -36,      /**< a record that was acknowledged is damaged or lost */
    KSHOT_ERROR_INCOMPATIBLE = -37, /**< written for another model, geometry or format */
    KSHOT_ERROR_UNFORMATTED = -38   /**< there is no store */
} kshot_status;

/** @brief A status by name, for logs.
 * @param[in] status
 * @return the constant's name; "KSHOT_ERROR_UNKNOWN" for any other value. Never null, and constant. */
const char *kshot_status_name(kshot_status status);

#ifdef __cplusplus
}
#endif
#endif
