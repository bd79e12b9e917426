/* SPDX-License-Identifier: Apache-2.0 */
/* What a program here asks of its board. A port to another board is these functions and board_tick_unit, a
 * linker script and a board.mk (the variables that it sets are listed in boards/host/board.mk); a board whose flash
 * keeps the store adds the driver of board_flash.h. docs/boards.md leads through a port. */
#ifndef BOARD_H
#define BOARD_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Exit status of a program that ran into a processor fault. */
#define BOARD_EXIT_FAULT 70

/* Readies the clock, the serial line and the tick counter. Call it first, once. */
void board_start(void);

/* Sends `len` bytes over the serial line; returns when the last one is handed over. */
void board_write(const char *bytes, size_t len);

/* Waits for `len` bytes. Returns how many came: fewer only where the line can end, as standard input can. */
size_t board_read(char *bytes, size_t len);

/* What has passed since board_start(), in board_tick_unit; never wraps. */
uint64_t board_tick(void);

/* "instructions" in an emulator, "cycles" on a microcontroller, "nanoseconds" on a host. */
extern const char *const board_tick_unit;

/* Ends the program where it can end; elsewhere stops. */
void board_exit(int status) __attribute__((noreturn));

/* Starts the program anew, as after power came: variables are lost, flash stays. */
void board_reset(void) __attribute__((noreturn));

#ifdef __cplusplus
}
#endif
#endif
