/* SPDX-License-Identifier: Apache-2.0 */
/* The processor's own timer as a counter that does not wrap. */
#ifndef SYSTICK_H
#define SYSTICK_H

#include <stdint.h>

void systick_start(void);

/* Ticks of the processor's clock since systick_start(). */
uint64_t systick_ticks(void);

#endif
