/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhd1/vhd1_priv.h"

#include <inttypes.h>
#include <string.h>

#include "base/bitmap.h"
#include "base/ckd.h"
#include "base/fail.h"

/*
 * Where guest bytes are (VHD-B-4, VHD-S-3, VHD-S-4).
 *
 * An unused entry says "zeros" in a dynamic disk and "ask the parent" in a
 * differencing one, and so does a 0 bit in the bitmap of a used one.  Data never
 * runs on into the next block, because a bitmap lies between any two.
 */

enum {
	BITS_LEN = 512,		/* of a bitmap at once: all of the common one */
	BITS_FIRST = 64		/* at first: most runs that end end soon */
};

static enum vhd_run_kind absent(const struct vhd1 *v)
{
	return v->footer.type == VHD1_TYPE_DIFF ? VHD_RUN_PARENT
						: VHD_RUN_ZERO;
}

/* A block of which we know that it is not where a block can be fails. */
int vhd1_place_check(const struct vhd1 *v, uint64_t blk, uint64_t at,
		     struct vhd_error *err)
{
	const struct vhd1_span *hit = vhd1_span_hit(v, at, v->span_hard);
	uint64_t tail = v->tail_off;

	if (hit)
		return vhd_fail_rule(err, RULE_VHD1_BLOCK_IN_META, at,
			"block %" PRIu64 " at 0x%" PRIx64 " overlaps %s at "
			"0x%" PRIx64, blk, at, hit->what, hit->off);
	if (at + v->bitmap_len > tail)
		return vhd_fail_rule(err, RULE_VHD1_BLOCK_PAST_END, at,
			"block %" PRIu64 " at 0x%" PRIx64 " lies past the end "
			"of the data (0x%" PRIx64 ")", blk, at, tail);
	if (v->batmap.key_cookie == 1 && !v->ciphertext)
		return vhd_fail_code_rule(err, VHD_E_UNSUPPORTED,
			RULE_VHD1_KEYHASH, at,
			"block %" PRIu64 " is encrypted, and there is no key",
			blk);
	return 0;
}

/*
 * Written sectors that the file does not hold are lost, and behind them may be
 * the footer: neither is served as what the guest wrote (VHD-B-9).
 */
static int cut_check(const struct vhd1 *v, uint64_t blk, struct vhd_run *run,
		     struct vhd_error *err)
{
	uint64_t tail = v->tail_off;

	if (run->file_off >= tail)
		return vhd_fail_rule(err, RULE_VHD1_BLOCK_PAST_END,
			run->file_off, "block %" PRIu64 " is cut off: its data "
			"at 0x%" PRIx64 " lies past the end of the data "
			"(0x%" PRIx64 ")", blk, run->file_off, tail);
	run->len = min_u64(run->len, tail - run->file_off);
	return 0;
}

/*
 * VHD-Y-10: the table points at what was the footer before a crash.  The first
 * sector of the bitmap, which is at @at, lies in @page.
 */
static int bitmap_check(uint64_t blk, uint64_t at, const struct vhd_page *page,
			struct vhd_error *err)
{
	uint8_t sector[VHD1_FOOTER_LEN];
	size_t in_page = (size_t)(at % VHD_PAGE_SIZE);

	vhd_page_read(page, in_page, sector, 8);
	if (memcmp(sector, VHD1_COOKIE, 8))
		return 0;
	vhd_page_read(page, in_page, sector, sizeof(sector));
	if (!vhd1_sealed(vhd1_footer_seal(sector)))
		return 0;
	return vhd_fail_rule(err, RULE_VHD1_BITMAP_IS_FOOTER, at,
		"sector bitmap of block %" PRIu64 " at 0x%" PRIx64
		" is a footer", blk, at);
}

/* A copy of a stretch of a bitmap: a writer may be changing the page. */
struct bits {
	uint8_t map[BITS_LEN];
	uint64_t from;		/* place of the first bit in its byte */
	uint64_t stop;		/* end of the stretch, counted as @from is */
};

/* The bits from @pos on, as many of those up to @limit as come in one piece of
 * at most @most bytes. */
static int bits_get(struct vhd1 *v, uint64_t blk, uint64_t at, uint64_t pos,
		    uint64_t limit, size_t most, struct bits *b,
		    struct vhd_error *err)
{
	uint64_t off = at + pos / 8;
	size_t in_page = (size_t)(off % VHD_PAGE_SIZE);
	struct vhd_page *page;
	uint64_t len;
	int rc;

	b->from = pos % 8;
	len = min_u64(min_u64(VHD_PAGE_SIZE - in_page, most),
		      div_ceil(b->from + (limit - pos), 8));
	b->stop = min_u64(8 * len, b->from + (limit - pos));
	rc = vhd_pcache_get(v->pc, off, &page, err);
	if (rc)
		return rc;
	if (off - at < VHD1_SECTOR)
		rc = bitmap_check(blk, at, page, err);
	vhd_page_read(page, in_page, b->map, (size_t)len);
	vhd_pcache_put(v->pc, page);
	return rc;
}

int vhd1_bit_run(struct vhd1 *v, uint64_t blk, uint64_t at, uint64_t sec,
		 uint64_t limit, bool *set_out, uint64_t *count_out,
		 struct vhd_error *err)
{
	size_t most = BITS_FIRST;
	uint64_t pos = sec;
	bool set = false;

	for (; pos < limit; most = BITS_LEN) {
		uint64_t run = 0;
		struct bits b;
		int rc = bits_get(v, blk, at, pos, limit, most, &b, err);

		if (rc)
			return rc;
		if (pos == sec)
			set = vhd_bit_get(b.map, b.from, VHD_MSB_FIRST);
		if (vhd_bit_get(b.map, b.from, VHD_MSB_FIRST) == set)
			run = vhd_bit_run(b.map, b.from, b.stop,
					  VHD_MSB_FIRST);
		pos += run;
		if (run < b.stop - b.from)
			break;
	}
	*set_out = set;
	*count_out = pos - sec;
	return 0;
}

/* Inside a block that has space.  @len ends inside the block. */
static int map_used(struct vhd1 *v, uint64_t off, uint64_t len,
		    uint32_t entry, struct vhd_run *out, struct vhd_error *err)
{
	uint64_t blk = off >> v->block_shift;
	uint64_t in_blk = off & (v->hdr.block_size - 1);
	uint64_t at = vhd1_entry_off(entry);
	uint64_t count;
	bool set = true;
	int rc;

	*out = (struct vhd_run){
		.len = len,
		.file_off = at + v->bitmap_len + in_blk,
		.kind = VHD_RUN_DATA,
		.flags = VHD_EXTENT_ALLOCATED,
	};
	rc = vhd1_place_check(v, blk, at, err);
	if (!rc && vhd1_full_known(v, blk))
		return cut_check(v, blk, out, err);
	if (!rc)
		rc = vhd1_bit_run(v, blk, at, in_blk / VHD1_SECTOR,
				  div_ceil(in_blk + len, VHD1_SECTOR), &set,
				  &count, err);
	if (rc)
		return rc;
	out->len = min_u64(len, count * VHD1_SECTOR - in_blk % VHD1_SECTOR);
	if (set) {
		vhd1_full_learn(v, blk, at);
		return cut_check(v, blk, out, err);
	}
	out->kind = absent(v);
	out->file_off = 0;
	if (out->kind == VHD_RUN_PARENT)
		out->flags = 0;
	return 0;
}

static int map_sparse(struct vhd1 *v, uint64_t off, uint64_t len,
		      struct vhd_run *out, struct vhd_error *err)
{
	uint64_t blk = off >> v->block_shift;
	uint64_t in_blk = off & (v->hdr.block_size - 1);
	uint64_t last = (off + len - 1) >> v->block_shift;
	uint64_t count;
	uint32_t entry;
	int rc;

	rc = vhd1_entry(v, blk, &entry, err);
	if (rc)
		return rc;
	if (entry != VHD1_UNUSED)
		return map_used(v, off,
				min_u64(len, v->hdr.block_size - in_blk),
				entry, out, err);
	rc = vhd1_unused_run(v, blk, last + 1, &count, err);
	if (rc)
		return rc;
	*out = (struct vhd_run){
		.len = min_u64(len, (count << v->block_shift) - in_blk),
		.kind = absent(v),
	};
	return 0;
}

int vhd1_map(void *eng, uint64_t off, uint64_t len, struct vhd_run *out,
	     struct vhd_error *err)
{
	struct vhd1 *v = eng;

	if (vhd1_is_sparse(v))
		return map_sparse(v, off, len, out, err);
	*out = (struct vhd_run){
		.len = len,
		.file_off = off,
		.kind = VHD_RUN_DATA,
		.flags = VHD_EXTENT_ALLOCATED,
	};
	return 0;
}
