/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cuts and failures at every point are tried where the library is fast, and under
 * AddressSanitizer, which is here for what the code in between does, at every
 * so many.
 */
#ifndef TESTS_SUPPORT_STRIDE_H
#define TESTS_SUPPORT_STRIDE_H

#ifdef __SANITIZE_ADDRESS__
enum { STRIDE = 5 };
#else
enum { STRIDE = 1 };
#endif

#endif
