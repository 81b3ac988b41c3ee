/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhd1/vhd1_priv.h"

#include <inttypes.h>

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

static enum vhd_run_kind absent(const struct vhd1 *v)
{
	return v->footer.type == VHD1_TYPE_DIFF ? VHD_RUN_PARENT
						: VHD_RUN_ZERO;
}

/* A block of which we know that it is not where a block can be fails. */
static int place_check(const struct vhd1 *v, uint64_t blk, uint64_t at,
		       struct vhd_error *err)
{
	const struct vhd1_span *hit = vhd1_span_hit(v, at, v->span_hard);

	if (hit)
		return vhd_fail_rule(err, RULE_VHD1_BLOCK_IN_META, at,
			"block %" PRIu64 " at 0x%" PRIx64 " overlaps %s at "
			"0x%" PRIx64, blk, at, hit->what, hit->off);
	if (at + v->bitmap_len > v->tail_off)
		return vhd_fail_rule(err, RULE_VHD1_BLOCK_PAST_END, at,
			"block %" PRIu64 " at 0x%" PRIx64 " lies past the end "
			"of the data (0x%" PRIx64 ")", blk, at, v->tail_off);
	if (v->batmap.key_cookie == 1)
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
	if (run->file_off >= v->tail_off)
		return vhd_fail_rule(err, RULE_VHD1_BLOCK_PAST_END,
			run->file_off, "block %" PRIu64 " is cut off: its data "
			"at 0x%" PRIx64 " lies past the end of the data "
			"(0x%" PRIx64 ")", blk, run->file_off, v->tail_off);
	run->len = min_u64(run->len, v->tail_off - run->file_off);
	return 0;
}

/*
 * VHD-Y-10: the table points at what was the footer before a crash.  @sector is
 * the first of the bitmap.
 */
static int bitmap_check(uint64_t blk, uint64_t at, const uint8_t *sector,
			struct vhd_error *err)
{
	if (!vhd1_sealed(vhd1_footer_seal(sector)))
		return 0;
	return vhd_fail_rule(err, RULE_VHD1_BITMAP_IS_FOOTER, at,
		"sector bitmap of block %" PRIu64 " at 0x%" PRIx64
		" is a footer", blk, at);
}

/* A stretch of a bitmap that lies in one page. */
struct bits {
	const uint8_t *map;	/* byte of the first bit */
	uint64_t from;		/* its place in that byte */
	uint64_t stop;		/* end of the stretch, counted as @from is */
};

/*
 * The run of equal bits from sector @sec of the block whose bitmap is at @at;
 * it ends before sector @limit.
 */
static int bit_run(struct vhd1 *v, uint64_t blk, uint64_t at, uint64_t sec,
		   uint64_t limit, bool *set_out, uint64_t *count_out,
		   struct vhd_error *err)
{
	uint64_t pos = sec;
	bool set = false;
	int rc = 0;

	while (pos < limit) {
		uint64_t off = at + pos / 8;
		size_t in_page = (size_t)(off % VHD_PAGE_SIZE);
		struct bits b = { .from = pos % 8 };
		struct vhd_page *page;
		uint64_t run = 0;

		rc = vhd_pcache_get(v->pc, off, &page, err);
		if (rc)
			return rc;
		b.map = vhd_page_bytes(page) + in_page;
		b.stop = min_u64((VHD_PAGE_SIZE - in_page) * UINT64_C(8),
				 b.from + (limit - pos));
		if (pos == sec) {
			set = vhd_bit_get(b.map, b.from, VHD_MSB_FIRST);
			if (off - at < VHD1_SECTOR)
				rc = bitmap_check(blk, at, b.map - (off - at),
						  err);
		}
		if (vhd_bit_get(b.map, b.from, VHD_MSB_FIRST) == set)
			run = vhd_bit_run(b.map, b.from, b.stop,
					  VHD_MSB_FIRST);
		vhd_pcache_put(v->pc, page);
		pos += run;
		if (rc || run < b.stop - b.from)
			break;
	}
	*set_out = set;
	*count_out = pos - sec;
	return rc;
}

/* Inside a block that has space.  @len ends inside the block. */
static int map_used(struct vhd1 *v, uint64_t off, uint64_t len,
		    uint32_t entry, struct vhd_run *out, struct vhd_error *err)
{
	uint64_t blk = off >> v->block_shift;
	uint64_t in_blk = off & (v->hdr.block_size - 1);
	uint64_t at = vhd1_entry_off(entry);
	uint64_t count;
	bool set;
	int rc;

	rc = place_check(v, blk, at, err);
	if (!rc)
		rc = bit_run(v, blk, at, in_blk / VHD1_SECTOR,
			     div_ceil(in_blk + len, VHD1_SECTOR), &set, &count,
			     err);
	if (rc)
		return rc;
	*out = (struct vhd_run){
		.len = min_u64(len, count * VHD1_SECTOR - in_blk % VHD1_SECTOR),
		.kind = set ? VHD_RUN_DATA : absent(v),
	};
	if (out->kind != VHD_RUN_PARENT)
		out->flags = VHD_EXTENT_ALLOCATED;
	if (!set)
		return 0;
	out->file_off = at + v->bitmap_len + in_blk;
	return cut_check(v, blk, out, err);
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
