/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Another size (vhdx.md 17.2).
 *
 * One entry of the log makes the disk larger or smaller: it holds the size, those
 * pages of the table in which both disks have entries, and, if the table had to
 * move, both region tables.  So a cut leaves one disk or the other, and the number
 * of entries that a resize costs does not grow with the disk.
 *
 * All else happens where only one of the two disks looks.  Entries that only the
 * larger one has mean nothing in the smaller (VHDX-BAT-10): when growing they are
 * written in place before the entry, when shrinking they are cleared after it.
 *
 *	grow	end of the last block: zeros, or bits	[F]
 *		room for blocks of a fixed disk; a new table, or the end of the
 *		present one, in place				[F]
 *		L{size, table, region tables}			[F]
 *	shrink	L{size, table}					[F]
 *		in place [F], another log [F]
 *		the end of the table cleared; freed space punched out
 *		the file is cut when it is closed
 *
 * A rerun after a cut begins anew, with the old size or with the new one; with the
 * new one it clears what is left behind the table's end.
 */
#include "vhdx/vhdx_resize.h"

#include <inttypes.h>

#include "base/ckd.h"
#include "base/fail.h"
#include "vhdx/vhdx_item.h"
#include "vhdx/vhdx_table.h"

#define FILL_STEP (GiB)

static int size_check(const struct vhdx *x, uint64_t size,
		      struct vhd_error *err)
{
	if (size && vhdx_disk_size_ok(size, x->meta.logical_sector))
		return 0;
	return vhd_fail(err, VHD_E_INVAL,
			"a VHDX disk has a multiple of %u bytes, at least one"
			" sector and at most 64 TiB; 0x%" PRIx64 " is neither",
			x->meta.logical_sector, size);
}

/* The total of all stages; what is not long counts as nothing. */
static bool tell(const struct vhdx_resize *r, uint64_t done, uint64_t total)
{
	return !r->req->progress ||
	       r->req->progress(r->req->progress_arg, done, total);
}

static uint64_t fill_len(const struct vhdx_resize *r)
{
	if (!r->fixed || r->new.blk_count <= r->old.blk_count)
		return 0;
	return (r->new.blk_count - r->old.blk_count) * r->new.block_size;
}

/* VHDX-RSZ-07: a fixed disk has its space from the start. */
static int fill(struct vhdx_resize *r, struct vhd_error *err)
{
	uint64_t len = fill_len(r), done = 0;
	enum vhd_space_kind kind;
	int rc;

	if (!len)
		return 0;
	rc = vhdx_space_take(r->x, len, &r->fill_off, &kind, err);
	while (!rc && done < len) {
		uint64_t n = min_u64(len - done, FILL_STEP);

		if (!tell(r, done, len))
			rc = vhd_fail(err, VHD_E_CANCELLED, "cancelled");
		else
			rc = vhd_io_zero(r->x->io, n, r->fill_off + done, err);
		done += n;
	}
	if (rc)
		vhdx_write_unplace(r->x, r->fill_off, len, VHD_SPACE_DIRTY);
	else
		vhdx_write_reach(r->x, r->fill_off + len);
	return rc;
}

/*
 * A fixed disk's file holds all of it (VHDX-SPC-08), be its blocks in their
 * places already or not: QEMU's have none until they are written to.
 */
static uint64_t fixed_len(const struct vhdx *x, const struct vhdx_geom *g)
{
	uint64_t len = vhdx_off_of_blk(g, g->blk_count);

	for (size_t i = 0; i < x->taken_count; i++)
		len += x->taken[i].len;
	return len;
}

/* New blocks may have got what others have yet to get. */
static int reach(const struct vhdx_resize *r, bool moves, struct vhd_error *err)
{
	uint64_t len = fixed_len(r->x, &r->new) + (moves ? r->bat.len : 0);

	return r->fixed ? vhdx_space_reach(r->x, len, err) : 0;
}

/* VHDX-RSZ-05: in space that reads as zeros. */
static int place_table(struct vhdx_resize *r, struct vhd_error *err)
{
	struct vhdx *x = r->x;
	enum vhd_space_kind kind;
	uint64_t len = vhdx_geom_bat_len(&r->new), off;
	int rc = vhdx_space_take(x, len, &off, &kind, err);

	if (!rc && kind != VHD_SPACE_FRESH)
		rc = vhd_io_punch(x->io, len, off, err);
	if (rc)
		return rc;
	vhdx_write_reach(x, off + len);
	r->bat = (struct vhdx_place){ off, len };
	return 0;
}

static int size_put(struct vhdx_resize *r, struct vhd_error *err)
{
	le64 size = le64_make(r->new.disk_size);

	return vhdx_item_set(&r->edit, VHDX_ITEM_DISK_SIZE, &size, err);
}

/* In which the table is written past the log: see vhdx_log_settle(). */
static int in_place(struct vhdx_resize *r, struct vhd_error *err)
{
	int rc = vhdx_resize_dead_pages(r, err);

	return rc ? rc : vhdx_resize_live_pages(r, err);
}

static int moved(struct vhdx_resize *r, struct vhd_error *err)
{
	int rc = vhdx_resize_copy_table(r, err);

	return rc ? rc : vhdx_table_turn(&r->edit, &r->bat, err);
}

/* From here on the engine knows the disk that the file has. */
static void adopt(struct vhdx_resize *r)
{
	struct vhdx *x = r->x;

	x->meta.disk_size = r->new.disk_size;
	x->geom = r->new;
	x->bat_used = vhdx_geom_entries(&x->geom, x->meta.has_parent);
}

static int grow(struct vhdx_resize *r, struct vhd_error *err)
{
	bool moves = vhdx_bat_off_of_idx(vhdx_geom_entries(&r->new,
				r->x->meta.has_parent)) > r->bat.len;
	int rc = vhdx_settle(r->x, err);

	if (!rc)
		rc = vhdx_resize_open_tail(r, err);
	if (!rc && moves)
		rc = place_table(r, err);
	if (!rc)
		rc = fill(r, err);
	if (!rc)
		rc = reach(r, moves, err);
	if (!rc)
		rc = moves ? moved(r, err) : in_place(r, err);
	if (!rc)
		rc = size_put(r, err);
	if (!rc)
		rc = vhdx_edit_store(&r->edit, err);
	if (!rc && moves)
		rc = vhdx_table_turned(r->x, &r->bat, err);
	if (rc)
		return rc;
	adopt(r);
	r->x->write->keep_len = max_u64(r->x->write->keep_len,
					fixed_len(r->x, &r->new));
	return 0;
}

static void keep_less(struct vhdx *x)
{
	x->write->keep_len = min_u64(x->write->keep_len,
				     fixed_len(x, &x->geom));
}

/* Of what is free now, as no log needs it (VHDX-SPC-06). */
static int punch_free(struct vhdx *x, struct vhd_error *err)
{
	const struct vhd_space *s = &x->write->space;
	bool done = true;
	int rc = 0;

	if (x->meta.leave_allocated)
		return 0;
	for (size_t i = 0; !rc && done && i < s->count; i++)
		rc = vhd_io_try_punch(x->io, s->ext[i].len, s->ext[i].off,
				      &done, err);
	return rc;
}

/* What the smaller disk has no use for, once its size is durable. */
static int tidy(struct vhdx_resize *r, struct vhd_error *err)
{
	struct vhdx *x = r->x;
	int rc = vhdx_settle(x, err);

	if (rc)
		return rc;
	adopt(r);
	vhd_space_clear(&x->write->space);
	rc = vhdx_scan(x, err);
	if (!rc)
		rc = vhdx_resize_dead_pages(r, err);
	if (!rc)
		rc = vhdx_resize_close_tail(r, err);
	if (!rc)
		rc = punch_free(x, err);
	keep_less(x);
	return rc;
}

/* The table need not be longer than one that we would make. */
static int cut_table(struct vhdx_resize *r, struct vhd_error *err)
{
	uint64_t len = vhdx_geom_bat_len(&r->new);

	if (r->bat.len <= len)
		return 0;
	r->bat.len = len;
	return vhdx_table_turn(&r->edit, &r->bat, err);
}

static int shrink(struct vhdx_resize *r, struct vhd_error *err)
{
	int rc = vhdx_resize_live_pages(r, err);

	if (!rc)
		rc = size_put(r, err);
	if (!rc)
		rc = cut_table(r, err);
	if (!rc)
		rc = vhdx_edit_store(&r->edit, err);
	if (!rc)
		rc = vhdx_table_turned(r->x, &r->bat, err);
	return rc ? rc : tidy(r, err);
}

static int resize(struct vhdx_resize *r, struct vhd_error *err)
{
	struct vhdx *x = r->x;
	int rc;

	if (!tell(r, 0, max_u64(fill_len(r), 1)))
		return vhd_fail(err, VHD_E_CANCELLED, "cancelled");
	/* Before anything changes: no file whose space has two owners. */
	rc = vhdx_space_ready(x, err);
	if (!rc)
		rc = vhdx_edit_begin(&r->edit, x, err);
	if (!rc)
		rc = r->new.disk_size < r->old.disk_size ? shrink(r, err)
							 : grow(r, err);
	vhdx_edit_end(&r->edit);
	return rc;
}

/* Will closing make the file shorter, if it was touched? */
static bool is_long(const struct vhdx *x)
{
	const struct vhdx_write *wr = x->write;
	uint64_t end = align_down(wr->end_off, MiB);
	uint64_t to = vhd_space_tail(&wr->space, end);

	return (x->meta.leave_allocated ? max_u64(to, wr->keep_len) : to) <
	       end;
}

/* What a cut may have left of an earlier attempt, or another program. */
static int finish(struct vhdx_resize *r, struct vhd_error *err)
{
	struct vhdx *x = r->x;
	bool stale;
	int rc;

	rc = vhdx_space_ready(x, err);
	if (!rc)
		rc = vhdx_resize_is_stale(r, &stale, err);
	if (rc)
		return rc;
	keep_less(x);
	if (!stale && !is_long(x))
		return 0;
	vhdx_log_keep(x->write->log);
	rc = vhdx_edit_begin(&r->edit, x, err);
	if (!rc && stale)
		rc = vhdx_resize_live_pages(r, err);
	if (!rc)
		rc = vhdx_edit_store(&r->edit, err);
	if (!rc && stale)
		rc = tidy(r, err);
	vhdx_edit_end(&r->edit);
	return rc;
}

int vhdx_resize(void *eng, const struct vhd_engine_resize *req,
		struct vhd_error *err)
{
	struct vhdx *x = eng;
	struct vhdx_resize r = {
		.x = x,
		.req = req,
		.old = x->geom,
		.fixed = x->meta.leave_allocated && !x->meta.has_parent,
		.bat = x->regions.bat,
	};
	uint64_t total;
	int rc = size_check(x, req->size, err);

	if (rc)
		return rc;
	vhdx_geom_init(&r.new, req->size, x->meta.block_size,
		       x->meta.logical_sector);
	total = max_u64(fill_len(&r), 1);
	rc = req->size == x->meta.disk_size ? finish(&r, err)
					    : resize(&r, err);
	if (!rc)
		tell(&r, total, total);
	return rc;
}
