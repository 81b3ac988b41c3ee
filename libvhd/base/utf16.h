/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_BASE_UTF16_H
#define VHD_BASE_UTF16_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum vhd_utf16_order { VHD_UTF16_LE, VHD_UTF16_BE };

/* Room for any text of @units code units as UTF-8, its NUL included. */
#define VHD_UTF8_ROOM(units) ((units) * 3 + 1)

/*
 * Decodes @units code units, ending early at a NUL unit.  Lone surrogates
 * become U+FFFD.  @out has VHD_UTF8_ROOM(@units) bytes.
 *
 * Returns true when nothing had to be replaced.
 */
bool vhd_utf16_decode(const uint8_t *in, size_t units,
		      enum vhd_utf16_order order, char *out);

/*
 * Encodes NUL-terminated UTF-8 into at most @max_units code units, without a
 * terminator.
 *
 * Returns false when @in is not UTF-8 or does not fit; @units_out is then not
 * written.
 */
bool vhd_utf16_encode(const char *in, enum vhd_utf16_order order, uint8_t *out,
		      size_t max_units, size_t *units_out);

#endif
