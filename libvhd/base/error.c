/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * Everything is formatted into a buffer of our own first, so that a message may
 * quote the error that it replaces.
 */
VHD_PRINTF(5, 0)
static void fill(struct vhd_error *err, int code, enum vhd_rule_idx rule,
		 uint64_t off, const char *fmt, va_list ap)
{
	char msg[sizeof(err->msg)];

	if (!err)
		return;
	msg[0] = '\0';
	vsnprintf(msg, sizeof(msg), fmt, ap);
	err->code = code;
	err->os_errno = 0;
	err->rule = vhd_rule_get(rule);
	err->off = off;
	err->file[0] = '\0';
	memcpy(err->msg, msg, sizeof(msg));
}

int vhd_fail(struct vhd_error *err, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(err, code, VHD_RULE_NONE, VHD_NO_OFFSET, fmt, ap);
	va_end(ap);
	return code;
}

int vhd_fail_rule(struct vhd_error *err, enum vhd_rule_idx rule, uint64_t off,
		  const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(err, VHD_E_CORRUPT, rule, off, fmt, ap);
	va_end(ap);
	return VHD_E_CORRUPT;
}

int vhd_fail_code_rule(struct vhd_error *err, int code, enum vhd_rule_idx rule,
		       uint64_t off, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(err, code, rule, off, fmt, ap);
	va_end(ap);
	return code;
}

static int code_of_errno(int os_errno)
{
	switch (os_errno) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return VHD_E_NOSPACE;
	case EEXIST:
		return VHD_E_EXISTS;
	case ENOMEM:
		return VHD_E_NOMEM;
	default:
		return VHD_E_IO;
	}
}

/* strerror() may use a static buffer; its safe form comes in two shapes. */
static const char *errno_text(int os_errno, char *buf, size_t len)
{
#ifdef __GLIBC__
	return strerror_r(os_errno, buf, len);
#else
	return strerror_r(os_errno, buf, len) ? "unknown error" : buf;
#endif
}

int vhd_fail_errno(struct vhd_error *err, int os_errno, uint64_t off,
		   const char *fmt, ...)
{
	int code = code_of_errno(os_errno);
	char text[128];
	size_t len;
	va_list ap;

	if (!err)
		return code;
	va_start(ap, fmt);
	fill(err, code, VHD_RULE_NONE, off, fmt, ap);
	va_end(ap);
	err->os_errno = os_errno;
	len = strlen(err->msg);
	snprintf(err->msg + len, sizeof(err->msg) - len, ": %s",
		 errno_text(os_errno, text, sizeof(text)));
	return code;
}

int vhd_fail_nomem(struct vhd_error *err)
{
	return vhd_fail(err, VHD_E_NOMEM, "out of memory");
}

/* "...the/end/of/name", not cut inside a UTF-8 sequence. */
static void copy_end(char *out, size_t room, const char *s)
{
	static const char dots[] = "...";
	size_t len = strlen(s);

	if (len >= room) {
		s += len - (room - sizeof(dots));
		while (((unsigned char)*s & 0xc0) == 0x80)
			s++;
		memcpy(out, dots, sizeof(dots) - 1);
		out += sizeof(dots) - 1;
		len = strlen(s);
	}
	memcpy(out, s, len + 1);
}

int vhd_err_file(struct vhd_error *err, int code, const char *file)
{
	if (code && err && file && !err->file[0])
		copy_end(err->file, sizeof(err->file), file);
	return code;
}

const char *vhd_status_name(int code)
{
	switch ((enum vhd_status)code) {
#define NAME(x) case x: return #x
	NAME(VHD_OK);
	NAME(VHD_E_INVAL);
	NAME(VHD_E_NOMEM);
	NAME(VHD_E_IO);
	NAME(VHD_E_NOSPACE);
	NAME(VHD_E_EXISTS);
	NAME(VHD_E_BUSY);
	NAME(VHD_E_FORMAT);
	NAME(VHD_E_CORRUPT);
	NAME(VHD_E_UNSUPPORTED);
	NAME(VHD_E_PARENT);
	NAME(VHD_E_POLICY);
	NAME(VHD_E_RANGE);
	NAME(VHD_E_READONLY);
	NAME(VHD_E_POISONED);
	NAME(VHD_E_CANCELLED);
	NAME(VHD_E_NOTFILE);
#undef NAME
	}
	return "unknown";
}

const char *vhd_severity_name(enum vhd_severity severity)
{
	switch (severity) {
	case VHD_SEV_INFO:
		return "info";
	case VHD_SEV_WARNING:
		return "warning";
	case VHD_SEV_ERROR:
		return "error";
	case VHD_SEV_FATAL:
		return "fatal";
	}
	return "unknown";
}
