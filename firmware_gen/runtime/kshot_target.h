/* SPDX-License-Identifier: Apache-2.0 */
/* The one place that chooses between the kernels for different instruction sets.
 *
 * A generated model has a source file for each set, and all but one of them compile to nothing. Every set gives the
 * same bits; the portable one is the specification. Define KSHOT_KERNELS for the whole build to choose yourself: the
 * DSP and Helium sets also compile, slowly, where there are no such instructions. */
#ifndef KSHOT_TARGET_H
#define KSHOT_TARGET_H

#define KSHOT_KERNELS_PORTABLE 0
#define KSHOT_KERNELS_DSP 1    /* Armv7E-M, and Armv8-M with the DSP extension: Cortex-M4, M7, M33 */
#define KSHOT_KERNELS_SCALAR 2 /* other M-profile processors: Cortex-M0, M0+, M3, M23 */
#define KSHOT_KERNELS_HELIUM 3 /* Armv8.1-M with integer vectors: Cortex-M55, M85 */

#ifndef KSHOT_KERNELS
#if defined(__ARM_FEATURE_MVE) && !defined(__ARM_BIG_ENDIAN)
#define KSHOT_KERNELS KSHOT_KERNELS_HELIUM
#elif defined(__ARM_FEATURE_DSP) && !defined(__ARM_BIG_ENDIAN)
#define KSHOT_KERNELS KSHOT_KERNELS_DSP
#elif defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M' && !defined(__ARM_BIG_ENDIAN)
#define KSHOT_KERNELS KSHOT_KERNELS_SCALAR
#else
#define KSHOT_KERNELS KSHOT_KERNELS_PORTABLE
#endif
#endif

#endif
