/* SPDX-License-Identifier: BSD-2-Clause */
#include "fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int fail(struct vhd_error *err, int code, const char *file, int errnum,
	 const char *fmt, ...)
{
	va_list ap;

	memset(err, 0, sizeof(*err));
	err->code = code;
	err->os_errno = errnum;
	err->off = VHD_NO_OFFSET;
	if (file != NULL)
		snprintf(err->file, sizeof(err->file), "%s", file);
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	return code;
}

int fail_nomem(struct vhd_error *err)
{
	return fail(err, VHD_E_NOMEM, NULL, 0, "there is no memory");
}
