/* SPDX-License-Identifier: BSD-2-Clause */
#include "foreign/tar.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fail.h"

enum { BLOCK = 512, EXTRA_MOST = 64 * 1024, MEMBERS_MOST = 100000 };

/* The fields of a header, POSIX "ustar Interchange Format". */
enum {
	NAME_OFF = 0, NAME_LEN = 100,
	SIZE_OFF = 124, SIZE_LEN = 12,
	SUM_OFF = 148, SUM_LEN = 8,
	TYPE_OFF = 156,
	MAGIC_OFF = 257,
	PREFIX_OFF = 345, PREFIX_LEN = 155
};

/**
 * struct walk - where we are
 *
 * @next:      name and size that an extra header gives to the next member
 * @have_size: it gives a size
 */
struct walk {
	int fd;
	const char *path;
	uint64_t end, off;
	struct tar_member next;
	bool have_size;
};

static int bad(const struct walk *w, const char *what, struct vhd_error *err)
{
	return fail(err, VHD_E_UNSUPPORTED, w->path, 0, "the tar file is "
		    "damaged at 0x%" PRIx64 ": %s", w->off, what);
}

static int read_at(const struct walk *w, void *buf, size_t len, uint64_t off,
		   struct vhd_error *err)
{
	ssize_t n = pread(w->fd, buf, len, (off_t)off);

	if (n == (ssize_t)len)
		return 0;
	if (n < 0)
		return fail(err, VHD_E_IO, w->path, errno, "cannot be read: %s",
			    strerror(errno));
	return bad(w, "bytes are missing", err);
}

/* Octal digits between blanks, or, with the top bit set, a binary number. */
static bool number(const unsigned char *p, size_t len, uint64_t *value_out)
{
	uint64_t v = 0;
	size_t i = 0;

	if (p[0] & 0x80) {
		for (i = 1; i < len; i++) {
			if (v >> 55 != 0)
				return false;
			v = v << 8 | p[i];
		}
		*value_out = v;
		return p[0] == 0x80;
	}
	while (i < len && p[i] == ' ')
		i++;
	for (; i < len && p[i] >= '0' && p[i] <= '7'; i++)
		v = v << 3 | (uint64_t)(p[i] - '0');
	*value_out = v;
	return i == len || p[i] == ' ' || p[i] == '\0';
}

static bool sum_is_right(const unsigned char *h)
{
	uint64_t want, sum = 0;

	for (size_t i = 0; i < BLOCK; i++) {
		bool blank = i >= SUM_OFF && i < SUM_OFF + SUM_LEN;

		sum += blank ? ' ' : h[i];
	}
	return number(h + SUM_OFF, SUM_LEN, &want) && want == sum;
}

static bool is_end(const unsigned char *h)
{
	for (size_t i = 0; i < BLOCK; i++) {
		if (h[i] != 0)
			return false;
	}
	return true;
}

static void plain_name(const unsigned char *h, char *name)
{
	size_t used = 0;

	/* GNU's own format has other things where ustar has the prefix. */
	if (memcmp(h + MAGIC_OFF, "ustar", 6) == 0 && h[PREFIX_OFF] != '\0')
		used = (size_t)snprintf(name, TAR_NAME, "%.*s/", PREFIX_LEN,
					(const char *)h + PREFIX_OFF);
	snprintf(name + used, TAR_NAME - used, "%.*s", NAME_LEN,
		 (const char *)h + NAME_OFF);
}

/* Records "LEN KEY=VALUE\n"; we care for two keys. */
static void take_pax(struct walk *w, char *text)
{
	char *p = text;

	while (*p >= '0' && *p <= '9') {
		char *key, *end;
		size_t left = strlen(p);
		unsigned long len = strtoul(p, &key, 10);

		if (len == 0 || len > left || *key != ' ' || p[len - 1] != '\n')
			return;
		end = p + len - 1;
		*end = '\0';
		key++;
		if (strncmp(key, "path=", 5) == 0) {
			snprintf(w->next.name, TAR_NAME, "%s", key + 5);
		} else if (strncmp(key, "size=", 5) == 0) {
			w->next.len = strtoull(key + 5, NULL, 10);
			w->have_size = true;
		}
		p = end + 1;
	}
}

/* A header about the next one: pax's 'x', GNU's 'L'. */
static int take_extra(struct walk *w, char type, uint64_t off, uint64_t len,
		      struct vhd_error *err)
{
	char *text;
	int rc;

	if (len == 0 || len >= EXTRA_MOST)
		return bad(w, "a name is too long", err);
	text = malloc((size_t)len + 1);
	if (text == NULL)
		return fail_nomem(err);
	rc = read_at(w, text, (size_t)len, off, err);
	text[len] = '\0';
	if (rc == 0 && type == 'x')
		take_pax(w, text);
	else if (rc == 0)
		snprintf(w->next.name, TAR_NAME, "%s", text);
	free(text);
	return rc;
}

/* One member, and the walk moves behind it.  *@go_out false: that was all. */
static int step(struct walk *w, tar_fn fn, void *arg, bool *go_out,
		struct vhd_error *err)
{
	unsigned char h[BLOCK];
	uint64_t len, data = w->off + BLOCK;
	char type;
	int rc = read_at(w, h, BLOCK, w->off, err);

	*go_out = rc == 0 && !is_end(h);
	if (!*go_out)
		return rc;
	if (!sum_is_right(h) || !number(h + SIZE_OFF, SIZE_LEN, &len))
		return bad(w, "a header has a wrong sum", err);
	type = (char)h[TYPE_OFF];
	if (type != 'x' && type != 'L' && w->have_size)
		len = w->next.len;
	if (len > w->end - data)
		return bad(w, "a member ends past its end", err);
	w->off = data + (len + BLOCK - 1) / BLOCK * BLOCK;
	if (type == 'x' || type == 'L')
		return take_extra(w, type, data, len, err);
	if (type == '0' || type == '\0') {
		if (w->next.name[0] == '\0')
			plain_name(h, w->next.name);
		w->next.off = data;
		w->next.len = len;
		*go_out = fn(arg, &w->next);
	}
	w->next.name[0] = '\0';
	w->have_size = false;
	return 0;
}

int tar_walk(int fd, const char *path, tar_fn fn, void *arg,
	     struct vhd_error *err)
{
	struct walk w = { .fd = fd, .path = path };
	struct stat st;
	bool go = true;
	int rc = 0;

	if (fstat(fd, &st) != 0)
		return fail(err, VHD_E_IO, path, errno, "cannot be read: %s",
			    strerror(errno));
	w.end = (uint64_t)st.st_size;
	/* Some writers leave the blocks of zeros at the end away. */
	for (unsigned n = 0; rc == 0 && go && w.off < w.end; n++) {
		if (n == MEMBERS_MOST)
			return bad(&w, "it has too many members", err);
		if (w.end - w.off < BLOCK)
			return bad(&w, "bytes are missing", err);
		rc = step(&w, fn, arg, &go, err);
	}
	return rc;
}
