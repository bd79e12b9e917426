/* SPDX-License-Identifier: Apache-2.0 */
/* Calls into the machine that emulates or debugs this one (Arm, "Semihosting for AArch32 and AArch64").
 * Without such a machine each call is a fault: boards that run on QEMU only may use them. */
#ifndef SEMIHOSTING_H
#define SEMIHOSTING_H

#include <stddef.h>

/* Opens a file of the host: a handle, or -1. */
int semihosting_open_read(const char *path);
int semihosting_open_write(const char *path);
int semihosting_close(int handle);

/* Bytes that were NOT read or written: 0 when all were. */
size_t semihosting_read(int handle, void *bytes, size_t len);
size_t semihosting_write(int handle, const void *bytes, size_t len);

/* Ends the emulation; its exit status is `status`. */
void semihosting_exit(int status) __attribute__((noreturn));

#endif
