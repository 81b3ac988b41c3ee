/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changing Xen's batmap so that it is right at each cut.
 *
 * The checksum over the map is in its header, in another sector, so nothing in
 * the map can change in place.  But the header also says where the map is, and
 * changes in one step: the new map is written to a free place, the header leads
 * there, the map's own place is filled, and the header leads back.
 *
 * A clear bit is always right (VHD-X-5).  Bits behind what the checksum covers
 * count as clear (VHD-X-7) and become so; then the checksum is the same for all
 * sizes of the disk that cover the set ones (VHD-X-6).
 */
#include "vhd1/vhd1_reshape.h"

#include <string.h>

#include "base/alloc.h"
#include "base/bitmap.h"
#include "base/ckd.h"
#include "base/fail.h"

enum { PIECE = 16 << 10 };

struct copying {
	struct vhd1 *v;
	const struct vhd1_map_edit *e;
	uint64_t valid;		/* bytes of the present map that count */
	uint8_t *map;		/* a piece */
};

uint64_t vhd1_batmap_valid(const struct vhd1 *v)
{
	return min_u64(UINT64_C(512) * v->batmap.map_sectors,
		       vhd1_batmap_covered(v->footer.current_size));
}

static int read_old(struct copying *c, uint64_t pos, size_t len,
		    struct vhd_error *err)
{
	uint64_t have = pos < c->valid ? min_u64(len, c->valid - pos) : 0;

	memset(c->map, 0, len);
	if (!have)
		return 0;
	return vhd_io_read(c->v->io, c->map, (size_t)have,
			   c->v->batmap.map_off + pos, err);
}

/* The map that the caller holds. */
static void take_given(struct copying *c, uint64_t pos, size_t len)
{
	uint64_t have = pos < c->e->given_len ?
			min_u64(len, c->e->given_len - pos) : 0;

	memset(c->map, 0, len);
	if (have)
		memcpy(c->map, c->e->given + pos, (size_t)have);
}

static void edit(struct copying *c, uint64_t pos, size_t len)
{
	uint64_t first = pos * 8, end = first + len * 8;
	uint64_t at = max_u64(c->e->keep, first), but = c->e->but;

	for (; at < end && at % 8; at++)
		vhd_bit_clear(c->map, at - first, VHD_MSB_FIRST);
	if (at < end)
		memset(c->map + (at - first) / 8, 0,
		       (size_t)((end - at) / 8));
	if (but != VHD_NO_OFFSET && but >= first && but < end)
		vhd_bit_clear(c->map, but - first, VHD_MSB_FIRST);
}

static int next_piece(struct copying *c, uint64_t pos, size_t len,
		      struct vhd_error *err)
{
	int rc = 0;

	if (c->e->given)
		take_given(c, pos, len);
	else
		rc = read_old(c, pos, len, err);
	if (!rc)
		edit(c, pos, len);
	return rc;
}

static int copying_start(struct copying *c, struct vhd1 *v,
			 const struct vhd1_map_edit *e, struct vhd_error *err)
{
	*c = (struct copying){ .v = v, .e = e, .valid = vhd1_batmap_valid(v) };
	c->map = vhd_alloc(PIECE);
	return c->map ? 0 : vhd_fail_nomem(err);
}

int vhd1_batmap_differs(struct vhd1 *v, const struct vhd1_map_edit *e,
			bool *yes_out, struct vhd_error *err)
{
	uint64_t len = UINT64_C(512) * v->batmap.map_sectors, pos;
	uint8_t old[512];
	struct copying c;
	int rc = copying_start(&c, v, e, err);

	*yes_out = false;
	for (pos = 0; !rc && !*yes_out && pos < len; pos += sizeof(old)) {
		rc = vhd_io_read(v->io, old, sizeof(old),
				 v->batmap.map_off + pos, err);
		if (!rc)
			rc = next_piece(&c, pos, sizeof(old), err);
		if (!rc)
			*yes_out = memcmp(old, c.map, sizeof(old)) != 0;
	}
	vhd_free(c.map);
	return rc;
}

int vhd1_batmap_copy(struct vhd1 *v, const struct vhd1_map_edit *e,
		     uint64_t hdr_off, uint64_t map_off, uint32_t map_sectors,
		     struct vhd1_batmap *out, struct vhd_error *err)
{
	uint64_t len = UINT64_C(512) * map_sectors, pos;
	uint8_t raw[VHD1_BATMAP_LEN];
	uint32_t sum = 0;
	struct copying c;
	int rc = copying_start(&c, v, e, err);

	for (pos = 0; !rc && pos < len; pos += PIECE) {
		size_t n = (size_t)min_u64(len - pos, PIECE);

		rc = next_piece(&c, pos, n, err);
		if (!rc)
			rc = vhd_io_write(v->io, c.map, n, map_off + pos, err);
		sum = vhd1_batmap_sum(sum, c.map, n, v->batmap.version);
	}
	vhd_free(c.map);
	if (rc)
		return rc;
	*out = v->batmap;
	out->map_off = map_off;
	out->map_sectors = map_sectors;
	out->checksum = ~sum;
	if (!hdr_off)
		return 0;
	vhd1_batmap_encode(out, raw);
	return vhd_io_write(v->io, raw, sizeof(raw), hdr_off, err);
}

/* The header leads to @b, whose map is there. */
static int lead(struct vhd1 *v, const struct vhd1_batmap *b,
		struct vhd_error *err)
{
	uint8_t raw[VHD1_BATMAP_LEN];
	int rc = vhd1_flush(v, err);

	vhd1_batmap_encode(b, raw);
	if (!rc)
		rc = vhd_io_write(v->io, raw, sizeof(raw), v->batmap_hdr_off,
				  err);
	if (!rc)
		rc = vhd1_flush(v, err);
	if (!rc)
		v->batmap = *b;
	return rc;
}

static uint64_t home_of(const struct vhd1 *v)
{
	return v->batmap_hdr_off + VHD1_BATMAP_LEN;
}

bool vhd1_batmap_away(const struct vhd1 *v)
{
	return v->has_batmap && v->batmap.map_off != home_of(v);
}

/* Can the map go behind its header, where a cut has kept it from returning? */
static int home_free(struct vhd1 *v, bool *yes_out, struct vhd_error *err)
{
	uint64_t home = home_of(v);
	uint64_t len = UINT64_C(512) * v->batmap.map_sectors;
	bool before;
	size_t i;
	int rc;

	*yes_out = false;
	if (!vhd1_batmap_away(v) ||
	    ranges_overlap(home, len, v->batmap.map_off, len) ||
	    ranges_overlap(home, len, v->tail_off, VHD1_FOOTER_LEN))
		return 0;
	for (i = 0; i < v->span_count; i++)
		if (v->span[i].off != v->batmap.map_off &&
		    ranges_overlap(home, len, v->span[i].off, v->span[i].len))
			return 0;
	rc = vhd1_block_before(v, home + len, &before, err);
	*yes_out = !rc && !before;
	return rc;
}

static int go_home(struct vhd1 *v, const struct vhd1_map_edit *e,
		   struct vhd_error *err)
{
	uint32_t sectors = v->batmap.map_sectors;
	uint64_t away = v->batmap.map_off;
	struct vhd1_batmap next;
	int rc = vhd1_batmap_copy(v, e, 0, home_of(v), sectors, &next, err);

	if (!rc)
		rc = lead(v, &next, err);
	if (!rc)
		vhd_space_add(&v->write->space, away, UINT64_C(512) * sectors,
			      VHD_SPACE_DIRTY);
	return rc;
}

/* Leads away, and back. */
static int put_in_place(struct vhd1 *v, const struct vhd1_map_edit *e,
			struct vhd_error *err)
{
	/* The copy says all that the second one needs to know. */
	static const struct vhd1_map_edit same = {
		.keep = UINT64_MAX, .but = VHD_NO_OFFSET
	};
	uint32_t sectors = v->batmap.map_sectors;
	uint64_t home = v->batmap.map_off, away;
	uint64_t len = UINT64_C(512) * sectors;
	struct vhd1_batmap next;
	int rc = vhd1_room_take(v, len, VHD1_SECTOR, &away, err);

	if (!rc)
		rc = vhd1_batmap_copy(v, e, 0, away, sectors, &next, err);
	if (!rc)
		rc = lead(v, &next, err);
	if (!rc)
		rc = vhd1_batmap_copy(v, &same, 0, home, sectors, &next, err);
	if (!rc)
		rc = lead(v, &next, err);
	if (!rc)
		vhd_space_add(&v->write->space, away, len, VHD_SPACE_DIRTY);
	return rc;
}

int vhd1_batmap_put(struct vhd1 *v, const struct vhd1_map_edit *e,
		    struct vhd_error *err)
{
	bool home;
	int rc = vhd1_scan(v, err);

	if (!rc)
		rc = home_free(v, &home, err);
	if (rc)
		return rc;
	return home ? go_home(v, e, err) : put_in_place(v, e, err);
}
