/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/guid.h"
#include "cache/pcache.h"
#include "codec/vhdx_batent.h"
#include "codec/vhdx_geom.h"
#include "codec/vhdx_header.h"
#include "codec/vhdx_meta.h"
#include "codec/vhdx_region.h"
#include "vhd/ops.h"
#include "vhdx/vhdx_build.h"
#include "vhdx/vhdx_build_priv.h"

/*
 * A new image has the layout of those that Windows makes (VHDX-NEW-01):
 *
 *	1 MiB	log, empty
 *	2 MiB	metadata
 *	3 MiB	BAT, with room for either kind of file (VHDX-BAT-04)
 *	then	payload blocks, each whole
 *
 * The file is not yet an image while it is built, so everything is written in
 * place (VHDX-NEW-03), the identifier last (VHDX-NEW-02).  What stays zero is
 * left a hole: the table of an empty disk costs nothing, whatever its size.
 *
 * A fixed disk's blocks have their place from the start and its table is
 * written in one stream.  Any other disk gets its blocks in the order they are
 * asked for, and its table goes through a page cache, so that memory does not
 * grow with the disk.
 */

#define LOG_OFF (1 * MiB)
#define LOG_LEN (1 * MiB)
#define META_OFF (2 * MiB)
#define META_LEN (1 * MiB)
#define BAT_OFF (3 * MiB)

enum {
	PAGE = 4096,
	BAT_STREAM_LEN = 65536,
	BLOCK_SIZE_DIFF = 2 << 20,	/* VHDX-NEW-06 */
	BLOCK_SIZE_OTHER = 32 << 20	/* VHDX-WIN-01 */
};

struct builder {
	struct vhd_io *io;
	struct vhdx_geom geom;
	struct vhdx_meta meta;
	struct vhdx_header header;
	struct vhdx_regions regions;
	uint64_t next_off;		/* where the next block goes */
	bool fixed;
	bool reserve;			/* leave no holes */
	struct vhd_pcache *bat;		/* not for fixed disks */
	uint8_t *locator;
	uint32_t locator_len;
};

static int bat_fetch(void *arg, uint64_t off, uint8_t *page,
		     struct vhd_error *err)
{
	struct builder *b = arg;

	return vhd_io_read_padded(b->io, page, VHD_PAGE_SIZE, off, err);
}

static int bat_store(void *arg, uint64_t off, const uint8_t *page,
		     uint32_t mask, struct vhd_error *err)
{
	struct builder *b = arg;

	(void)mask;
	return vhd_io_write(b->io, page, VHD_PAGE_SIZE, off, err);
}

static const struct vhd_pcache_ops bat_ops = { bat_fetch, bat_store };

static int sectors_check(const struct vhdx_meta *m, struct vhd_error *err)
{
	if (!vhdx_sector_size_ok(m->logical_sector))
		return vhd_fail(err, VHD_E_INVAL,
				"logical sector size %" PRIu32
				" is neither 512 nor 4096", m->logical_sector);
	if (!vhdx_sector_size_ok(m->physical_sector) ||
	    m->physical_sector < m->logical_sector)
		return vhd_fail(err, VHD_E_INVAL,
				"physical sector size %" PRIu32 " is not 512 or"
				" 4096, or is below the logical one, %" PRIu32,
				m->physical_sector, m->logical_sector);
	return 0;
}

static int size_check(const struct vhdx_meta *m, struct vhd_error *err)
{
	if (!m->disk_size)
		return vhd_fail(err, VHD_E_INVAL, "a disk cannot have 0 bytes");
	if (m->disk_size > VHDX_DISK_SIZE_MAX)
		return vhd_fail(err, VHD_E_INVAL,
				"%" PRIu64 " bytes are over the 64 TiB that a "
				"VHDX can have", m->disk_size);
	if (!vhdx_disk_size_ok(m->disk_size, m->logical_sector))
		return vhd_fail(err, VHD_E_INVAL,
				"%" PRIu64 " bytes are no multiple of the "
				"disk's sectors of %" PRIu32 " bytes",
				m->disk_size, m->logical_sector);
	return 0;
}

/* Fills in what was left open and refuses what no VHDX can be. */
static int meta_decide(const struct vhd_build *what, struct vhdx_meta *m,
		       struct vhd_error *err)
{
	bool diff = what->type == VHD_TYPE_DIFF;
	uint64_t block_size = what->block_size;
	int rc;

	if (!diff && what->type != VHD_TYPE_FIXED &&
	    what->type != VHD_TYPE_DYNAMIC && what->type != VHD_TYPE_DEFAULT)
		return vhd_fail(err, VHD_E_INVAL, "unknown type of disk");
	if (vhd_guid_is_zero(&what->seed))
		return vhd_fail(err, VHD_E_INVAL,
				"seed of the GUIDs is zero");
	if (!block_size)
		block_size = diff ? BLOCK_SIZE_DIFF : BLOCK_SIZE_OTHER;
	if (!vhdx_block_size_ok(block_size))
		return vhd_fail(err, VHD_E_INVAL,
				"block size of %" PRIu64 " bytes is not a power"
				" of two from 1 MiB to 256 MiB", block_size);
	m->disk_size = what->virtual_size;
	m->block_size = (uint32_t)block_size;
	m->logical_sector = what->logical_sector ? what->logical_sector : 512;
	m->physical_sector = what->physical_sector ? what->physical_sector
						   : 4096;
	m->leave_allocated = what->type == VHD_TYPE_FIXED;
	m->has_parent = diff;
	if (diff)
		m->disk_id = what->parent_disk_id;
	else
		vhd_guid_derive(&what->seed, 2, &m->disk_id);
	rc = sectors_check(m, err);
	return rc ? rc : size_check(m, err);
}

static void layout_decide(struct builder *b, const struct vhd_build *what)
{
	vhdx_geom_init(&b->geom, b->meta.disk_size, b->meta.block_size,
		       b->meta.logical_sector);
	b->regions.bat.off = BAT_OFF;
	b->regions.bat.len = vhdx_geom_bat_len(&b->geom);
	b->regions.metadata.off = META_OFF;
	b->regions.metadata.len = META_LEN;
	b->header.version = 1;
	b->header.log_off = LOG_OFF;
	b->header.log_len = LOG_LEN;
	vhd_guid_derive(&what->seed, 0, &b->header.data_write_guid);
	vhd_guid_derive(&what->seed, 1, &b->header.file_write_guid);
	b->next_off = BAT_OFF + b->regions.bat.len;
}

/* The space up to @end_off belongs to the image from now on. */
static int space_take(struct builder *b, uint64_t off, uint64_t end_off,
		      struct vhd_error *err)
{
	if (b->reserve)
		return vhd_io_zero(b->io, end_off - off, off, err);
	return 0;
}

/* Takes the space that is known from the start. */
static int space_begin(struct builder *b, struct vhd_error *err)
{
	int rc;

	if (b->fixed)
		b->next_off += vhdx_off_of_blk(&b->geom, b->geom.blk_count);
	rc = vhd_io_set_size(b->io, b->next_off, err);
	if (rc)
		return rc;
	return space_take(b, 0, b->next_off, err);
}

int vhdx_build(struct vhd_io *io, const struct vhd_build *what, void **bld_out,
	       struct vhd_error *err)
{
	struct vhdx_meta meta = { 0 };
	struct builder *b;
	int rc;

	rc = meta_decide(what, &meta, err);
	if (rc)
		return rc;
	b = vhd_alloc(sizeof(*b));
	if (!b)
		return vhd_fail_nomem(err);
	b->io = io;
	b->meta = meta;
	b->fixed = meta.leave_allocated;
	b->reserve = what->flags & VHD_CREATE_PREALLOCATE;
	layout_decide(b, what);
	if (meta.has_parent)
		rc = vhdx_build_locator(what, &b->locator, &b->locator_len,
					err);
	if (!rc && !b->fixed)
		rc = vhd_pcache_new(&bat_ops, b, 0, &b->bat, err);
	if (!rc)
		rc = space_begin(b, err);
	if (rc)
		goto out;
	*bld_out = b;
	b = NULL;
out:
	vhdx_build_discard(b);
	return rc;
}

/* The place of block @blk, which gets one if it has none. */
static int block_place(struct builder *b, uint64_t blk, uint64_t *file_off_out,
		       struct vhd_error *err)
{
	uint64_t ent_off = b->regions.bat.off +
			   vhdx_bat_off_of_idx(vhdx_bat_idx_of_blk(&b->geom,
								   blk));
	uint64_t end_off = b->next_off + b->geom.block_size;
	le64 raw;
	int rc;

	rc = vhd_pcache_read(b->bat, ent_off, &raw, sizeof(raw), err);
	if (rc)
		return rc;
	if (le64_get(raw)) {
		*file_off_out = vhdx_batent_decode(raw).file_off;
		return 0;
	}
	rc = space_take(b, b->next_off, end_off, err);
	if (rc)
		return rc;
	raw = vhdx_batent_encode(VHDX_FULLY_PRESENT, b->next_off);
	rc = vhd_pcache_write(b->bat, ent_off, &raw, sizeof(raw), err);
	if (rc)
		return rc;
	*file_off_out = b->next_off;
	b->next_off = end_off;
	return 0;
}

int vhdx_build_place(void *bld, uint64_t off, uint64_t *file_off_out,
		     uint64_t *len_out, struct vhd_error *err)
{
	struct builder *b = bld;
	uint64_t blk = vhdx_blk_of_off(&b->geom, off);
	uint64_t in_blk = vhdx_off_in_blk(&b->geom, off);
	uint64_t blk_off;
	int rc;

	if (off >= b->geom.disk_size)
		return vhd_fail(err, VHD_E_RANGE,
				"0x%" PRIx64 " lies past the end of the disk,"
				" 0x%" PRIx64, off, b->geom.disk_size);
	if (b->meta.has_parent)
		return vhd_fail(err, VHD_E_INVAL,
				"a differencing disk is built empty");
	if (b->fixed) {
		*file_off_out = b->regions.bat.off + b->regions.bat.len + off;
		*len_out = b->geom.disk_size - off;
		return 0;
	}
	rc = block_place(b, blk, &blk_off, err);
	if (rc)
		return rc;
	*file_off_out = blk_off + in_blk;
	*len_out = vhdx_blk_len(&b->geom, blk) - in_blk;
	return 0;
}

/* Table of a fixed disk: blocks ascend, bitmap slots stay 0 (VHDX-NEW-05). */
static int bat_stream(struct builder *b, struct vhd_error *err)
{
	const struct vhdx_geom *g = &b->geom;
	uint64_t base_off = b->regions.bat.off + b->regions.bat.len;
	uint64_t count = vhdx_geom_entries(g, false);
	size_t room = BAT_STREAM_LEN / sizeof(le64);
	le64 *ents = vhd_alloc_array(room, sizeof(*ents));
	uint64_t idx = 0, blk = 0;
	int rc = 0;

	if (!ents)
		return vhd_fail_nomem(err);
	while (!rc && idx < count) {
		uint64_t at = b->regions.bat.off + vhdx_bat_off_of_idx(idx);
		size_t n;

		for (n = 0; n < room && idx < count; n++, idx++) {
			if (vhdx_bat_idx_of_blk(g, blk) != idx) {
				ents[n] = le64_make(0);
				continue;
			}
			ents[n] = vhdx_batent_encode(
				VHDX_FULLY_PRESENT,
				base_off + vhdx_off_of_blk(g, blk));
			blk++;
		}
		rc = vhd_io_write(b->io, ents, n * sizeof(*ents), at, err);
	}
	vhd_free(ents);
	return rc;
}

/* The first page of what a 64 KiB structure starts with; the rest is zeros. */
static int page_write(struct builder *b, const uint8_t *bytes, uint64_t off,
		      struct vhd_error *err)
{
	return vhd_io_write(b->io, bytes, PAGE, off, err);
}

static int meta_write(struct builder *b, uint8_t *buf, struct vhd_error *err)
{
	struct vhdx_meta_items items;
	int rc;

	vhdx_meta_encode(&b->meta, b->locator_len, buf, &items);
	rc = page_write(b, buf, META_OFF, err);
	if (!rc)
		rc = vhd_io_write(b->io, &items, sizeof(items),
				  META_OFF + VHDX_META_ITEMS_OFF, err);
	if (!rc && b->locator_len)
		rc = vhd_io_write(b->io, b->locator, b->locator_len,
				  META_OFF + VHDX_META_LOCATOR_OFF, err);
	return rc;
}

static int regions_write(struct builder *b, uint8_t *buf,
			 struct vhd_error *err)
{
	int rc;

	vhdx_regions_encode(&b->regions, buf);
	rc = page_write(b, buf, VHDX_REGIONS1_OFF, err);
	if (!rc)
		rc = page_write(b, buf, VHDX_REGIONS2_OFF, err);
	return rc;
}

static int headers_write(struct builder *b, uint8_t *buf,
			 struct vhd_error *err)
{
	int rc;

	b->header.seq = 0;
	vhdx_header_encode(&b->header, buf);
	rc = page_write(b, buf, VHDX_HEADER1_OFF, err);
	if (rc)
		return rc;
	b->header.seq = 1;
	vhdx_header_encode(&b->header, buf);
	return page_write(b, buf, VHDX_HEADER2_OFF, err);
}

static int ident_write(struct builder *b, uint8_t *buf, struct vhd_error *err)
{
	char creator[64];

	snprintf(creator, sizeof(creator), "libvhd %s", vhd_version_string());
	vhdx_ident_encode(creator, buf);
	return page_write(b, buf, VHDX_IDENT_OFF, err);
}

int vhdx_build_finish(void *bld, struct vhd_error *err)
{
	struct builder *b = bld;
	uint8_t *buf = vhd_alloc(VHDX_IDENT_LEN);
	int rc;

	if (!buf)
		return vhd_fail_nomem(err);
	rc = b->fixed ? bat_stream(b, err) : vhd_pcache_commit(b->bat, err);
	if (!rc)
		rc = vhd_io_set_size(b->io, b->next_off, err);
	if (!rc)
		rc = meta_write(b, buf, err);
	if (!rc)
		rc = regions_write(b, buf, err);
	if (!rc)
		rc = headers_write(b, buf, err);
	if (!rc)
		rc = ident_write(b, buf, err);
	vhd_free(buf);
	return rc;
}

void vhdx_build_discard(void *bld)
{
	struct builder *b = bld;

	if (!b)
		return;
	vhd_pcache_free(b->bat);
	vhd_free(b->locator);
	vhd_free(b);
}
