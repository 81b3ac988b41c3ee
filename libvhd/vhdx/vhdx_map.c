/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where guest bytes are (vhdx.md 9, 11, and the tolerant reader of 21).
 *
 * An entry of the table gives one run: data, zeros, or nothing to say.  Runs of
 * neighbouring blocks are merged as long as they go on alike; when what goes on
 * is nothing, holes of the file are jumped over, so that an empty disk of any
 * size is one look.  A failure behind the first block is left for the next call
 * to find.
 *
 * Zeros are zeros here whatever the parent holds (VHDX-PBS-04).  A block that is
 * not present is the parent's, and without a parent nobody's.
 */
#include <inttypes.h>

#include "base/fail.h"
#include "vhdx/vhdx_bat.h"
#include "vhdx/vhdx_bitmap.h"

/* Entries looked at in one call at most, so that a call stays short. */
enum { MAX_LOOKS = 64 * 512 };

static int bad_place(const struct vhdx *x, uint64_t idx, uint64_t blk,
		     uint64_t file_off, enum vhd_rule_idx rule,
		     struct vhd_error *err)
{
	const char *what = "in the metadata";

	if (rule == RULE_VHDX_BLOCK_NO_PLACE)
		what = "nowhere";
	else if (rule == RULE_VHDX_BLOCK_PAST_END)
		what = "past the end of the file";
	return vhd_fail_rule(err, rule, vhdx_bat_file_off(x, idx),
			     "block %" PRIu64 " lies at 0x%" PRIx64 ", %s (file "
			     "has 0x%" PRIx64 " bytes)", blk, file_off, what,
			     x->file_size);
}

/* The space of a block with data: may it be used? */
static int check_data(const struct vhdx *x, uint64_t idx, uint64_t blk,
		      uint64_t file_off, struct vhd_error *err)
{
	enum vhd_rule_idx rule;

	rule = vhdx_place_check(x, file_off, x->geom.block_size);
	if (rule != VHD_RULE_NONE)
		return bad_place(x, idx, blk, file_off, rule, err);
	/* Who moves the bytes reads the file itself: VHDX-LOG-01. */
	if (vhdx_overlay_touches(x->overlay, file_off, x->geom.block_size))
		return vhd_fail_rule(err, RULE_VHDX_LOG_TARGET, file_off,
				     "pending log changes the data of block %"
				     PRIu64 " at 0x%" PRIx64, blk, file_off);
	return 0;
}

int vhdx_map_blk(struct vhdx_bat_cursor *cur, uint64_t blk,
		 struct vhd_run *run, bool *partial_out, struct vhd_error *err)
{
	const struct vhdx *x = cur->x;
	uint64_t idx = vhdx_bat_idx_of_blk(&x->geom, blk);
	struct vhdx_batent ent;
	int rc;

	rc = vhdx_bat_get(cur, idx, &ent, err);
	if (rc)
		return rc;
	*run = (struct vhd_run){ vhdx_blk_len(&x->geom, blk), VHD_NO_OFFSET,
				 VHD_RUN_ZERO, 0 };
	*partial_out = false;
	switch (ent.state) {
	case VHDX_NOT_PRESENT:
		run->kind = VHD_RUN_PARENT;
		return 0;
	case VHDX_UNDEFINED:
	case VHDX_ZERO:
	case VHDX_UNMAPPED:
	case VHDX_UNMAPPED_DRAFT:
		if (vhdx_batent_is_anchor(&ent))
			run->flags = VHD_EXTENT_ALLOCATED;
		return 0;
	case VHDX_RESERVED_4:
		return vhd_fail_rule(err, RULE_VHDX_STATE_4,
				     vhdx_bat_file_off(x, idx),
				     "block %" PRIu64 " has the reserved state "
				     "4", blk);
	case VHDX_PARTIALLY_PRESENT:
		*partial_out = x->meta.has_parent;	/* VHDX-PBS-07 */
		break;
	case VHDX_FULLY_PRESENT:
		break;
	}
	run->kind = VHD_RUN_DATA;
	run->file_off = ent.file_off;
	run->flags = VHD_EXTENT_ALLOCATED;
	return check_data(x, idx, blk, ent.file_off, err);
}

static bool goes_on(const struct vhd_run *a, const struct vhd_run *b)
{
	if (a->kind != b->kind || a->flags != b->flags)
		return false;
	return a->kind != VHD_RUN_DATA || a->file_off + a->len == b->file_off;
}

/* A run of @off is now known to go on up to block @next. */
static void reach(const struct vhdx *x, uint64_t next, uint64_t off,
		  struct vhd_run *run)
{
	run->len = min_u64(vhdx_off_of_blk(&x->geom, next),
			   x->geom.disk_size) - off;
}

/* Over the hole at @blk, of a run that says nothing.  Failures can wait. */
static void jump(struct vhdx_bat_cursor *cur, uint64_t blk, uint64_t off,
		 struct vhd_run *run)
{
	uint64_t next;

	if (!vhdx_bat_skip(cur, blk, &next, NULL) && next > blk)
		reach(cur->x, next, off, run);
}

/* Lengthens a run of @off that ends with its block, up to @len. */
static void extend(struct vhdx_bat_cursor *cur, uint64_t off, uint64_t len,
		   struct vhd_run *run)
{
	const struct vhdx_geom *g = &cur->x->geom;
	int looks;

	for (looks = 0; run->len < len && looks < MAX_LOOKS; looks++) {
		uint64_t blk = vhdx_blk_of_off(g, off + run->len);
		uint64_t before = run->len;
		struct vhd_run next;
		bool partial;

		if (run->kind == VHD_RUN_PARENT &&
		    !vhdx_bat_holds(cur, vhdx_bat_idx_of_blk(g, blk)))
			jump(cur, blk, off, run);
		if (run->len != before)
			continue;
		if (vhdx_map_blk(cur, blk, &next, &partial, NULL) || partial ||
		    !goes_on(run, &next))
			break;
		/* Many entries that say nothing say it alike. */
		if (run->kind == VHD_RUN_DATA)
			run->len += next.len;
		else
			reach(cur->x, blk + vhdx_bat_alike(cur, blk), off, run);
	}
	run->len = min_u64(run->len, len);
}

int vhdx_map(void *eng, uint64_t off, uint64_t len, struct vhd_run *out,
	     struct vhd_error *err)
{
	struct vhdx *x = eng;
	struct vhdx_bat_cursor cur = { .x = x };
	uint64_t in_blk = vhdx_off_in_blk(&x->geom, off);
	struct vhd_run run;
	bool partial;
	int rc;

	rc = vhdx_map_blk(&cur, vhdx_blk_of_off(&x->geom, off), &run, &partial,
			  err);
	if (rc)
		goto out;
	if (partial) {
		vhdx_bat_put(&cur);
		rc = vhdx_bitmap_run(x, run.file_off, off, len, out, err);
		goto out;
	}
	run.len -= in_blk;
	if (run.kind == VHD_RUN_DATA)
		run.file_off += in_blk;
	extend(&cur, off, len, &run);
	*out = run;
out:
	vhdx_bat_put(&cur);
	return rc;
}
