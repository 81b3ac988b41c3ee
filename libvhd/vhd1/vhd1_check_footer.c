/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhd1/vhd1_check.h"

#include <inttypes.h>
#include <string.h>

#include "base/ckd.h"
#include "base/zero.h"

/* VHD-K-5 to VHD-K-20: what the footer says, and a fixed disk's surroundings. */

#define SIZE_CAP	(UINT64_C(2040) * GiB)	/* VHD-M-1 */
#define BLOCKS_CAP	(2 * TiB)		/* VHD-M-5: no sector lies behind */
#define TIME_SLACK	1800			/* seconds, VHD-K-9 */
#define YEAR_2010	INT64_C(1262304000)	/* VHD-F-12 */

bool vhd1_time_is_future(uint32_t stamp, int64_t now)
{
	return now && vhd1_time_to_unix(stamp) > now + TIME_SLACK;
}

bool vhd1_time_was_unix(uint32_t stamp, int64_t now)
{
	return vhd1_time_is_future(stamp, now) && stamp >= YEAR_2010 &&
	       stamp <= now;
}

static void check_time(const struct vhd1_checker *c, uint64_t off)
{
	uint32_t stamp = c->v->footer.timestamp;
	int64_t now = c->req->now;

	if (!vhd1_time_is_future(stamp, now))
		return;
	vhd_report(c->sink, RULE_VHD1_TIME_FUTURE, off,
		   "creation time lies %" PRId64 " s in the future",
		   vhd1_time_to_unix(stamp) - now);
	if (vhd1_time_was_unix(stamp, now))
		vhd_report(c->sink, RULE_VHD1_TIME_UNIX, off,
			   "creation time %" PRIu32 " makes sense as seconds "
			   "since 1970 instead of 2000", stamp);
}

static void check_sizes(const struct vhd1_checker *c, uint64_t off)
{
	const struct vhd1_footer *f = &c->v->footer;

	if (f->original_size > f->current_size)
		vhd_report(c->sink, RULE_VHD1_SIZE_SHRUNK, off,
			   "original size %" PRIu64 " is larger than the "
			   "current size %" PRIu64, f->original_size,
			   f->current_size);
	else if (f->original_size < f->current_size)
		vhd_report(c->sink, RULE_VHD1_SIZE_GROWN, off,
			   "original size is %" PRIu64 ", current size %"
			   PRIu64, f->original_size, f->current_size);
	/* Between the two are disks that Xen makes and uses. */
	if (vhd1_is_sparse(c->v) && f->current_size > BLOCKS_CAP)
		vhd_report(c->sink, RULE_VHD1_SIZE_LIMIT_BLOCKS, off,
			   "size %" PRIu64 " is over 2 TiB", f->current_size);
	else if (f->current_size > SIZE_CAP)
		vhd_report(c->sink, RULE_VHD1_SIZE_LIMIT, off,
			   "size %" PRIu64 " is over 2040 GiB, above which "
			   "Windows and QEMU take no VHD", f->current_size);
	if (f->current_size % MiB)
		vhd_report(c->sink, RULE_VHD1_SIZE_AZURE, off,
			   "size %" PRIu64 " is not a whole number of MiB",
			   f->current_size);
}

/* VHD-K-11: QEMU shows more of the disk than there can be. */
bool vhd1_geometry_past_table(const struct vhd1 *v)
{
	const struct vhd1_footer *f = &v->footer;
	uint64_t chs = vhd1_geometry_size(f->geometry);

	return vhd1_is_sparse(v) &&
	       chs > (uint64_t)v->hdr.max_entries * v->hdr.block_size &&
	       vhd1_qemu_uses_chs(f->creator_app, chs, VHD1_QEMU_9);
}

static void check_geometry(const struct vhd1_checker *c, uint64_t off)
{
	const struct vhd1_footer *f = &c->v->footer;
	struct vhd1_geometry g = f->geometry;
	uint64_t chs = vhd1_geometry_size(g);

	if (!chs) {
		vhd_report(c->sink, RULE_VHD1_GEOMETRY_ZERO, off,
			   "geometry is %u/%u/%u", g.cylinders, g.heads,
			   g.sectors);
		return;
	}
	if (vhd1_geometry_past_table(c->v))
		vhd_report(c->sink, RULE_VHD1_GEOMETRY_PAST_TABLE, off,
			   "geometry %u/%u/%u covers %" PRIu64 " bytes, more "
			   "than the table of blocks does", g.cylinders,
			   g.heads, g.sectors, chs);
	else if (chs > f->current_size && chs != VHD1_CHS_MAX)
		vhd_report(c->sink, RULE_VHD1_GEOMETRY_LARGE, off,
			   "geometry %u/%u/%u covers %" PRIu64 " bytes, the "
			   "disk has %" PRIu64, g.cylinders, g.heads,
			   g.sectors, chs, f->current_size);
	else if (!vhd1_geometry_fits(g, f->current_size))
		vhd_report(c->sink, RULE_VHD1_GEOMETRY, off,
			   "geometry is %u/%u/%u, and %" PRIu64
			   " bytes have another", g.cylinders, g.heads,
			   g.sectors, f->current_size);
	if (chs < f->current_size &&
	    vhd1_qemu_uses_chs(f->creator_app, chs, VHD1_QEMU_9))
		vhd_report(c->sink, RULE_VHD1_GEOMETRY_CUTS, off,
			   "QEMU up to 9.2 shows %" PRIu64 " of %" PRIu64
			   " bytes", chs, f->current_size);
}

static void check_flags(const struct vhd1_checker *c, uint64_t off)
{
	const struct vhd1_footer *f = &c->v->footer;

	if ((f->features & ~(uint32_t)VHD1_FEATURE_TEMPORARY) !=
	    VHD1_FEATURE_RESERVED)
		vhd_report(c->sink, RULE_VHD1_FEATURES, off,
			   "features are 0x%08" PRIx32, f->features);
	if (vhd_is_zero(f->unique_id, sizeof(f->unique_id)))
		vhd_report(c->sink, RULE_VHD1_ID_NULL, off,
			   "unique id is null");
	else if (f->type == VHD1_TYPE_DIFF &&
		 !memcmp(f->unique_id, c->v->hdr.parent_id, 16))
		vhd_report(c->sink, RULE_VHD1_ID_OF_PARENT, off,
			   "unique id equals the recorded id of the parent");
	if (f->saved_state)
		vhd_report(c->sink, f->saved_state > 1 ?
			   RULE_VHD1_SAVED_STATE_ODD : RULE_VHD1_SAVED_STATE,
			   off, "saved state flag is %u", f->saved_state);
	if (!vhd_is_zero(f->reserved, sizeof(f->reserved)))
		vhd_report(c->sink, RULE_VHD1_RESERVED, off,
			   "reserved bytes are not zero");
	if (f->hidden > 1)
		vhd_report(c->sink, RULE_VHD1_HIDDEN_ODD, off,
			   "hidden flag is %u, neither 0 nor 1", f->hidden);
	else if (f->hidden)
		vhd_report(c->sink, RULE_VHD1_HIDDEN, off,
			   "image is marked hidden");
}

static int check_fixed(const struct vhd1_checker *c, struct vhd_error *err)
{
	const struct vhd1 *v = c->v;
	uint8_t first[8];
	int rc;

	if (v->footer.data_off != VHD1_NO_OFF)
		vhd_report(c->sink, RULE_VHD1_FIXED_DATA_OFFSET, v->tail_off,
			   "data offset is 0x%" PRIx64, v->footer.data_off);
	if (v->tail_off > v->footer.current_size &&
	    v->tail_off - v->footer.current_size >= VHD1_SECTOR)
		vhd_report(c->sink, RULE_VHD1_FIXED_SLACK, v->tail_off,
			   "there are %" PRIu64 " bytes between the disk's "
			   "end and the footer",
			   v->tail_off - v->footer.current_size);
	rc = vhd_io_read(v->io, first, sizeof(first), 0, err);
	if (!rc && !memcmp(first, VHD1_COOKIE, sizeof(first)))
		vhd_report(c->sink, RULE_VHD1_FIXED_LOOKALIKE, 0,
			   "first sector of the disk begins like a footer: "
			   "QEMU takes the image for a dynamic one");
	return rc;
}

int vhd1_check_footer(struct vhd1_checker *c, struct vhd_error *err)
{
	uint64_t off = c->v->footer_used == VHD_COPY_FIRST ? 0
							   : c->v->tail_off;

	check_flags(c, off);
	check_time(c, off);
	check_sizes(c, off);
	check_geometry(c, off);
	return vhd1_is_sparse(c->v) ? 0 : check_fixed(c, err);
}
