/* SPDX-License-Identifier: BSD-2-Clause */
#include "xen/xen_grow.h"

#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "io/copy_range.h"
#include "vhd1/vhd1_reshape.h"
#include "xen/xen_poison.h"

enum { PIECE = 16 << 10 };

static int put_footer(const struct xen_grow *g, uint64_t off,
		      const uint8_t raw[VHD1_FOOTER_LEN],
		      struct vhd_error *err)
{
	int rc = vhd_io_write(g->io, raw, VHD1_FOOTER_LEN, off, err);

	return rc ? rc : vhd_io_flush(g->io, err);
}

int vhd_xen_grow_mend(struct xen_grow *g, struct vhd_error *err)
{
	uint8_t raw[VHD1_FOOTER_LEN];
	int rc;

	vhd1_footer_encode(&g->footer, raw);
	rc = put_footer(g, g->tail_off, raw, err);
	if (!rc)
		rc = put_footer(g, 0, raw, err);
	if (!rc)
		g->mend = false;
	return rc;
}

int vhd_xen_grow_footers(const struct xen_grow *g, bool front_first,
		     struct vhd_error *err)
{
	struct vhd1_footer f = g->footer;
	uint8_t raw[VHD1_FOOTER_LEN];
	uint64_t tail = front_first ? g->new_tail : g->tail_off;
	int rc;

	vhd1_footer_resize(&f, g->size);
	vhd1_footer_encode(&f, raw);
	rc = put_footer(g, front_first ? 0 : tail, raw, err);
	return rc ? rc : put_footer(g, front_first ? tail : 0, raw, err);
}

/* Zeros are not written where there are some. */
static int clear_sector(const struct xen_grow *g, uint64_t off, bool *any,
			struct vhd_error *err)
{
	static const uint8_t zeros[VHD1_SECTOR];
	uint8_t old[VHD1_SECTOR];
	int rc = vhd_io_read(g->io, old, sizeof(old), off, err);

	if (rc || !memcmp(old, zeros, sizeof(old)))
		return rc;
	*any = true;
	return vhd_io_write(g->io, zeros, sizeof(zeros), off, err);
}

int vhd_xen_grow_map(const struct xen_grow *g, struct vhd_error *err)
{
	uint64_t len = UINT64_C(512) * g->batmap.map_sectors, pos;
	bool any = false;
	int rc = 0;

	if (!g->has_batmap || g->longer)
		return 0;
	/* What counts is in whole sectors. */
	for (pos = g->map_valid; !rc && pos < len; pos += VHD1_SECTOR)
		rc = clear_sector(g, g->batmap.map_off + pos, &any, err);
	return !rc && any ? vhd_io_flush(g->io, err) : rc;
}

/* The file reaches to a marked footer at its new end, and has no other there. */
static int reach(const struct xen_grow *g, struct vhd_error *err)
{
	uint8_t raw[VHD1_FOOTER_LEN];
	int rc;

	if (g->new_tail == g->tail_off)
		return 0;
	vhd1_footer_encode(&g->footer, raw);
	vhd_xen_poison_put(raw);
	rc = put_footer(g, g->new_tail, raw, err);
	memset(raw, 0, sizeof(raw));
	return rc ? rc : vhd_io_write(g->io, raw, sizeof(raw), g->tail_off,
				      err);
}

int vhd_xen_grow_move(const struct xen_grow *g, struct vhd_error *err)
{
	struct vhd_copier copier = { .src = g->io, .dst = g->io };
	int rc = reach(g, err);

	for (size_t i = 0; !rc && i < g->moves; i++)
		rc = vhd_copier_run(&copier, g->move[i].from, g->move[i].to,
				    xen_stride(g), err);
	vhd_copier_free(&copier);
	return !rc && g->moves ? vhd_io_flush(g->io, err) : rc;
}

/* Unused entries up to the new end of the table, and zeros in its last sector. */
static int table_fill(const struct xen_grow *g, uint8_t *buf,
		      struct vhd_error *err)
{
	uint64_t pos = vhd1_table_len(g->hdr.max_entries);
	uint64_t used = vhd1_table_len(g->to.entries);
	uint64_t end = vhd1_table_space(g->to.entries);
	int rc = 0;

	while (!rc && pos < end) {
		uint64_t some = min_u64(end - pos, PIECE);
		uint64_t ones = pos < used ? min_u64(some, used - pos) : 0;

		memset(buf, 0xff, (size_t)ones);
		memset(buf + ones, 0, (size_t)(some - ones));
		rc = vhd_io_write(g->io, buf, (size_t)some,
				  g->hdr.table_off + pos, err);
		pos += some;
	}
	return rc;
}

static int table_patch(const struct xen_grow *g, struct vhd_error *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < g->moves; i++) {
		be32 raw = be32_make((uint32_t)(g->move[i].to / VHD1_SECTOR));

		rc = vhd_io_write(g->io, &raw, sizeof(raw), g->hdr.table_off +
				  4 * g->move[i].blk, err);
	}
	return rc;
}

/* Bytes of the old map that are worth anything: a clear one always is. */
static int map_sound(const struct xen_grow *g, const struct xen_journal *j,
		     uint8_t *buf, uint64_t *len_out, struct vhd_error *err)
{
	uint64_t pos, some;
	uint32_t sum = 0;
	int rc = 0;

	for (pos = 0; !rc && pos < g->map_valid; pos += some) {
		some = min_u64(g->map_valid - pos, PIECE);
		rc = vhd_xen_journal_old(j, buf, some, g->batmap.map_off + pos,
				     err);
		sum = vhd1_batmap_sum(sum, buf, (size_t)some,
				      g->batmap.version);
	}
	*len_out = ~sum == g->batmap.checksum ? g->map_valid : 0;
	return rc;
}

/* The old map, and clear bits behind what counted of it (VHD-X-7). */
static int map_move(const struct xen_grow *g, const struct xen_journal *j,
		    uint8_t *buf, struct vhd_error *err)
{
	uint64_t len = UINT64_C(512) * g->to.map_sectors, pos, some;
	struct vhd1_batmap b = g->batmap;
	uint8_t raw[VHD1_BATMAP_LEN];
	uint32_t sum = 0;
	uint64_t sound = 0;
	int rc = map_sound(g, j, buf, &sound, err);

	for (pos = 0; !rc && pos < len; pos += some) {
		uint64_t old = pos < sound ? sound - pos : 0;

		some = min_u64(len - pos, PIECE);
		memset(buf, 0, (size_t)some);
		rc = vhd_xen_journal_old(j, buf, min_u64(old, some),
				     g->batmap.map_off + pos, err);
		if (!rc)
			rc = vhd_io_write(g->io, buf, (size_t)some,
					  g->to.map_off + pos, err);
		sum = vhd1_batmap_sum(sum, buf, (size_t)some, b.version);
	}
	b.map_off = g->to.map_off;
	b.map_sectors = g->to.map_sectors;
	b.checksum = ~sum;
	vhd1_batmap_encode(&b, raw);
	return rc ? rc : vhd_io_write(g->io, raw, sizeof(raw),
				      g->to.batmap_off, err);
}

static int locator_move(const struct xen_grow *g, const struct xen_journal *j,
			size_t i, struct vhd1_locator *loc,
			struct vhd_error *err)
{
	size_t room = (size_t)vhd_xen_locator_room(g, i);
	uint8_t *buf = vhd_alloc(room);
	int rc;

	if (!buf)
		return vhd_fail_nomem(err);
	rc = vhd_xen_journal_old(j, buf, loc->len, loc->off, err);
	loc->off = g->to.locator_off[i];
	loc->space = (uint32_t)room;
	if (!rc)
		rc = vhd_io_write(g->io, buf, room, loc->off, err);
	vhd_free(buf);
	return rc;
}

static int header_put(const struct xen_grow *g, const struct xen_journal *j,
		      struct vhd_error *err)
{
	struct vhd1_header h = g->hdr;
	uint8_t raw[VHD1_HEADER_LEN];
	int rc = 0;

	h.max_entries = g->to.entries;
	for (size_t i = 0; !rc && i < VHD1_LOCATORS; i++)
		if (g->to.locator_off[i])
			rc = locator_move(g, j, i, &h.locator[i], err);
	vhd1_header_encode(&h, raw);
	return rc ? rc : vhd_io_write(g->io, raw, sizeof(raw),
				      g->footer.data_off, err);
}

int vhd_xen_grow_recast(const struct xen_grow *g, const struct xen_journal *j,
		    struct vhd_error *err)
{
	uint8_t *buf = vhd_alloc(PIECE);
	int rc;

	if (!buf)
		return vhd_fail_nomem(err);
	rc = vhd_xen_grow_map(g, err);
	if (!rc && g->recast)
		rc = table_fill(g, buf, err);
	if (!rc)
		rc = table_patch(g, err);
	if (!rc && g->longer && g->has_batmap)
		rc = map_move(g, j, buf, err);
	if (!rc && g->recast)
		rc = header_put(g, j, err);
	vhd_free(buf);
	return rc ? rc : vhd_io_flush(g->io, err);
}
