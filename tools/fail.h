/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_FAIL_H
#define VHD_TOOLS_FAIL_H

/* Errors of the program's own making, in the form of the library's. */

#include <vhd/vhd.h>

/*
 * fail - fill in an error
 *
 * @file:   named in front of the sentence; NULL: none
 * @errnum: of the call that failed; 0: none
 *
 * Returns: @code.
 */
int fail(struct vhd_error *err, int code, const char *file, int errnum,
	 const char *fmt, ...) VHD_PRINTF(5, 6);

int fail_nomem(struct vhd_error *err);

#endif
