/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * zlib checks the sum and the length at the end of each member; a member that
 * does not come to its end is damaged.  What follows a member is another one,
 * zeros (tapes), or something that gzip leaves alone with a warning, and so do
 * we.
 */
#include "gz_in.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

enum {
	IN_LEN = 256 << 10,
	OUT_MAX = 1 << 30,	/* zlib counts in unsigned int */
	GZIP_ONLY = 16 + MAX_WBITS
};

struct gz_in {
	struct fd_in *from;
	z_stream z;
	bool in_member;
	bool ended;
	bool trailing;
	int failed;
	const char *why;
	unsigned char in[IN_LEN];
};

bool gz_in_is(const unsigned char *bytes, size_t len)
{
	/* Deflate, and no flag that has no meaning. */
	return len >= 3 && bytes[0] == 0x1f && bytes[1] == 0x8b &&
	       bytes[2] == 8 && (len == 3 || (bytes[3] & 0xe0) == 0);
}

struct gz_in *gz_in_new(struct fd_in *from)
{
	struct gz_in *gz = calloc(1, sizeof(*gz));

	if (gz == NULL)
		return NULL;
	gz->from = from;
	gz->in_member = true;
	if (inflateInit2(&gz->z, GZIP_ONLY) == Z_OK)
		return gz;
	free(gz);
	return NULL;
}

void gz_in_free(struct gz_in *gz)
{
	if (gz == NULL)
		return;
	inflateEnd(&gz->z);
	free(gz);
}

static int fail(struct gz_in *gz, int rc, const char *why)
{
	gz->failed = rc;
	gz->why = why;
	return rc;
}

/* 0 at the end, else bytes are there; or -errno. */
static int64_t refill(struct gz_in *gz)
{
	int64_t n;

	if (gz->z.avail_in > 0)
		return gz->z.avail_in;
	n = fd_in_read(gz->from, gz->in, sizeof(gz->in));
	if (n < 0)
		return fail(gz, (int)n, NULL);
	gz->z.next_in = gz->in;
	gz->z.avail_in = (uInt)n;
	return n;
}

/* Between two members: zeros are passed over. */
static int64_t next_member(struct gz_in *gz)
{
	int64_t n;

	while ((n = refill(gz)) > 0 && *gz->z.next_in == 0) {
		gz->z.next_in++;
		gz->z.avail_in--;
	}
	if (n < 0)
		return n;
	if (n > 0 && *gz->z.next_in == 0x1f) {
		gz->in_member = true;
		inflateReset(&gz->z);
		return 0;
	}
	gz->trailing = n > 0;
	gz->ended = true;
	return 0;
}

static int64_t inflate_some(struct gz_in *gz, void *buf, size_t len)
{
	uInt room = (uInt)(len < OUT_MAX ? len : OUT_MAX);
	int64_t n = refill(gz);
	int rc;

	if (n < 0)
		return n;
	if (n == 0)
		return fail(gz, -ENODATA, "the gzip data ends in the middle: "
			    "it was cut off");
	gz->z.next_out = buf;
	gz->z.avail_out = room;
	rc = inflate(&gz->z, Z_NO_FLUSH);
	if (rc == Z_STREAM_END)
		gz->in_member = false;
	else if (rc == Z_MEM_ERROR)
		return fail(gz, -ENOMEM, NULL);
	else if (rc != Z_OK && rc != Z_BUF_ERROR)
		return fail(gz, -EBADMSG, "the gzip data is damaged: its sum or "
			    "its codes are wrong");
	return (int64_t)(room - gz->z.avail_out);
}

int64_t gz_in_read(void *arg, void *buf, size_t len)
{
	struct gz_in *gz = arg;
	int64_t n = 0;

	if (gz->failed != 0)
		return gz->failed;
	while (n == 0 && !gz->ended)
		n = gz->in_member ? inflate_some(gz, buf, len)
				  : next_member(gz);
	return n;
}

const char *gz_in_why(const struct gz_in *gz)
{
	return gz->why;
}

bool gz_in_trailing(const struct gz_in *gz)
{
	return gz->trailing;
}
