/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_BASE_FAIL_H
#define VHD_BASE_FAIL_H

/*
 * Setting errors.  Each helper fills @err (which may be NULL) and returns the
 * code, so that detecting a fault is one statement:
 *
 *	if (off > limit)
 *		return vhd_fail(err, VHD_E_RANGE, "...");
 *
 * The file's name is added by whoever knows it: vhd_err_file() sets it only
 * when it is still empty, so that the innermost file wins.
 */

#include "base/rules.h"
#include "vhd/error.h"

int vhd_fail(struct vhd_error *err, int code, const char *fmt, ...)
	VHD_PRINTF(3, 4);

/* VHD_E_CORRUPT with a rule; @off may be VHD_NO_OFFSET. */
int vhd_fail_rule(struct vhd_error *err, enum vhd_rule_idx rule, uint64_t off,
		  const char *fmt, ...) VHD_PRINTF(4, 5);

/* Another code with a rule: VHD_E_UNSUPPORTED, VHD_E_PARENT, ... */
int vhd_fail_code_rule(struct vhd_error *err, int code, enum vhd_rule_idx rule,
		       uint64_t off, const char *fmt, ...) VHD_PRINTF(5, 6);

/*
 * A system call failed with @os_errno (positive).  The message gets ": " and
 * the text of the errno.  Code: VHD_E_NOSPACE for ENOSPC/EDQUOT/EFBIG,
 * VHD_E_EXISTS for EEXIST, VHD_E_BUSY for EAGAIN/EACCES of locks only (never
 * here), VHD_E_NOMEM for ENOMEM, else VHD_E_IO.
 */
int vhd_fail_errno(struct vhd_error *err, int os_errno, uint64_t off,
		   const char *fmt, ...) VHD_PRINTF(4, 5);

int vhd_fail_nomem(struct vhd_error *err);

/* Names the file unless one is named already.  Returns @code. */
int vhd_err_file(struct vhd_error *err, int code, const char *file);

#endif
