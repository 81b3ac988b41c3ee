/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_BASE_ALLOC_H
#define VHD_BASE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

/*
 * All memory of the library comes from here.  The product is checked; memory is
 * zeroed; NULL means that there is none.  What is asked for zero bytes gets a
 * pointer that can be freed.
 */
void *vhd_alloc(size_t len);
void *vhd_alloc_array(size_t n, size_t len);
/* @align is a power of two, at least sizeof(void *). */
void *vhd_alloc_aligned(size_t align, size_t len);
char *vhd_strdup(const char *s);
void vhd_free(void *p);

/*
 * For tests: asked before each allocation; false makes it fail.  The library's
 * own definition is weak and says true, so that a test program that is made of
 * the library's objects defines its own.  Hidden in the shared library: nobody
 * outside can replace it there.
 */
bool vhd_alloc_allowed(size_t len);

#endif
