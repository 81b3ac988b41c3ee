/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of a disk that gets another size, page by page.
 *
 * An entry lives if both disks have it: it stays what it is.  All others get the
 * value that the new disk wants: nothing behind its end (VHDX-RSZ-08), nothing for
 * a new block of a dynamic disk (VHDX-RSZ-02), a place for one of a fixed disk
 * (VHDX-RSZ-07), zeros for one of a differencing disk, whatever its parent has
 * there or another program makes of a parent that ends earlier (VHDX-RSZ-04).
 *
 * Few pages have both kinds: the one with the border, and the one with the slot
 * of the last chunk's bitmap.  They go through the log.  Memory is one buffer.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "base/zero.h"
#include "vhdx/vhdx_resize.h"

enum {
	PAGE_ENTS = VHD_PAGE_SIZE / 8,
	STEP_PAGES = 64,
	STEP_LEN = STEP_PAGES * VHD_PAGE_SIZE
};

static uint64_t keep_blks(const struct vhdx_resize *r)
{
	return min_u64(r->old.blk_count, r->new.blk_count);
}

static bool lives(const struct vhdx_resize *r, uint64_t idx)
{
	if (vhdx_bat_idx_is_bitmap(&r->new, idx))
		return r->x->meta.has_parent &&
		       vhdx_chunk_of_bat_idx(&r->new, idx) <
			       min_u64(r->old.chunk_count, r->new.chunk_count);
	return vhdx_blk_of_bat_idx(&r->new, idx) < keep_blks(r);
}

static uint64_t value_of(const struct vhdx_resize *r, uint64_t idx)
{
	uint64_t blk = vhdx_blk_of_bat_idx(&r->new, idx);

	if (vhdx_bat_idx_is_bitmap(&r->new, idx) || blk >= r->new.blk_count)
		return 0;
	if (r->fixed)
		return vhdx_batent_pack(VHDX_FULLY_PRESENT, r->fill_off +
					vhdx_off_of_blk(&r->new, blk -
							r->old.blk_count));
	return vhdx_batent_pack(r->x->meta.has_parent ? VHDX_ZERO
						      : VHDX_NOT_PRESENT, 0);
}

/* Entries from the page with the border on, as far as either disk reaches. */
static uint64_t first_idx(const struct vhdx_resize *r)
{
	return align_down(vhdx_bat_idx_of_blk(&r->new, keep_blks(r)),
			  PAGE_ENTS);
}

/* In the present table; a shrink clears all that there is behind. */
static uint64_t end_idx(const struct vhdx_resize *r)
{
	uint64_t room = r->x->bat_room;

	if (r->new.disk_size <= r->old.disk_size)
		return room;
	return min_u64(align_up(vhdx_geom_entries(&r->new,
						  r->x->meta.has_parent),
				PAGE_ENTS), room);
}

static uint64_t place_of(const struct vhdx_place *bat, uint64_t idx)
{
	return bat->off + vhdx_bat_off_of_idx(idx);
}

/* Sets the entries of a page that do not live; *lives_out: some do. */
static void page_make(const struct vhdx_resize *r, uint64_t idx, le64 *ents,
		      bool *lives_out)
{
	*lives_out = false;
	for (uint64_t i = 0; i < PAGE_ENTS; i++) {
		if (lives(r, idx + i))
			*lives_out = true;
		else
			ents[i] = le64_make(value_of(r, idx + i));
	}
}

/* Not a page of the log, and not one that a cut may leave half. */
static int page_log(struct vhdx_resize *r, uint64_t idx, struct vhd_error *err)
{
	uint64_t off = place_of(&r->bat, idx);
	le64 ents[PAGE_ENTS];
	bool any;
	int rc = vhdx_read(r->x, ents, sizeof(ents), off, err);

	if (rc)
		return rc;
	page_make(r, idx, ents, &any);
	return any ? vhdx_edit_put(&r->edit, ents, sizeof(ents), off, err) : 0;
}

/*
 * Living entries lie before the border and, of the last chunk that both disks
 * have, in the slot of its bitmap.
 */
int vhdx_resize_live_pages(struct vhdx_resize *r, struct vhd_error *err)
{
	uint64_t first = first_idx(r), chunks, slot;
	int rc = 0;

	if (first < r->x->bat_room)
		rc = page_log(r, first, err);
	chunks = min_u64(r->old.chunk_count, r->new.chunk_count);
	if (rc || !chunks || !r->x->meta.has_parent)
		return rc;
	slot = align_down(vhdx_bat_idx_of_chunk(&r->new, chunks - 1),
			  PAGE_ENTS);
	return slot > first ? page_log(r, slot, err) : 0;
}

/* Are there other bytes than zeros in a range of the file? */
static int holds_data(const struct vhdx *x, uint64_t off, uint64_t end,
		      uint8_t *buf, bool *yes_out, struct vhd_error *err)
{
	uint64_t start, stop;
	int rc = 0;

	*yes_out = false;
	while (!rc && off < end && !*yes_out) {
		size_t n;

		rc = vhd_io_next_data(x->io, off, end, &start, &stop, err);
		if (rc || start >= end)
			return rc;
		n = (size_t)min_u64(stop - start, STEP_LEN);
		rc = vhd_io_read_padded(x->io, buf, n, start, err);
		*yes_out = !rc && !vhd_is_zero(buf, n);
		off = start + n;
	}
	return rc;
}

/* @n pages from @idx on, none of which has a living entry. */
static int pages_write(struct vhdx_resize *r, uint64_t idx, const uint8_t *made,
		       size_t n, uint8_t *buf, struct vhd_error *err)
{
	uint64_t off = place_of(&r->bat, idx), len = n * VHD_PAGE_SIZE;
	bool data;
	int rc;

	if (!vhd_is_zero(made, (size_t)len))
		return vhd_io_write(r->x->io, made, (size_t)len, off, err);
	rc = holds_data(r->x, off, off + len, buf, &data, err);
	return !rc && data ? vhd_io_punch(r->x->io, len, off, err) : rc;
}

/* Dead pages of one step, in runs between those with living entries. */
static int step_write(struct vhdx_resize *r, uint64_t idx, uint64_t end,
		      uint8_t *made, uint8_t *buf, struct vhd_error *err)
{
	uint64_t from = idx;
	int rc = 0;

	for (uint64_t at = idx; !rc && at < end; at += PAGE_ENTS) {
		uint8_t *page = made + vhdx_bat_off_of_idx(at - idx);
		bool any;

		page_make(r, at, (le64 *)page, &any);
		if (!any)
			continue;
		if (at > from)
			rc = pages_write(r, from, made +
					 vhdx_bat_off_of_idx(from - idx),
					 (at - from) / PAGE_ENTS, buf, err);
		from = at + PAGE_ENTS;
	}
	if (!rc && end > from)
		rc = pages_write(r, from, made +
				 vhdx_bat_off_of_idx(from - idx),
				 (end - from) / PAGE_ENTS, buf, err);
	return rc;
}

int vhdx_resize_dead_pages(struct vhdx_resize *r, struct vhd_error *err)
{
	uint64_t idx = first_idx(r), end = end_idx(r), next;
	uint8_t *made = vhd_alloc(2 * STEP_LEN);
	int rc = made ? 0 : vhd_fail_nomem(err);

	for (; !rc && idx < end; idx = next) {
		next = min_u64(end, idx + STEP_LEN / 8);
		rc = step_write(r, idx, next, made, made + STEP_LEN, err);
	}
	vhd_free(made);
	return rc;
}

/* Only those that do not live are looked at. */
static bool page_stale(const struct vhdx_resize *r, uint64_t idx,
		       const le64 *ents)
{
	for (uint64_t i = 0; i < PAGE_ENTS; i++) {
		if (le64_get(ents[i]) && !lives(r, idx + i))
			return true;
	}
	return false;
}

int vhdx_resize_is_stale(struct vhdx_resize *r, bool *yes_out,
			 struct vhd_error *err)
{
	uint64_t off = place_of(&r->bat, first_idx(r));
	uint64_t end = place_of(&r->bat, r->x->bat_room), start, stop;
	uint8_t *buf = vhd_alloc(VHD_PAGE_SIZE);
	int rc = buf ? 0 : vhd_fail_nomem(err);

	*yes_out = false;
	while (!rc && !*yes_out && off < end) {
		rc = vhd_io_next_data(r->x->io, off, end, &start, &stop, err);
		if (rc || start >= end)
			break;
		off = max_u64(off, align_down(start, VHD_PAGE_SIZE));
		rc = vhdx_read(r->x, buf, VHD_PAGE_SIZE, off, err);
		if (!rc)
			*yes_out = page_stale(r, vhdx_bat_idx_of_off(
						      off - r->bat.off),
					      (const le64 *)buf);
		off += VHD_PAGE_SIZE;
	}
	vhd_free(buf);
	return rc;
}

/* What lives of the old table, from its file, which is up to date. */
static int step_load(const struct vhdx_resize *r, uint64_t idx, uint8_t *made,
		     struct vhd_error *err)
{
	const struct vhdx_place *old = &r->x->regions.bat;
	uint64_t at = vhdx_bat_off_of_idx(idx);

	memset(made, 0, STEP_LEN);
	if (at >= old->len)
		return 0;
	return vhdx_read(r->x, made, (size_t)min_u64(old->len - at, STEP_LEN),
			 old->off + at, err);
}

int vhdx_resize_copy_table(struct vhdx_resize *r, struct vhd_error *err)
{
	uint64_t end = vhdx_bat_idx_of_off(r->bat.len), idx;
	uint8_t *made = vhd_alloc(STEP_LEN);
	int rc = made ? 0 : vhd_fail_nomem(err);

	for (idx = 0; !rc && idx < end; idx += STEP_LEN / 8) {
		uint64_t n = min_u64(end - idx, STEP_LEN / 8);
		bool any;

		rc = step_load(r, idx, made, err);
		for (uint64_t i = 0; !rc && i < n; i += PAGE_ENTS)
			page_make(r, idx + i, (le64 *)made + i, &any);
		if (!rc && !vhd_is_zero(made, (size_t)n * 8))
			rc = vhd_io_write(r->x->io, made, (size_t)n * 8,
					  place_of(&r->bat, idx), err);
	}
	vhd_free(made);
	return rc;
}
