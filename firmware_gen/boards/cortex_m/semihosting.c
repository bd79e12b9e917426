/* SPDX-License-Identifier: Apache-2.0 */
#include "semihosting.h"

#include <stdint.h>
#include <string.h>

enum { SYS_OPEN = 0x01, SYS_CLOSE = 0x02, SYS_WRITE = 0x05, SYS_READ = 0x06, SYS_EXIT_EXTENDED = 0x20 };
enum { OPEN_READ_BINARY = 1, OPEN_WRITE_BINARY = 5 };
enum { STOPPED_APPLICATION_EXIT = 0x20026 };

static uintptr_t call(uintptr_t operation, const uintptr_t *arguments)
{
    register uintptr_t r0 __asm__("r0") = operation;
    register const uintptr_t *r1 __asm__("r1") = arguments;

    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static int open_file(const char *path, uintptr_t mode)
{
    const uintptr_t arguments[3] = {(uintptr_t)path, mode, strlen(path)};

    return (int)call(SYS_OPEN, arguments);
}

int semihosting_open_read(const char *path)
{
    return open_file(path, OPEN_READ_BINARY);
}

int semihosting_open_write(const char *path)
{
    return open_file(path, OPEN_WRITE_BINARY);
}

int semihosting_close(int handle)
{
    const uintptr_t arguments[1] = {(uintptr_t)handle};

    return (int)call(SYS_CLOSE, arguments);
}

size_t semihosting_read(int handle, void *bytes, size_t len)
{
    const uintptr_t arguments[3] = {(uintptr_t)handle, (uintptr_t)bytes, len};

    return call(SYS_READ, arguments);
}

size_t semihosting_write(int handle, const void *bytes, size_t len)
{
    const uintptr_t arguments[3] = {(uintptr_t)handle, (uintptr_t)bytes, len};

    return call(SYS_WRITE, arguments);
}

void semihosting_exit(int status)
{
    const uintptr_t arguments[2] = {STOPPED_APPLICATION_EXIT, (uintptr_t)status};

    for (;;) {
        call(SYS_EXIT_EXTENDED, arguments);
    }
}
