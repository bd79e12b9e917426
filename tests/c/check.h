/* SPDX-License-Identifier: Apache-2.0 */
/* A program of C tests: a table of functions, of which its argument names the one to run. The first check that does not
 * hold is printed and ends the program. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEST(name) static void name(void)
#define ENTRY(name) {#name, name}

typedef struct check_entry {
    const char *name;
    void (*run)(void);
} check_entry;

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            printf("%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                                      \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

#define CHECK_EQUAL(expected, actual)                                                                                  \
    do {                                                                                                               \
        const long long check_expected = (expected), check_actual = (actual);                                          \
        if (check_expected != check_actual) {                                                                          \
            printf("%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #actual, check_actual, check_expected);        \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

/* Names the tests without an argument; else runs the one that is named. */
static inline int check_main(int argc, char **argv, const check_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (argc < 2) {
            printf("%s\n", entries[i].name);
        } else if (strcmp(argv[1], entries[i].name) == 0) {
            entries[i].run();
            return 0;
        }
    }
    return argc < 2 ? 0 : 2;
}

#define CHECK_MAIN(...)                                                                                                \
    int main(int argc, char **argv)                                                                                    \
    {                                                                                                                  \
        static const check_entry entries[] = {__VA_ARGS__};                                                            \
        return check_main(argc, argv, entries, sizeof entries / sizeof entries[0]);                                    \
    }

#endif
