/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_COMMON_SIZE_H
#define VHD_COMMON_SIZE_H

#include <stdbool.h>
#include <stdint.h>

/* Room for every text that size_format() and size_human() make. */
enum { SIZE_TEXT = 40 };

/*
 * size_parse - read a size such as "64G", "2MiB", "1.5 GiB" or "4096"
 *
 * Units are powers of 1024: K M G T, each alone or followed by "iB", in any
 * case; none, or "bytes", means bytes.  A fraction is fine when the result is a
 * whole number of bytes.  Everything else, overflow included, is refused.
 */
bool size_parse(const char *text, uint64_t *size_out);

/* size_format - the shortest text from which size_parse() gets @size back */
const char *size_format(uint64_t size, char text[SIZE_TEXT]);

/* size_human - three digits and a unit; what a person wants to know */
const char *size_human(uint64_t size, char text[SIZE_TEXT]);

#endif
