/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhd1/vhd1_build.h"

#include <inttypes.h>
#include <string.h>

#include "base/ckd.h"
#include "base/fail.h"
#include "codec/vhd1_batmap.h"

/*
 * What a new VHD is to look like (vhd.md 16):
 *
 *	footer copy | header | table | [batmap] | [locators] | blocks | footer
 *
 * The data of each block starts on a 4 KiB border (VHD-A-2), so its bitmap lies
 * in the last sectors of the 4 KiB in front.  Where a full disk would then not
 * fit below 2 TiB, blocks are packed instead (VHD-M-3).  Xen's are never packed
 * (VHD-X-12); its managers see to it that the blocks of a huge disk fit.
 */

#define SIZE_CAP (UINT64_C(2040) * GiB)		/* VHD-M-1 */
#define XEN_CAP (2 * TiB)			/* the last entry ends there */
#define FIXED_CAP ((uint64_t)INT64_MAX - MiB)	/* what a file can have */
#define FILE_CAP (2 * TiB)			/* VHD-M-5 */

enum {
	TABLE_OFF = VHD1_FOOTER_LEN + VHD1_HEADER_LEN,
	BLOCK_SIZE = 2 << 20,
	BLOCK_SIZE_LEAST = 4096		/* VHD-H-6 */
};

static uint64_t size_cap(const struct vhd_build *w)
{
	if (w->exact)
		return XEN_CAP;
	return w->type == VHD_TYPE_FIXED ? FIXED_CAP : SIZE_CAP;
}

/* A raw disk may end within a sector, and what its children record says so. */
static bool size_may_be_odd(const struct vhd_build *w)
{
	return w->exact && w->type == VHD_TYPE_DIFF;
}

static int room_check(const struct vhd_build *w, struct vhd_error *err)
{
	if (!w->room_size)
		return 0;
	if (w->type == VHD_TYPE_FIXED)
		return vhd_fail(err, VHD_E_INVAL, "a fixed disk has no metadata "
				"that room could be kept for");
	if (w->room_size < w->virtual_size)
		return vhd_fail(err, VHD_E_INVAL, "room for a disk of %" PRIu64
				" bytes is too little for one of %" PRIu64,
				w->room_size, w->virtual_size);
	if (w->room_size > XEN_CAP)
		return vhd_fail(err, VHD_E_INVAL, "room for a disk of %" PRIu64
				" bytes is more than the 2 TiB that a VHD can "
				"have", w->room_size);
	return 0;
}

static int size_check(const struct vhd_build *w, struct vhd_error *err)
{
	uint64_t cap = size_cap(w);

	if (w->logical_sector && w->logical_sector != VHD1_SECTOR)
		return vhd_fail(err, VHD_E_INVAL, "VHD has sectors of 512 "
				"bytes, not %" PRIu32, w->logical_sector);
	if (!w->virtual_size)
		return vhd_fail(err, VHD_E_INVAL, "a disk cannot have 0 bytes");
	if (w->virtual_size < VHD1_SECTOR)
		return vhd_fail(err, VHD_E_INVAL, "a disk of %" PRIu64
				" bytes has no whole sector", w->virtual_size);
	if (w->virtual_size % VHD1_SECTOR && !size_may_be_odd(w))
		return vhd_fail(err, VHD_E_INVAL, "%" PRIu64 " bytes are no "
				"multiple of the disk's sectors of 512 bytes",
				w->virtual_size);
	if (w->virtual_size > cap)
		return vhd_fail_code_rule(err, VHD_E_INVAL,
			RULE_VHD1_SIZE_LIMIT, VHD_NO_OFFSET,
			"size %" PRIu64 " is over the limit of %" PRIu64
			" bytes of %s VHD", w->virtual_size, cap,
			w->type == VHD_TYPE_FIXED ? "a fixed" :
			"a dynamic or differencing");
	return room_check(w, err);
}

static int block_check(const struct vhd_build *w, struct vhd_error *err)
{
	uint64_t bs = w->block_size ? w->block_size : BLOCK_SIZE;

	if (!is_pow2(bs) || bs < BLOCK_SIZE_LEAST || bs > VHD1_BLOCK_SIZE_MAX)
		return vhd_fail_code_rule(err, VHD_E_INVAL,
			RULE_VHD1_BLOCK_SIZE, VHD_NO_OFFSET,
			"block size %" PRIu64 " is not a power of two from "
			"4096 to 256 MiB", bs);
	if (w->xen && bs != BLOCK_SIZE)
		return vhd_fail_code_rule(err, VHD_E_INVAL,
			RULE_VHD1_BLOCK_SIZE_ODD, VHD_NO_OFFSET,
			"block size %" PRIu64 " is not the 2 MiB that Xen "
			"needs", bs);
	if (w->xen && !w->exact && vhd1_batmap_defect(w->virtual_size))
		return vhd_fail_code_rule(err, VHD_E_INVAL,
			RULE_VHD1_BATMAP_ROUNDING, VHD_NO_OFFSET,
			"Xen miscounts the batmap of a disk of %" PRIu64
			" bytes; a multiple of 16 MiB is safe",
			w->virtual_size);
	return 0;
}

static void plan_footer(struct vhd1_builder *b, const struct vhd_build *w)
{
	struct vhd1_footer *f = &b->footer;

	f->features = VHD1_FEATURE_RESERVED;
	f->version = VHD1_VERSION_1_0;
	f->data_off = w->type == VHD_TYPE_FIXED ? VHD1_NO_OFF
						: VHD1_FOOTER_LEN;
	f->timestamp = vhd1_time_from_unix(w->timestamp);
	f->original_size = w->virtual_size;
	f->current_size = w->virtual_size;
	f->geometry = vhd1_geometry_of(w->virtual_size);
	f->type = (uint32_t)w->type;
	memcpy(f->unique_id, w->seed.b, sizeof(f->unique_id));
	if (w->xen) {
		memcpy(f->creator_app, "tap", 4);
		f->creator_version = VHD1_TAP_1_3;
	} else {
		vhd1_footer_own(f);
	}
}

uint64_t vhd1_block_place(const struct vhd1_builder *b, uint64_t off)
{
	return align_up(off + b->bitmap_len, b->align) - b->bitmap_len;
}

/* Does a disk with all its blocks end below 2 TiB, footer included? */
static bool full_disk_fits(const struct vhd1_builder *b, uint64_t blocks)
{
	uint64_t stride = align_up((uint64_t)b->bitmap_len +
				   b->hdr.block_size, b->align);
	uint64_t first = vhd1_block_place(b, b->meta_end);

	return stride * blocks <=
	       FILE_CAP - VHD1_FOOTER_LEN - first;
}

static int plan_layout(struct vhd1_builder *b, const struct vhd_build *w,
		       struct vhd_error *err)
{
	uint64_t bs = w->block_size ? w->block_size : BLOCK_SIZE;
	uint64_t blocks = div_ceil(w->virtual_size, bs);
	int rc;

	/* 2 TiB in blocks of 4096 bytes are 2^29 entries. */
	b->hdr.max_entries = (uint32_t)max_u64(blocks,
					       div_ceil(w->room_size, bs));
	b->hdr.block_size = (uint32_t)bs;
	b->hdr.next_off = VHD1_NO_OFF;
	b->hdr.table_off = TABLE_OFF;
	b->hdr.version = VHD1_VERSION_1_0;
	b->bitmap_len = vhd1_bitmap_len(b->hdr.block_size);
	b->block_shift = (unsigned)__builtin_ctz(b->hdr.block_size);
	b->table_end = TABLE_OFF + vhd1_table_space(b->hdr.max_entries);
	b->meta_end = b->table_end;
	if (b->xen)
		b->meta_end += VHD1_BATMAP_LEN + UINT64_C(512) *
			vhd1_batmap_sectors(b->hdr.max_entries);
	if (w->type == VHD_TYPE_DIFF) {
		rc = vhd1_relate(b, w, err);
		if (rc)
			return rc;
	}
	b->align = VHD1_BUILD_ALIGN;
	b->next_off = b->meta_end;
	if (w->exact)
		return 0;
	if (!full_disk_fits(b, blocks))
		b->align = VHD1_SECTOR;
	if (!full_disk_fits(b, blocks))
		return vhd_fail(err, VHD_E_INVAL, "a disk of %" PRIu64
				" bytes in blocks of %" PRIu64 " would not "
				"fit below 2 TiB; larger blocks need less "
				"space", w->virtual_size, bs);
	return 0;
}

/* What is written in any case has to fit on a device; blocks may not. */
static int device_check(const struct vhd1_builder *b, struct vhd_error *err)
{
	if (!b->end || (b->end >= VHD1_FOOTER_LEN &&
			b->next_off <= b->end - VHD1_FOOTER_LEN))
		return 0;
	return vhd_fail(err, VHD_E_NOSPACE, "the device has %" PRIu64 " bytes; "
			"the image needs %" PRIu64, b->end,
			b->next_off + VHD1_FOOTER_LEN);
}

int vhd1_plan(struct vhd1_builder *b, const struct vhd_build *what,
	      struct vhd_error *err)
{
	int rc;

	if (what->type != VHD_TYPE_FIXED && what->type != VHD_TYPE_DYNAMIC &&
	    what->type != VHD_TYPE_DIFF)
		return vhd_fail(err, VHD_E_INVAL,
				"a VHD is fixed, dynamic or differencing");
	rc = size_check(what, err);
	if (rc)
		return rc;
	b->xen = what->xen;
	b->tight = what->xen;
	b->end = what->end;
	if (what->xen && what->key) {
		b->keyed = true;
		b->key = *what->key;
	}
	plan_footer(b, what);
	b->next_off = what->virtual_size;
	if (what->type != VHD_TYPE_FIXED) {
		rc = block_check(what, err);
		if (!rc)
			rc = plan_layout(b, what, err);
	}
	return rc ? rc : device_check(b, err);
}
