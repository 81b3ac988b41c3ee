/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHDX_BAT_H
#define VHD_VHDX_BAT_H

/*
 * The block allocation table, in two ways: entry by entry through the page
 * cache, for mapping; from front to back in large reads that leave the cache
 * alone and pass over holes, for everything that looks at the whole of it.
 */

#include "vhdx/vhdx.h"

/* Holds the page of the entry looked at last.  Begin with { .x = x }. */
struct vhdx_bat_cursor {
	struct vhdx *x;
	struct vhd_page *page;
	uint64_t page_off;		/* in the file */
	uint64_t stored_blk;		/* vhdx_bat_skip() finds nothing to skip
					   below this */
};

/* @idx is below bat_room. */
int vhdx_bat_get(struct vhdx_bat_cursor *cur, uint64_t idx,
		 struct vhdx_batent *out, struct vhd_error *err);
/* Is the page of that entry the one held? */
bool vhdx_bat_holds(const struct vhdx_bat_cursor *cur, uint64_t idx);
void vhdx_bat_put(struct vhdx_bat_cursor *cur);

/*
 * How many entries are the same number as that of @blk, in a row from it on, as
 * far as the page that is held goes and up to the end of its chunk: at least 1.
 * The one of @blk is on that page.
 */
uint64_t vhdx_bat_alike(const struct vhdx_bat_cursor *cur, uint64_t blk);

/*
 * What the entry of a block says about the whole of it.  *@partial_out: only
 * its sector bitmap knows; the run then names its space.  Errors are those of
 * the engine's map().
 */
int vhdx_map_blk(struct vhdx_bat_cursor *cur, uint64_t blk,
		 struct vhd_run *run_out, bool *partial_out,
		 struct vhd_error *err);

/*
 * The first block from @blk on whose entry may be other than zero: @blk itself
 * unless the file has a hole there, and always in a file that is being written
 * to.  At most the number of blocks.
 */
int vhdx_bat_skip(struct vhdx_bat_cursor *cur, uint64_t blk, uint64_t *blk_out,
		  struct vhd_error *err);

/*
 * Is the space of a block that has some fit to be used (VHDX-CHK-55, 56, 59)?
 * RULE_VHDX_BLOCK_NO_PLACE, _BLOCK_PAST_END, _BLOCK_IN_META or VHD_RULE_NONE.
 */
enum vhd_rule_idx vhdx_place_check(const struct vhdx *x, uint64_t file_off,
				   uint64_t len);

/* All entries that are not zero, in order. */
struct vhdx_bat_iter {
	struct vhdx *x;
	uint64_t pos_idx;		/* next entry to look at */
	uint64_t end_idx;
	uint64_t stored_off, stored_end;	/* of the file, known to be data */
	uint64_t budget;		/* bytes it may still read */
	bool file_holes;		/* may be set after begin: see below */
	bool over;			/* ended because that was too little */
	uint8_t *buf;
	uint64_t buf_idx;		/* first entry in it */
	uint64_t buf_count;
};

/*
 * At most @budget bytes are read; holes are free.  In a file that is being
 * written to there are none, unless @file_holes says that entries which only
 * wait to be written may be missed.
 */
int vhdx_bat_iter_begin(struct vhdx_bat_iter *it, struct vhdx *x,
			uint64_t end_idx, uint64_t budget,
			struct vhd_error *err);
/* *@found_out is false at the end, and when the budget is used up. */
int vhdx_bat_iter_next(struct vhdx_bat_iter *it, bool *found_out,
		       uint64_t *idx_out, uint64_t *raw_out,
		       struct vhd_error *err);
/*
 * The same in one go: an entry that is not zero and all that was read behind it,
 * zeros included.  *@count_out is 0 at the end.  Lives until the next call.
 */
int vhdx_bat_iter_span(struct vhdx_bat_iter *it, uint64_t *idx_out,
		       const le64 **ents_out, size_t *count_out,
		       struct vhd_error *err);
void vhdx_bat_iter_end(struct vhdx_bat_iter *it);

#endif
