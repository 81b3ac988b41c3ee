/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Room for the new header and its names, until they are where they stay.
 *
 * Best is what is free in front of the first block: every file with blocks has
 * some there, for their data is aligned, and nobody writes to it.  What is free
 * behind the last block is as good, and volumes have it there.  A file else gets
 * longer for a while.  What is free between two blocks comes last: Xen's tapdisk
 * takes the 3584 bytes in front of a block for its own (VHD-A-5), so that a change
 * that is cut off would have to be finished before a guest runs.  A device that
 * has none of these is left alone.
 *
 * A name that has no place of its own stays in the room.  Then that has to be
 * behind everything, and the file stays longer.
 */
#include "vhd1/vhd1_reparent.h"

#include <inttypes.h>

#include "base/ckd.h"
#include "base/fail.h"
#include "io/stat.h"
#include "vhd1/vhd1_write.h"

/* Bytes that the header and all names take, whatever stays. */
static uint64_t room_len(const struct vhd1_turn *t)
{
	uint64_t len = VHD1_HEADER_LEN;

	for (size_t i = 0; i < t->b->locator_count; i++)
		len += t->b->locator[i].len;
	return len;
}

static bool some_stay(const struct vhd1_turn *t)
{
	for (size_t i = 0; i < t->b->locator_count; i++) {
		if (!t->place[i])
			return true;
	}
	return false;
}

/* The end of what lies in [from, to), or @from. */
static uint64_t meta_end(const struct vhd1_turn *t, uint64_t from, uint64_t to)
{
	const struct vhd1 *v = t->v;
	uint64_t end = from;

	for (size_t i = 0; i < v->span_count; i++) {
		if (v->span[i].off < to)
			end = max_u64(end, v->span[i].off + v->span[i].len);
	}
	for (size_t i = 0; i < t->b->locator_count; i++) {
		if (t->place[i] < to)
			end = max_u64(end, t->place[i] +
					   t->b->locator[i].len);
	}
	return align_up(end, VHD1_SECTOR);
}

/* Free bytes at the end of what lies in [from, to). */
static bool find_in(struct vhd1_turn *t, uint64_t from, uint64_t to)
{
	uint64_t at = meta_end(t, from, to), len = t->room_len;

	if (at >= to || to - at < len || vhd1_turn_taken(t, at, len))
		return false;
	t->room = at;
	return true;
}

/* Between blocks, in a scan that leaves nothing out. */
static bool find_between(struct vhd1_turn *t)
{
	enum vhd_space_kind kind;
	uint64_t at, len = t->room_len;

	if (!vhd_space_take(&t->v->write->space, len, VHD1_SECTOR, 0, false,
			    &at, &kind) || vhd1_turn_taken(t, at, len))
		return false;
	t->room = at;
	return true;
}

/*
 * A footer behind it makes it.  The old one stays: it will end the file again,
 * unless a name stays in the room.
 */
static int grow(struct vhd1_turn *t, struct vhd_error *err)
{
	struct vhd1 *v = t->v;
	uint64_t old = v->tail_off, end = old + VHD1_FOOTER_LEN;
	uint64_t room = some_stay(t) ? old : end;
	uint64_t tail = room + t->room_len;
	int rc = vhd1_footer_put(v, tail, err);

	if (rc) {
		/* A footer that is there in part must not end the file. */
		vhd_io_set_size(v->io, end, NULL);
		return rc;
	}
	rc = vhd1_flush(v, err);
	if (rc)
		return rc;
	t->room = room;
	t->grown = true;
	v->tail_off = tail;
	v->file_size = tail + VHD1_FOOTER_LEN;
	return 0;
}

static int grow_or_squeeze(struct vhd1_turn *t, struct vhd_error *err)
{
	int rc = grow(t, err);

	if (rc != VHD_E_NOSPACE || some_stay(t) || !find_between(t))
		return rc;
	return 0;
}

/* Before anything was touched. */
static int fail_full(const struct vhd1_turn *t, struct vhd_error *err)
{
	return vhd_fail(err, VHD_E_NOSPACE, "the device has no %" PRIu64
			" free bytes in one piece, in which another parent "
			"could be recorded beside this one", t->room_len);
}

int vhd1_turn_room(struct vhd1_turn *t, struct vhd_error *err)
{
	const struct vhd1 *v = t->v;
	const bool device = vhd_io_is_device(v->io);
	const uint64_t tail = v->tail_off;

	t->room_len = room_len(t);
	if (some_stay(t)) {
		if (!device)
			return grow(t, err);
		if (find_in(t, t->blocks_to, tail))
			return 0;
		return fail_full(t, err);
	}
	if (find_in(t, 0, t->blocks_from) ||
	    (t->blocks_to && find_in(t, t->blocks_to, tail)))
		return 0;
	if (!device)
		return grow_or_squeeze(t, err);
	return find_between(t) ? 0 : fail_full(t, err);
}
