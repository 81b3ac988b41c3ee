/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_CLASSIC_HEADERS_TEXT_H
#define VHD_TOOLS_CLASSIC_HEADERS_TEXT_H

/*
 * The headers of an image as `read -p` and a failing `check` print them: clients
 * look for the labels, which are 20 columns wide.  Bytes that are no text are
 * printed as \xNN, so that what is printed always is.
 */

#include <stdio.h>

#include <vhd/xen.h>

/* headers_text - all that is there; @hex: numbers as 0x... */
void headers_text(FILE *out, const struct vhd_xen_headers *h, bool hex);

/* headers_footer - the footer that counts; else the trailing one; else NULL */
const struct vhd_xen_footer *headers_footer(const struct vhd_xen_headers *h);

/* headers_escaped - print bytes up to the first NUL or @len */
void headers_escaped(FILE *out, const void *text, size_t len);

/* headers_name - print a name that the library has made UTF-8 */
void headers_name(FILE *out, const char *name);

/* headers_hex - print bytes as lower-case digits */
void headers_hex(FILE *out, const uint8_t *bytes, size_t len);

#endif
