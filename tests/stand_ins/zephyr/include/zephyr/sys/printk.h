/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ZEPHYR_PRINTK_STAND_IN_H
#define ZEPHYR_PRINTK_STAND_IN_H

void printk(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
