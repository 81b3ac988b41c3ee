/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_NBDKIT_FAIL_H
#define VHD_NBDKIT_FAIL_H

/*
 * Failing: a sentence for the person at the server, a number for the client.
 * Each of these returns -1, as nbdkit's callbacks do then.
 */

#include <vhd/error.h>

/* fail_text - for @os_errno, with a sentence of our own */
int fail_text(int os_errno, const char *fmt, ...) VHD_PRINTF(2, 3);

/* fail_open - the image could not be opened; says which key may help */
int fail_open(const struct vhd_error *err);

/* fail_io - a request failed; NBD has few words for why */
int fail_io(const struct vhd_error *err);

#endif
