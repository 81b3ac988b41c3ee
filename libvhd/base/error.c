/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* How many bytes the first of a character in UTF-8 announces; 0: it is none. */
static size_t announced(unsigned char lead)
{
	if (lead < 0x80)
		return 1;
	if (lead < 0xc2 || lead > 0xf4)
		return 0;
	return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/* So many of the announced bytes are there. */
static size_t present(const unsigned char *p, size_t want)
{
	size_t n = 1;

	while (n < want && (p[n] & 0xc0) == 0x80)
		n++;
	return n;
}

/* Length of the character at @p; 0 where bytes are not one in UTF-8. */
static size_t char_len(const unsigned char *p)
{
	size_t n = announced(p[0]);

	if (!n || present(p, n) < n)
		return 0;
	/* Longer than need be; half of a pair; past the last one. */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90))
		return 0;
	return n;
}

static bool steers(const unsigned char *p)
{
	return *p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] < 0xa0);
}

/*
 * A message is one line in UTF-8, whatever the names in it hold: an image may
 * have any.  Bytes that steer a terminal, or are no character, become \xNN; from
 * the first one on that has no room it is cut.
 */
static void put_line(char *to, size_t room, const char *msg)
{
	const unsigned char *p = (const unsigned char *)msg;
	size_t at = 0;

	while (*p) {
		size_t n = char_len(p);
		bool escape = !n || steers(p);
		size_t need = escape ? sizeof("\\xNN") - 1 : n;

		if (need >= room - at)
			break;
		n = n ? n : 1;
		/* Of two bytes the second one is what it is elsewhere. */
		if (escape)
			snprintf(to + at, room - at, "\\x%02x", p[n - 1]);
		else
			memcpy(to + at, p, n);
		at += need;
		p += n;
	}
	memset(to + at, 0, room - at);
}

/* What was cut by its room may end inside of a character, which goes. */
static void drop_part(char *msg)
{
	unsigned char *p = (unsigned char *)msg;
	size_t end = strlen(msg), at = end, n;

	while (at && end - at < 3 && (p[at - 1] & 0xc0) == 0x80)
		at--;
	n = at ? announced(p[at - 1]) : 0;
	if (n > 1 && n > end - (at - 1))
		p[at - 1] = '\0';
}

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
	if (vsnprintf(msg, sizeof(msg), fmt, ap) >= (int)sizeof(msg))
		drop_part(msg);
	err->code = code;
	err->os_errno = 0;
	err->rule = vhd_rule_get(rule);
	err->off = off;
	err->file[0] = '\0';
	put_line(err->msg, sizeof(err->msg), msg);
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
	size_t len, room;
	va_list ap;

	if (!err)
		return code;
	va_start(ap, fmt);
	fill(err, code, VHD_RULE_NONE, off, fmt, ap);
	va_end(ap);
	err->os_errno = os_errno;
	len = strlen(err->msg);
	room = sizeof(err->msg) - len;
	if (snprintf(err->msg + len, room, ": %s",
		     errno_text(os_errno, text, sizeof(text))) >= (int)room)
		drop_part(err->msg);
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
	NAME(VHD_E_REFUSED);
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
