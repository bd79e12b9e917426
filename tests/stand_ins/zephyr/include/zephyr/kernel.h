/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZEPHYR_KERNEL_STAND_IN_H
#define ZEPHYR_KERNEL_STAND_IN_H

#include <stddef.h>
#include <stdint.h>

#endif
