/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "digest.h"

enum { EXTENTS = 32 };

struct walk {
	struct vhd_image *img;
	uint64_t block, size;
	struct sha256_ctx *flat;
	struct progress *pr;
	uint8_t *buf;
};

void digest_hex(struct sha256_ctx *ctx, char hex[DIGEST_HEX])
{
	uint8_t bytes[SHA256_DIGEST_SIZE];

	sha256_digest(ctx, sizeof(bytes), bytes);
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
}

static int fail(struct vhd_error *err, int code, const char *msg)
{
	*err = (struct vhd_error){ .code = code, .off = VHD_NO_OFFSET };
	snprintf(err->msg, sizeof(err->msg), "%s", msg);
	return code;
}

/*
 * Where in an extent the file begins to store something; its length when it
 * stores nothing.  A fixed disk in a sparse file is one extent, and mostly
 * hole.
 */
static uint64_t hole_before(struct vhd_image *img, const struct vhd_extent *e)
{
	int fd = vhd_layer_fd(img, e->layer);
	off_t at;

	if (fd < 0 || e->file_off > INT64_MAX)
		return 0;
	at = lseek(fd, (off_t)e->file_off, SEEK_DATA);
	/* Nothing from there on; what lies past the end is zeros, too. */
	if (at < 0)
		return errno == ENXIO ? e->len : 0;
	if ((uint64_t)at <= e->file_off)
		return 0;
	return (uint64_t)at - e->file_off < e->len ?
		       (uint64_t)at - e->file_off : e->len;
}

/* The first byte from @off on that may be other than zero, or the disk's end. */
static int next_data(const struct walk *w, uint64_t off, uint64_t *out,
		     struct vhd_error *err)
{
	while (off < w->size) {
		struct vhd_extent ext[EXTENTS];
		size_t n = 0;
		int rc = vhd_resolve(w->img, off, w->size - off, ext, EXTENTS,
				     &n, err);

		if (rc != 0)
			return rc;
		for (size_t i = 0; i < n; i++) {
			if (ext[i].kind == VHD_EXTENT_DATA) {
				uint64_t hole = hole_before(w->img, &ext[i]);

				*out = ext[i].off + hole;
				if (hole < ext[i].len)
					return 0;
			}
			off = ext[i].off + ext[i].len;
		}
		if (!progress_step(w->pr, off, w->size))
			return fail(err, VHD_E_CANCELLED, "cancelled");
	}
	*out = w->size;
	return 0;
}

static bool is_zero(const uint8_t *p, size_t len)
{
	return len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

/* Zeros that nobody read, for the digest of all bytes. */
static int feed_zeros(const struct walk *w, uint64_t off, uint64_t end,
		      struct vhd_error *err)
{
	static const uint8_t zeros[65536];

	while (w->flat != NULL && off < end) {
		uint64_t n = end - off < sizeof(zeros) ? end - off
						       : sizeof(zeros);

		sha256_update(w->flat, (size_t)n, zeros);
		off += n;
		if (off % (16 << 20) == 0 &&
		    !progress_step(w->pr, off, w->size))
			return fail(err, VHD_E_CANCELLED, "cancelled");
	}
	return 0;
}

static int hash_block(const struct walk *w, uint64_t off, uint64_t len,
		      digest_block_fn fn, void *arg, struct vhd_error *err)
{
	struct sha256_ctx ctx;
	char hex[DIGEST_HEX];
	int rc = vhd_pread(w->img, w->buf, (size_t)len, off, err);

	if (rc != 0)
		return rc;
	if (w->flat != NULL)
		sha256_update(w->flat, (size_t)len, w->buf);
	if (is_zero(w->buf, (size_t)len))
		return 0;
	sha256_init(&ctx);
	sha256_update(&ctx, (size_t)len, w->buf);
	digest_hex(&ctx, hex);
	return fn(arg, off, len, hex, err);
}

static int walk(const struct walk *w, digest_block_fn fn, void *arg,
		struct vhd_error *err)
{
	uint64_t off = 0;

	while (off < w->size) {
		uint64_t data, start, len;
		int rc = next_data(w, off, &data, err);

		if (rc != 0)
			return rc;
		start = data - data % w->block;
		if (data == w->size)
			start = w->size;
		rc = feed_zeros(w, off, start, err);
		if (rc != 0 || start == w->size)
			return rc;
		len = w->size - start < w->block ? w->size - start : w->block;
		rc = hash_block(w, start, len, fn, arg, err);
		if (rc != 0)
			return rc;
		off = start + len;
		if (!progress_step(w->pr, off, w->size))
			return fail(err, VHD_E_CANCELLED, "cancelled");
	}
	return 0;
}

int digest_walk(struct vhd_image *img, uint64_t block, struct sha256_ctx *flat,
		struct progress *pr, digest_block_fn fn, void *arg,
		struct vhd_error *err)
{
	struct walk w = { img, block, vhd_size(img), flat, pr, NULL };
	int rc;

	w.buf = malloc((size_t)block);
	if (w.buf == NULL)
		return fail(err, VHD_E_NOMEM, "out of memory");
	rc = walk(&w, fn, arg, err);
	free(w.buf);
	return rc;
}
