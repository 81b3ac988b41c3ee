/* SPDX-License-Identifier: BSD-2-Clause */
#include "fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "common/foreign.h"
#include "common/report.h"
#include "common/status.h"
#include "common/text.h"

static int leave_errno(int os_errno)
{
	nbdkit_set_error(os_errno);
	errno = os_errno;
	return -1;
}

/* What was printed to memory becomes one message; nbdkit ends the line. */
static void say(FILE *file, char **text)
{
	if (file == NULL || fclose(file) != 0) {
		nbdkit_error("out of memory");
		return;
	}
	(*text)[strcspn(*text, "\n")] = '\0';
	nbdkit_error("%s", *text);
	free(*text);
}

int fail_text(int os_errno, const char *fmt, ...)
{
	char text[1200];
	char *plain = NULL;
	size_t len;
	FILE *file = open_memstream(&plain, &len);
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	/* Names may be a stranger's. */
	if (file != NULL)
		text_put(file, text);
	say(file, &plain);
	return leave_errno(os_errno);
}

static void say_error(const struct vhd_error *err)
{
	char *text = NULL;
	size_t len;
	FILE *file = open_memstream(&text, &len);

	if (file != NULL)
		report_sentence(file, err, NULL);
	say(file, &text);
}

static const char *hint(const struct vhd_error *err)
{
	switch (err->code) {
	case VHD_E_PARENT:
		return "name the parent with parent=FILE, or say where parents "
		       "lie with parent-dir=DIR";
	case VHD_E_POLICY:
		return "allow that place with parent-dir=DIR, or, for an image "
		       "you trust, any place with any-parent-dir=yes";
	case VHD_E_BUSY:
		return "stop the program that uses it; an image is written by "
		       "one program at a time, and read by many with -r";
	case VHD_E_FORMAT:
		return "if it is a raw disk, say format=raw";
	case VHD_E_CORRUPT:
		return "all that is wrong with it is listed by vhd-util check; "
		       "-r serves what can be read";
	default:
		return NULL;
	}
}

/* An image of another program, or a packed one: the same for all of ours. */
static void say_way(const struct vhd_error *err)
{
	char *text = NULL;
	size_t len;
	FILE *file = open_memstream(&text, &len);

	if (file != NULL)
		report_hint(file, err, "nbdkit", NULL);
	say(file, &text);
}

int fail_open(const struct vhd_error *error)
{
	struct vhd_error found = *error, *err = &found;
	const char *text;

	foreign_explain(err, NULL);
	text = hint(err);
	say_error(err);
	if (foreign_way(err) != NULL)
		say_way(err);
	else if (text != NULL)
		nbdkit_error("hint: %s", text);
	return leave_errno(status_errno(err));
}

/* What NBD has no word for would reach the client as "invalid argument". */
static int nbd_errno(int os_errno)
{
	switch (os_errno) {
	case EROFS:
	case EPERM:
		return EROFS;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return ENOSPC;
	case ENOMEM:
	case EINVAL:
		return os_errno;
	default:
		return EIO;
	}
}

int fail_io(const struct vhd_error *err)
{
	say_error(err);
	return leave_errno(nbd_errno(status_errno(err)));
}
