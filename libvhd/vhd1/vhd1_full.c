/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhd1/vhd1_priv.h"

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"

/*
 * Blocks that were seen to be full.
 *
 * Every block has its own bitmap, each on a page of its own: a cache of 1 MiB
 * knows 256 blocks, and random access to more would read a page for each look.
 * Most blocks are full, and that is one bit: 128 KiB for the largest disk with
 * blocks of 2 MiB.
 *
 * A bit is taken back when a block loses its space.  Beside readers, one of which
 * may be about to set it, that happens in a dynamic disk only, where a block
 * that gets new space is full at once.  Otherwise bits of a bitmap are only ever
 * set.
 */

/* Disks of more blocks than this, with tiny blocks, do without. */
#define BLOCKS_MAX (UINT64_C(8) << 20)

int vhd1_full_new(struct vhd1 *v, struct vhd_error *err)
{
	uint64_t count = vhd1_block_count(v);

	if (count > BLOCKS_MAX)
		return 0;
	v->full = vhd_alloc_array((size_t)div_ceil(count, 64),
				  sizeof(*v->full));
	return v->full ? 0 : vhd_fail_nomem(err);
}

bool vhd1_full_known(const struct vhd1 *v, uint64_t blk)
{
	if (!v->full)
		return false;
	return atomic_load_explicit(&v->full[blk / 64], memory_order_relaxed) >>
	       blk % 64 & 1;
}

void vhd1_full_forget(struct vhd1 *v, uint64_t blk)
{
	if (v->full)
		atomic_fetch_and_explicit(&v->full[blk / 64],
					  ~(UINT64_C(1) << blk % 64),
					  memory_order_relaxed);
}

void vhd1_full_learn(struct vhd1 *v, uint64_t blk, uint64_t at)
{
	uint64_t sectors = vhd1_sectors_of(v, blk), count;
	bool set;

	/* A long bitmap of a partial block would be read again and again. */
	if (!v->full || v->bitmap_len > VHD_PAGE_SIZE)
		return;
	if (vhd1_bit_run(v, blk, at, 0, sectors, &set, &count, NULL) || !set ||
	    count < sectors)
		return;
	atomic_fetch_or_explicit(&v->full[blk / 64], UINT64_C(1) << blk % 64,
				 memory_order_relaxed);
}
