/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_BASE_ALLOC_H
#define VHD_BASE_ALLOC_H

#include <stddef.h>

/*
 * All memory of the library comes from here.  The product is checked; memory is
 * zeroed; NULL means that there is none.
 */
void *vhd_alloc(size_t len);
void *vhd_alloc_array(size_t n, size_t len);
/* @align is a power of two, at least sizeof(void *). */
void *vhd_alloc_aligned(size_t align, size_t len);
char *vhd_strdup(const char *s);
void vhd_free(void *p);

/*
 * For tests: called before each allocation; false makes it fail.  Weak, so that
 * a test program defines its own.
 */
#ifdef VHD_TEST_ALLOC
bool vhd_alloc_allowed(size_t len);
#endif

#endif
