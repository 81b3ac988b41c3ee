/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz_walk.h"

#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "base/zero.h"
#include "fuzz/fuzz.h"

enum { BATCH = 16, PIECE = 8192, REGIONS_MAX = 10000, LOCATORS_MAX = 64 };
/* So much of a table is read to count blocks; a VHD then reads each bitmap. */
enum { USAGE_BYTES = 64 << 10 };

struct walk {
	struct fuzz_file *f;
	struct fuzz_walk *w;
	struct vhd_image *img;
	uint64_t size;
	uint64_t random;
	uint64_t read_left;
	bool replayed;
	bool raw_bytes;		/* extents of layer 0 may be compared */
	uint8_t *buf;		/* 2 * PIECE */
};

static uint64_t next_random(struct walk *k)
{
	k->random ^= k->random << 13;
	k->random ^= k->random >> 7;
	k->random ^= k->random << 17;
	return k->random;
}

static void note(struct walk *k, int rc, const struct vhd_error *err)
{
	fuzz_error_ok(rc, err);
	if (rc && !k->w->read_rc)
		k->w->read_rc = rc;
}

/* W2 for one answer to the question about [off, off + len). */
static uint64_t check_extents(struct walk *k, const struct vhd_extent *ext,
			      size_t n, uint64_t off, uint64_t len)
{
	uint64_t at = off;
	size_t i;

	FUZZ_CHECK(n >= 1 && n <= BATCH);
	for (i = 0; i < n; i++) {
		const struct vhd_extent *e = &ext[i];
		const struct vhd_extent *p = e - 1;

		FUZZ_CHECK(e->off == at);
		FUZZ_CHECK(e->len && e->len <= off + len - at);
		FUZZ_CHECK(e->layer < vhd_layers(k->img));
		FUZZ_CHECK(e->kind == VHD_EXTENT_DATA ||
			   e->kind == VHD_EXTENT_ZERO);
		if (e->kind == VHD_EXTENT_ZERO)
			FUZZ_CHECK(e->file_off == VHD_NO_OFFSET);
		else
			FUZZ_CHECK(range_in(e->file_off, e->len, INT64_MAX));
		at += e->len;
		if (!i || p->kind != e->kind || p->layer != e->layer ||
		    p->flags != e->flags)
			continue;
		FUZZ_CHECK(e->kind == VHD_EXTENT_DATA &&
			   p->file_off + p->len != e->file_off);
	}
	return at - off;
}

/* W3 for up to PIECE bytes of an extent. */
static void read_extent(struct walk *k, const struct vhd_extent *e,
			uint64_t in, size_t len)
{
	struct vhd_error err;
	int rc;

	fuzz_error_arm(&err);
	memset(k->buf, 0xa5, len);
	rc = vhd_pread(k->img, k->buf, len, e->off + in, &err);
	note(k, rc, &err);
	k->read_left -= min_u64(k->read_left, len);
	if (rc)
		return;
	if (e->kind == VHD_EXTENT_ZERO) {
		FUZZ_CHECK(vhd_is_zero(k->buf, len));
	} else if (e->layer == 0 && k->raw_bytes) {
		fuzz_file_get(k->f, k->buf + PIECE, len, e->file_off + in);
		FUZZ_CHECK(!memcmp(k->buf, k->buf + PIECE, len));
	}
}

/* Both ends of it, and some place between. */
static void sample_extent(struct walk *k, const struct vhd_extent *e)
{
	size_t n = (size_t)min_u64(e->len, 600);

	k->w->extents++;
	if (e->kind == VHD_EXTENT_ZERO && next_random(k) % 4)
		return;
	if (!k->read_left)
		return;
	read_extent(k, e, 0, n);
	read_extent(k, e, e->len - n, n);
	if (e->len > PIECE && k->read_left)
		read_extent(k, e, next_random(k) % (e->len - PIECE), PIECE);
}

/* Resolves from @off on; ends at the end of the disk or at a failure. */
static void resolve_from(struct walk *k, uint64_t off, uint32_t calls)
{
	struct vhd_extent ext[BATCH];
	struct vhd_error err;
	size_t n, i;
	int rc;

	while (off < k->size && calls--) {
		n = SIZE_MAX;
		fuzz_error_arm(&err);
		rc = vhd_resolve(k->img, off, k->size - off, ext, BATCH, &n,
				 &err);
		note(k, rc, &err);
		if (rc) {
			FUZZ_CHECK(n == SIZE_MAX);
			return;
		}
		off += check_extents(k, ext, n, off, k->size - off);
		for (i = 0; i < n; i++)
			sample_extent(k, &ext[i]);
	}
}

/* Reads of any alignment, which cross extents. */
static void read_anywhere(struct walk *k)
{
	struct vhd_error err;
	uint64_t off, len;
	int i, rc;

	for (i = 0; i < 4; i++) {
		off = next_random(k) % k->size;
		len = min_u64(1 + next_random(k) % PIECE, k->size - off);
		fuzz_error_arm(&err);
		rc = vhd_pread(k->img, k->buf, (size_t)len, off, &err);
		note(k, rc, &err);
	}
	fuzz_error_arm(&err);
	rc = vhd_pread(k->img, k->buf, 2, k->size - 1, &err);
	FUZZ_CHECK(rc == VHD_E_RANGE);
	fuzz_error_ok(rc, &err);
}

static bool ended(const char *text, size_t room)
{
	return memchr(text, 0, room) != NULL;
}

static void check_info(struct walk *k)
{
	struct vhd_info *info = malloc(sizeof(*info));
	struct vhd_error err;
	int rc;

	FUZZ_CHECK(info);
	memset(info, 0x5a, sizeof(*info));
	info->size = sizeof(*info);
	fuzz_error_arm(&err);
	rc = vhd_layer_info(k->img, 0, info, &err);
	fuzz_error_ok(rc, &err);
	FUZZ_CHECK(!rc && info->size == sizeof(*info));
	FUZZ_CHECK(info->virtual_size == k->size);
	FUZZ_CHECK(info->format == VHD_FORMAT_VHD ||
		   info->format == VHD_FORMAT_VHDX);
	FUZZ_CHECK(info->type >= VHD_TYPE_FIXED && info->type <= VHD_TYPE_DIFF);
	FUZZ_CHECK(info->has_parent == (info->type == VHD_TYPE_DIFF));
	FUZZ_CHECK(info->file_size == k->f->size);
	FUZZ_CHECK(is_pow2(info->logical_sector));
	if (info->block_size)
		FUZZ_CHECK(info->block_count ==
			   div_ceil(k->size, info->block_size));
	FUZZ_CHECK(ended(info->vhd.creator_app, sizeof(info->vhd.creator_app)));
	FUZZ_CHECK(ended(info->vhd.creator_os, sizeof(info->vhd.creator_os)));
	FUZZ_CHECK(ended(info->vhd.parent_name, sizeof(info->vhd.parent_name)));
	FUZZ_CHECK(ended(info->vhdx.creator, sizeof(info->vhdx.creator)));
	k->replayed = info->log == VHD_LOG_REPLAYED;
	free(info);
}

static void check_locators(struct walk *k)
{
	struct vhd_locator loc[LOCATORS_MAX];
	size_t n = vhd_layer_locators(k->img, 0, loc, LOCATORS_MAX), i;

	FUZZ_CHECK(n == vhd_layer_locators(k->img, 0, NULL, 0));
	FUZZ_CHECK(n <= 512);
	for (i = 0; i < n && i < LOCATORS_MAX; i++) {
		FUZZ_CHECK(loc[i].kind <= VHD_LOCATOR_NAME);
		FUZZ_CHECK(ended(loc[i].code, sizeof(loc[i].code)));
		FUZZ_CHECK(loc[i].text && *loc[i].text);
	}
	FUZZ_CHECK(!vhd_layer_locators(k->img, vhd_layers(k->img), loc, 1));
}

struct region_count {
	uint64_t left;
};

static bool count_region(void *arg, enum vhd_region_kind kind,
			 uint64_t file_off, uint64_t len, uint64_t block)
{
	struct region_count *count = arg;

	FUZZ_CHECK(kind <= VHD_REGION_RESERVED);
	FUZZ_CHECK(len && range_in(file_off, len, UINT64_MAX));
	(void)block;
	FUZZ_CHECK(count->left);
	return --count->left;
}

static void check_layout(struct walk *k)
{
	struct region_count count = { REGIONS_MAX };
	struct vhd_usage usage = { .complete = true };
	struct vhd_error err;
	int rc;

	fuzz_error_arm(&err);
	rc = vhd_layer_layout(k->img, 0, count_region, &count, &err);
	note(k, rc, &err);
	fuzz_error_arm(&err);
	rc = vhd_layer_usage(k->img, 0, USAGE_BYTES, &usage, &err);
	note(k, rc, &err);
	if (!rc && usage.complete)
		FUZZ_CHECK(usage.blocks_partial <= usage.blocks_data);
}

static void walk_image(struct walk *k)
{
	struct fuzz_walk *w = k->w;
	int i;

	k->size = w->size = vhd_size(k->img);
	FUZZ_CHECK(vhd_layers(k->img) >= 1);
	FUZZ_CHECK(vhd_layer_path(k->img, 0));
	FUZZ_CHECK(!vhd_layer_path(k->img, vhd_layers(k->img)));
	check_info(k);
	k->raw_bytes = !k->replayed;
	check_locators(k);
	if (k->size) {
		resolve_from(k, 0, w->resolve_calls);
		for (i = 0; i < 4; i++)
			resolve_from(k, next_random(k) % k->size, 2);
		resolve_from(k, k->size - 1, 1);
		read_anywhere(k);
	}
	check_layout(k);
}

void fuzz_walk(struct fuzz_file *f, struct fuzz_walk *w)
{
	struct vhd_open_opts opts = {
		.size = sizeof(opts), .flags = w->flags,
		.cache_bytes = w->cache_bytes, .size_rule = w->size_rule,
		.parents = w->parents,
	};
	struct walk k = {
		.f = f, .w = w, .random = w->salt | 1,
		.read_left = w->read_bytes,
	};
	struct vhd_error err;
	int rc;

	w->read_rc = 0;
	w->size = 0;
	w->extents = 0;
	fuzz_memory_reset();
	fuzz_error_arm(&err);
	w->open_rc = vhd_open_io(f->flat ? &fuzz_file_flat_ops : &fuzz_file_ops,
				 f, "fuzz", &opts, &k.img, &err);
	fuzz_error_ok(w->open_rc, &err);
	FUZZ_CHECK(!w->open_rc == !!k.img);
	if (k.img) {
		k.buf = malloc(2 * (size_t)PIECE);
		FUZZ_CHECK(k.buf);
		walk_image(&k);
		fuzz_error_arm(&err);
		rc = vhd_close(&k.img, &err);
		fuzz_error_ok(rc, &err);
		FUZZ_CHECK(!rc && !k.img);
		free(k.buf);
	}
	w->memory = fuzz_memory_sum();
}
