/* SPDX-License-Identifier: Apache-2.0 */
#include "kshot_status.h"

const char *kshot_status_name(kshot_status status)
{
    switch (status) {
    case KSHOT_OK:
        return "KSHOT_OK";
    case KSHOT_ERROR_ARGUMENT:
        return "KSHOT_ERROR_ARGUMENT";
    case KSHOT_ERROR_STATE:
        return "KSHOT_ERROR_STATE";
    case KSHOT_ERROR_FULL:
        return "KSHOT_ERROR_FULL";
    case KSHOT_ERROR_NOT_FOUND:
        return "KSHOT_ERROR_NOT_FOUND";
    case KSHOT_ERROR_EMPTY:
        return "KSHOT_ERROR_EMPTY";
    case KSHOT_ERROR_LOCKED:
        return "KSHOT_ERROR_LOCKED";
    case KSHOT_ERROR_MODEL:
        return "KSHOT_ERROR_MODEL";
    case KSHOT_ERROR_MEMORY:
        return "KSHOT_ERROR_MEMORY";
    case KSHOT_ERROR_GEOMETRY:
        return "KSHOT_ERROR_GEOMETRY";
    case KSHOT_ERROR_FLASH:
        return "KSHOT_ERROR_FLASH";
    case KSHOT_ERROR_CORRUPT:
        return "KSHOT_ERROR_CORRUPT";
    case KSHOT_ERROR_INCOMPATIBLE:
        return "KSHOT_ERROR_INCOMPATIBLE";
    case KSHOT_ERROR_UNFORMATTED:
        return "KSHOT_ERROR_UNFORMATTED";
    }
    return "KSHOT_ERROR_UNKNOWN";
}
