/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhd1/vhd1_build.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "codec/vhd1_batmap.h"
#include "io/reserve.h"
#include "vhd1/vhd1_priv.h"

/*
 * Making a VHD.  The table is written as "unused" at once and then changed
 * through the cache, so its size does not matter.  Until finish() writes the
 * footers, last of all the copy at the front, the file is nothing that anyone
 * recognises (VHD-W-21).
 *
 * A device has something on it, perhaps an image.  Its footers go first, and the
 * steps are flushed one by one, for nothing but their order makes the new image
 * appear at once: a file does so by its name.  What is between the metadata and
 * the footer in the last sector stays as it is.
 */

enum {
	FILL_LEN = 1 << 20
};

static int fetch(void *arg, uint64_t off, uint8_t *page,
		 struct vhd_error *err)
{
	struct vhd1_builder *b = arg;

	return vhd_io_read_padded(b->io, page, VHD_PAGE_SIZE, off, err);
}

/*
 * Only the table's part of a page goes back: its neighbours, such as the first
 * bitmap, are written directly.
 */
static int store(void *arg, uint64_t off, const uint8_t *page,
		 uint32_t mask, struct vhd_error *err)
{
	struct vhd1_builder *b = arg;
	uint64_t from = max_u64(off, b->hdr.table_off);
	uint64_t to = min_u64(off + VHD_PAGE_SIZE, b->table_end);

	(void)mask;
	if (from >= to)
		return 0;
	return vhd_io_write(b->io, page + (from - off), (size_t)(to - from),
			    from, err);
}

/* Behind the entries Xen has zeros; others go on with what unused ones have. */
static uint64_t ones_end(const struct vhd1_builder *b)
{
	return b->xen ? b->hdr.table_off + UINT64_C(4) * b->hdr.max_entries
		      : b->table_end;
}

static int table_clear(struct vhd1_builder *b, struct vhd_error *err)
{
	uint64_t at = b->hdr.table_off, ones = ones_end(b);
	uint8_t *buf;
	int rc = 0;

	buf = vhd_alloc((size_t)min_u64(FILL_LEN, b->table_end - at));
	if (!buf)
		return vhd_fail_nomem(err);
	memset(buf, 0xff, (size_t)min_u64(FILL_LEN, b->table_end - at));
	while (!rc && at < b->table_end) {
		uint64_t len = min_u64(FILL_LEN, b->table_end - at);

		if (at + len > ones)
			memset(buf + (ones - at), 0, (size_t)(at + len - ones));
		rc = vhd_io_write(b->io, buf, (size_t)len, at, err);
		at += len;
	}
	vhd_free(buf);
	return rc;
}

/* Whatever image is on the device, from now on it is none. */
static int device_clear(struct vhd1_builder *b, struct vhd_error *err)
{
	static const uint8_t zeros[VHD1_FOOTER_LEN];
	int rc = vhd_io_write(b->io, zeros, sizeof(zeros), 0, err);

	if (!rc)
		rc = vhd_io_write(b->io, zeros, sizeof(zeros),
				  b->end - VHD1_FOOTER_LEN, err);
	return rc ? rc : vhd_io_flush(b->io, err);
}

void vhd1_discard(void *bld)
{
	struct vhd1_builder *b = bld;
	size_t i;

	if (!b)
		return;
	for (i = 0; i < VHD1_BUILD_LOCATORS; i++)
		vhd_free(b->locator[i].bytes);
	vhd_pcache_free(b->pc);
	vhd_free(b);
}

int vhd1_build(struct vhd_io *io, const struct vhd_build *what,
	       void **bld_out, struct vhd_error *err)
{
	static const struct vhd_pcache_ops ops = {
		.fetch = fetch, .store = store
	};
	struct vhd1_builder *b = vhd_alloc(sizeof(*b));
	int rc;

	if (!b)
		return vhd_fail_nomem(err);
	b->io = io;
	b->reach = vhd_io_overdoes(io);
	rc = vhd1_plan(b, what, err);
	if (!rc && b->end)
		rc = device_clear(b, err);
	if (!rc && what->type != VHD_TYPE_FIXED) {
		rc = table_clear(b, err);
		if (!rc)
			rc = vhd_pcache_new(&ops, b, 0, &b->pc, err);
	}
	if (rc)
		goto out;
	*bld_out = b;
	b = NULL;
out:
	vhd1_discard(b);
	return rc;
}

/* Ones for the sectors of the block, zeros for the padding (VHD-S-5). */
static int bitmap_write(struct vhd1_builder *b, uint64_t at,
			struct vhd_error *err)
{
	uint8_t *map = vhd_alloc(b->bitmap_len);
	int rc;

	if (!map)
		return vhd_fail_nomem(err);
	memset(map, 0xff, b->hdr.block_size / VHD1_SECTOR / 8);
	rc = vhd_io_write(b->io, map, b->bitmap_len, at, err);
	vhd_free(map);
	return rc;
}

static int block_new(struct vhd1_builder *b, uint64_t blk, uint64_t *at_out,
		     struct vhd_error *err)
{
	uint64_t at = vhd1_block_place(b, b->next_off);
	uint64_t end = at + b->bitmap_len + b->hdr.block_size;
	be32 entry = be32_make((uint32_t)(at / VHD1_SECTOR));
	int rc = 0;

	if (at / VHD1_SECTOR >= VHD1_UNUSED || end > 2 * TiB)
		return vhd_fail_code_rule(err, VHD_E_NOSPACE,
			RULE_VHD1_BLOCK_LIMIT, at, "block %" PRIu64
			" would lie beyond 2 TiB", blk);
	if (b->end && end > b->end - VHD1_FOOTER_LEN)
		return vhd_fail(err, VHD_E_NOSPACE, "the device has %" PRIu64
				" bytes; block %" PRIu64 " would end at %"
				PRIu64, b->end, blk, end);
	if (b->end)
		rc = vhd_io_zero(b->io, b->hdr.block_size, at + b->bitmap_len,
				 err);
	else if (b->reach)
		rc = vhd_io_reach(b->io, end, err);
	if (!rc)
		rc = bitmap_write(b, at, err);
	if (!rc)
		rc = vhd_pcache_write(b->pc, b->hdr.table_off + 4 * blk,
				      &entry, sizeof(entry), err);
	if (rc)
		return rc;
	b->next_off = end;
	*at_out = at;
	return 0;
}

int vhd1_place(void *bld, uint64_t off, uint64_t *file_off_out,
	       uint64_t *len_out, struct vhd_error *err)
{
	struct vhd1_builder *b = bld;
	uint64_t left = b->footer.current_size - off;
	uint64_t blk, in_blk, at;
	be32 entry;
	int rc;

	if (b->footer.type == VHD1_TYPE_FIXED) {
		*file_off_out = off;
		*len_out = left;
		return 0;
	}
	blk = off >> b->block_shift;
	in_blk = off & (b->hdr.block_size - 1);
	rc = vhd_pcache_read(b->pc, b->hdr.table_off + 4 * blk, &entry,
			     sizeof(entry), err);
	if (rc)
		return rc;
	at = vhd1_entry_off(be32_get(entry));
	if (be32_get(entry) == VHD1_UNUSED)
		rc = block_new(b, blk, &at, err);
	if (rc)
		return rc;
	*file_off_out = at + b->bitmap_len + in_blk;
	*len_out = min_u64(left, b->hdr.block_size - in_blk);
	return 0;
}

/* An empty map is always right: a clear bit says "unknown" (VHD-X-5). */
static int batmap_write(struct vhd1_builder *b, struct vhd_error *err)
{
	struct vhd1_batmap map = {
		.map_off = b->table_end + VHD1_BATMAP_LEN,
		.map_sectors = vhd1_batmap_sectors(b->hdr.max_entries),
		.version = VHD1_BATMAP_1_2,
		.checksum = UINT32_MAX,
		.key_cookie = b->keyed,
	};
	size_t len = VHD1_BATMAP_LEN + (size_t)map.map_sectors * VHD1_SECTOR;
	uint8_t *raw = vhd_alloc(len);
	int rc;

	if (!raw)
		return vhd_fail_nomem(err);
	memcpy(map.key_nonce, b->key.nonce, sizeof(map.key_nonce));
	memcpy(map.key_hash, b->key.hash, sizeof(map.key_hash));
	vhd1_batmap_encode(&map, raw);
	rc = vhd_io_write(b->io, raw, len, b->table_end, err);
	vhd_free(raw);
	return rc;
}

/* Everything between the footer copy and the blocks. */
static int meta_write(struct vhd1_builder *b, struct vhd_error *err)
{
	uint8_t raw[VHD1_HEADER_LEN];
	size_t i;
	int rc;

	rc = vhd_pcache_commit(b->pc, err);
	for (i = 0; !rc && i < b->locator_count; i++)
		rc = vhd_io_write(b->io, b->locator[i].bytes,
				  b->locator[i].len, b->locator[i].off, err);
	if (!rc && b->xen)
		rc = batmap_write(b, err);
	if (rc)
		return rc;
	vhd1_header_encode(&b->hdr, raw);
	return vhd_io_write(b->io, raw, sizeof(raw), VHD1_FOOTER_LEN, err);
}

/* A step that the next one builds on. */
static int step(struct vhd1_builder *b, const void *buf, uint64_t off,
		struct vhd_error *err)
{
	int rc = b->end ? vhd_io_flush(b->io, err) : 0;

	return rc ? rc : vhd_io_write(b->io, buf, VHD1_FOOTER_LEN, off, err);
}

int vhd1_finish(void *bld, struct vhd_error *err)
{
	struct vhd1_builder *b = bld;
	bool sparse = b->footer.type != VHD1_TYPE_FIXED;
	uint64_t tail = b->end ? b->end - VHD1_FOOTER_LEN : b->next_off;
	uint8_t raw[VHD1_FOOTER_LEN];
	int rc = 0;

	if (sparse)
		rc = meta_write(b, err);
	if (rc)
		return rc;
	vhd1_footer_encode(&b->footer, raw);
	rc = step(b, raw, tail, err);
	if (!rc && sparse)
		rc = step(b, raw, 0, err);
	return rc;
}
