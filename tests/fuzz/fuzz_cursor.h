/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_FUZZ_FUZZ_CURSOR_H
#define TESTS_FUZZ_FUZZ_CURSOR_H

/* Takes an input apart, front to back.  What is not there any more is zero. */

#include <string.h>

#include "base/bytes.h"
#include "base/ckd.h"

struct fuzz_cursor {
	const uint8_t *data;
	size_t len;
};

/* Up to @len bytes; the rest of @out becomes zero. */
static inline void fuzz_take(struct fuzz_cursor *c, void *out, size_t len)
{
	size_t n = (size_t)min_u64(len, c->len);

	memset(out, 0, len);
	if (n)
		memcpy(out, c->data, n);
	c->data += n;
	c->len -= n;
}

static inline uint8_t fuzz_take_u8(struct fuzz_cursor *c)
{
	uint8_t v;

	fuzz_take(c, &v, sizeof(v));
	return v;
}

static inline uint32_t fuzz_take_u32(struct fuzz_cursor *c)
{
	le32 v;

	fuzz_take(c, &v, sizeof(v));
	return le32_get(v);
}

static inline uint64_t fuzz_take_u64(struct fuzz_cursor *c)
{
	le64 v;

	fuzz_take(c, &v, sizeof(v));
	return le64_get(v);
}

/* The next @part bytes, or fewer, at the front of @len bytes. */
static inline void fuzz_take_part(struct fuzz_cursor *c, size_t part, void *out,
				  size_t len)
{
	struct fuzz_cursor head = { c->data, (size_t)min_u64(part, c->len) };
	size_t n = head.len;

	fuzz_take(&head, out, len);
	c->data += n;
	c->len -= n;
}

#endif
