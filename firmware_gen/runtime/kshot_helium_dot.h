/* SPDX-License-Identifier: Apache-2.0 */
/* Dot products of four output channels with one pixel or three. Their lengths are free: the processor itself leaves out
 * what the last vector has too much. A sum lies in one of the general registers with an even number, of which loops
 * have six to spare; hence two channels and three pixels in a loop. */
#ifndef KSHOT_HELIUM_DOT_H
#define KSHOT_HELIUM_DOT_H

#include "kshot_helium_pixels.h"
#include "kshot_helium_vectors.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Of three pixels, four channels each. */
typedef struct kshot_helium_sums {
    kshot_words first, second, third;
} kshot_helium_sums;

#if defined(__ARM_FEATURE_MVE) && defined(__GNUC__) && !defined(__clang__) && defined(__OPTIMIZE__)

#define KSHOT_HELIUM_SUM(sum) "+&Te"(sum)

/* The compiler knows no loops that end in the middle of a vector. */
static inline void kshot_helium_copy(const int8_t *from, uint32_t len, int8_t *to)
{
    __asm__ volatile("wlstp.8 lr, %[len], 2f\n"
                     "1:\n\t"
                     "vldrb.8 q0, [%[from]], #16\n\t"
                     "vstrb.8 q0, [%[to]], #16\n\t"
                     "letp lr, 1b\n"
                     "2:"
                     : [from] "+&r"(from), [to] "+&r"(to)
                     : [len] "r"(len)
                     : "lr", "q0", "memory");
}

/* Two of four channels, which go to the lanes `low` and `high` of each pixel's sums. */
#define KSHOT_HELIUM_DOT_2X3(low, high, held)                                                                          \
    __asm__ volatile(                                                                                                  \
        "ldr lr, %[len]\n\t"                                                                                           \
        "dlstp.8 lr, lr\n"                                                                                             \
        "1:\n\t"                                                                                                       \
        "vldrb.8 q3, [%[w0]], #16\n\t"                                                                                 \
        "vldrb.8 q4, [%[w1]], #16\n\t"                                                                                 \
        "vldrb.8 q5, [%[x0]], #16\n\t"                                                                                 \
        "vmladava.s8 %[a0], q3, q5\n\t"                                                                                \
        "vmladava.s8 %[b0], q4, q5\n\t"                                                                                \
        "vldrb.8 q5, [%[x1]], #16\n\t"                                                                                 \
        "vmladava.s8 %[a1], q3, q5\n\t"                                                                                \
        "vmladava.s8 %[b1], q4, q5\n\t"                                                                                \
        "vldrb.8 q5, [%[x2]], #16\n\t"                                                                                 \
        "vmladava.s8 %[a2], q3, q5\n\t"                                                                                \
        "vmladava.s8 %[b2], q4, q5\n\t"                                                                                \
        "letp lr, 1b\n\t"                                                                                              \
        "vmov %q[first][" high "], %q[first][" low "], %[a0], %[b0]\n\t"                                               \
        "vmov %q[second][" high "], %q[second][" low "], %[a1], %[b1]\n\t"                                             \
        "vmov %q[third][" high "], %q[third][" low "], %[a2], %[b2]"                                                   \
        : [a0] KSHOT_HELIUM_SUM(a0), [a1] KSHOT_HELIUM_SUM(a1), [a2] KSHOT_HELIUM_SUM(a2), [b0] KSHOT_HELIUM_SUM(b0),  \
          [b1] KSHOT_HELIUM_SUM(b1), [b2] KSHOT_HELIUM_SUM(b2), [w0] "+&r"(w0), [w1] "+&r"(w1), [x0] "+&r"(x0),        \
          [x1] "+&r"(x1), [x2] "+&r"(x2), [first] held(first), [second] held(second), [third] held(third)              \
        : [len] "m"(len)                                                                                               \
        : "lr", "q3", "q4", "q5", "memory")

/* Four channels, whose weights lie `len` apart, of three pixels. The loops leave two registers over: a frame pointer
 * would take one of them, whatever the flags of the build say. */
__attribute__((noinline, unused, optimize("O2", "omit-frame-pointer"))) static kshot_helium_sums
kshot_helium_dot_4x3(const int8_t *weights, uint32_t len, const int8_t *const *pixels, const int32_t *start)
{
    const int8_t *w0 = weights, *w1 = weights + 2 * len, *x0 = pixels[0], *x1 = pixels[1], *x2 = pixels[2];
    int32_t a0 = start[0], a1 = a0, a2 = a0, b0 = start[2], b1 = b0, b2 = b0;
    kshot_words first, second, third;
    KSHOT_HELIUM_DOT_2X3("0", "2", "=&w");

    w0 = weights + len, w1 = weights + 3 * len, x0 = pixels[0], x1 = pixels[1], x2 = pixels[2];
    a0 = start[1], a1 = a0, a2 = a0, b0 = start[3], b1 = b0, b2 = b0;
    KSHOT_HELIUM_DOT_2X3("1", "3", "+&w");
    return (kshot_helium_sums){first, second, third};
}

#undef KSHOT_HELIUM_DOT_2X3

/* The same for at most 16 inputs, without `start`: each weight is loaded once. */
static inline kshot_helium_sums kshot_helium_short_dot_4x3(const int8_t *weights, uint32_t len,
                                                           const int8_t *const *pixels)
{
    kshot_words first, second, third;
    int32_t a, b, c, d;

    __asm__ volatile("dlstp.8 lr, %[len]\n\t"
                     "vldrb.8 q0, [%[w]]\n\t"
                     "add %[w], %[w], %[len]\n\t"
                     "vldrb.8 q1, [%[w]]\n\t"
                     "add %[w], %[w], %[len]\n\t"
                     "vldrb.8 q2, [%[w]]\n\t"
                     "add %[w], %[w], %[len]\n\t"
                     "vldrb.8 q3, [%[w]]\n\t"
                     "vldrb.8 q4, [%[x0]]\n\t"
                     "vmladav.s8 %[a], q0, q4\n\t"
                     "vmladav.s8 %[b], q1, q4\n\t"
                     "vmladav.s8 %[c], q2, q4\n\t"
                     "vmladav.s8 %[d], q3, q4\n\t"
                     "vmov %q[first][2], %q[first][0], %[a], %[c]\n\t"
                     "vmov %q[first][3], %q[first][1], %[b], %[d]\n\t"
                     "vldrb.8 q4, [%[x1]]\n\t"
                     "vmladav.s8 %[a], q0, q4\n\t"
                     "vmladav.s8 %[b], q1, q4\n\t"
                     "vmladav.s8 %[c], q2, q4\n\t"
                     "vmladav.s8 %[d], q3, q4\n\t"
                     "vmov %q[second][2], %q[second][0], %[a], %[c]\n\t"
                     "vmov %q[second][3], %q[second][1], %[b], %[d]\n\t"
                     "vldrb.8 q4, [%[x2]]\n\t"
                     "vmladav.s8 %[a], q0, q4\n\t"
                     "vmladav.s8 %[b], q1, q4\n\t"
                     "vmladav.s8 %[c], q2, q4\n\t"
                     "vmladav.s8 %[d], q3, q4\n\t"
                     "vmov %q[third][2], %q[third][0], %[a], %[c]\n\t"
                     "vmov %q[third][3], %q[third][1], %[b], %[d]\n\t"
                     "lctp"
                     : [a] "=&Te"(a), [b] "=&Te"(b), [c] "=&Te"(c), [d] "=&Te"(d), [first] "=&w"(first),
                       [second] "=&w"(second), [third] "=&w"(third), [w] "+&r"(weights)
                     : [len] "r"(len), [x0] "r"(pixels[0]), [x1] "r"(pixels[1]), [x2] "r"(pixels[2])
                     : "lr", "q0", "q1", "q2", "q3", "q4", "memory");
    return (kshot_helium_sums){first, second, third};
}

/* Four channels of one pixel. */
static inline kshot_words kshot_helium_dot_4x1(const int8_t *weights, uint32_t len, const int8_t *pixel,
                                               const int32_t *start)
{
    const int8_t *w0 = weights, *w1 = w0 + len, *w2 = w1 + len, *w3 = w2 + len;
    int32_t a = start[0], b = start[1], c = start[2], d = start[3];

    __asm__ volatile(
        "dlstp.8 lr, %[len]\n"
        "1:\n\t"
        "vldrb.8 q0, [%[x]], #16\n\t"
        "vldrb.8 q1, [%[w0]], #16\n\t"
        "vmladava.s8 %[a], q0, q1\n\t"
        "vldrb.8 q1, [%[w1]], #16\n\t"
        "vmladava.s8 %[b], q0, q1\n\t"
        "vldrb.8 q1, [%[w2]], #16\n\t"
        "vmladava.s8 %[c], q0, q1\n\t"
        "vldrb.8 q1, [%[w3]], #16\n\t"
        "vmladava.s8 %[d], q0, q1\n\t"
        "letp lr, 1b"
        : [a] KSHOT_HELIUM_SUM(a), [b] KSHOT_HELIUM_SUM(b), [c] KSHOT_HELIUM_SUM(c), [d] KSHOT_HELIUM_SUM(d),
          [w0] "+&r"(w0), [w1] "+&r"(w1), [w2] "+&r"(w2), [w3] "+&r"(w3), [x] "+&r"(pixel)
        : [len] "r"(len)
        : "lr", "q0", "q1", "memory");
    return kshot_words_of(a, b, c, d);
}

#undef KSHOT_HELIUM_SUM

#else

static inline void kshot_helium_copy(const int8_t *from, uint32_t len, int8_t *to)
{
    for (uint32_t i = 0; i < len; i += 16) {
        kshot_bytes_store_first(to + i, kshot_bytes_load_first(from + i, len - i), len - i);
    }
}

static inline int32_t kshot_helium_dot(const int8_t *weights, uint32_t len, const int8_t *pixel, int32_t sum)
{
    for (uint32_t i = 0; i < len; i += 16) {
        const kshot_bytes inputs = kshot_bytes_load_first(pixel + i, len - i);
        sum = kshot_bytes_add_dot(sum, inputs, kshot_bytes_load_first(weights + i, len - i));
    }
    return sum;
}

/* Four channels of one pixel. */
static inline kshot_words kshot_helium_dot_4x1(const int8_t *weights, uint32_t len, const int8_t *pixel,
                                               const int32_t *start)
{
    int32_t sums[4];
    for (uint32_t i = 0; i < 4; i++) {
        sums[i] = kshot_helium_dot(weights + i * len, len, pixel, start[i]);
    }
    return kshot_words_load(sums);
}

/* Four channels, whose weights lie `len` apart, of three pixels. */
static inline kshot_helium_sums kshot_helium_dot_4x3(const int8_t *weights, uint32_t len, const int8_t *const *pixels,
                                                     const int32_t *start)
{
    const kshot_helium_sums sums = {
        kshot_helium_dot_4x1(weights, len, pixels[0], start),
        kshot_helium_dot_4x1(weights, len, pixels[1], start),
        kshot_helium_dot_4x1(weights, len, pixels[2], start),
    };
    return sums;
}

/* The same for at most 16 inputs, without `start`. */
static inline kshot_helium_sums kshot_helium_short_dot_4x3(const int8_t *weights, uint32_t len,
                                                           const int8_t *const *pixels)
{
    static const int32_t zeros[4] = {0};
    return kshot_helium_dot_4x3(weights, len, pixels, zeros);
}

#endif

#ifdef __cplusplus
}
#endif
#endif
