/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhdx/vhdx_table.h"

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "base/guid.h"
#include "base/zero.h"
#include "codec/vhdx_guids.h"

enum { COPY_LEN = 256 * 1024 };

/* The entry of the table; it was found when the file was opened. */
static void entry_turn(const struct vhdx *x, const struct vhdx_place *bat,
		       uint8_t *table)
{
	struct vhdx_region_disk *ent =
		(void *)(table + sizeof(struct vhdx_regions_hdr_disk));
	struct vhd_guid guid;

	for (uint32_t i = 0; i < x->regions.count; i++) {
		vhd_guid_from_mixed(ent[i].guid, &guid);
		if (!vhd_guid_equal(&guid, &vhdx_guid_bat))
			continue;
		ent[i].off = le64_make(bat->off);
		ent[i].len = le32_make((uint32_t)bat->len);
	}
	vhdx_regions_seal(table);
}

static int regions_load(const struct vhdx *x, uint8_t *table,
			struct vhd_error *err)
{
	return vhdx_read(x, table, VHDX_REGIONS_LEN, x->region_pair.use ?
			 VHDX_REGIONS2_OFF : VHDX_REGIONS1_OFF, err);
}

int vhdx_table_turn(struct vhdx_edit *e, const struct vhdx_place *bat,
		    struct vhd_error *err)
{
	uint8_t *table = vhd_alloc(VHDX_REGIONS_LEN);
	int rc;

	if (!table)
		return vhd_fail_nomem(err);
	rc = regions_load(e->x, table, err);
	entry_turn(e->x, bat, table);
	if (!rc)
		rc = vhdx_edit_put(e, table, VHDX_REGIONS_LEN,
				   VHDX_REGIONS1_OFF, err);
	if (!rc)
		rc = vhdx_edit_put(e, table, VHDX_REGIONS_LEN,
				   VHDX_REGIONS2_OFF, err);
	vhd_free(table);
	return rc;
}

/* What is no block has changed. */
static int taken_renew(struct vhdx *x, struct vhd_error *err)
{
	uint8_t *table = vhd_alloc(VHDX_REGIONS_LEN);
	int rc;

	if (!table)
		return vhd_fail_nomem(err);
	rc = regions_load(x, table, err);
	if (!rc) {
		vhd_free(x->taken);
		x->taken = NULL;
		x->taken_count = 0;
		rc = vhdx_taken_load(x, table, err);
	}
	vhd_free(table);
	return rc;
}

int vhdx_table_turned(struct vhdx *x, const struct vhdx_place *bat,
		      struct vhd_error *err)
{
	struct vhdx_place old = x->regions.bat;
	int rc = vhdx_settle(x, err);

	if (rc)
		return rc;
	x->regions.bat = *bat;
	x->region_pair.ok = 3;
	x->bat_room = vhdx_bat_idx_of_off(bat->len);
	vhdx_log_table(x->write->log, bat->off, bat->len);
	rc = taken_renew(x, err);
	if (rc)
		return rc;
	if (old.off == bat->off) {
		old.off += bat->len;
		old.len -= bat->len;
	}
	for (uint64_t at = 0; at < old.len; at += VHD_PAGE_SIZE)
		vhd_pcache_drop(x->pages, old.off + at);
	vhdx_write_unplace(x, old.off, old.len, VHD_SPACE_DIRTY);
	return 0;
}

/* Of the file as it is; the new place reads as zeros. */
static int copy(struct vhdx *x, const struct vhdx_place *to,
		struct vhd_error *err)
{
	const struct vhdx_place *from = &x->regions.bat;
	uint8_t *buf = vhd_alloc(COPY_LEN);
	int rc = buf ? 0 : vhd_fail_nomem(err);
	uint64_t at, start, stop;

	for (at = 0; !rc && at < from->len; at = stop - from->off) {
		size_t n;

		rc = vhd_io_next_data(x->io, from->off + at,
				      from->off + from->len, &start, &stop,
				      err);
		if (rc || start >= from->off + from->len)
			break;
		n = (size_t)min_u64(stop - start, COPY_LEN);
		stop = start + n;
		rc = vhdx_read(x, buf, n, start, err);
		if (!rc && !vhd_is_zero(buf, n))
			rc = vhd_io_write(x->io, buf, n,
					  to->off + (start - from->off), err);
	}
	vhd_free(buf);
	return rc;
}

static int lower(struct vhdx *x, const struct vhdx_place *to,
		 struct vhd_error *err)
{
	struct vhdx_edit e;
	int rc;

	vhdx_log_keep(x->write->log);
	rc = vhdx_edit_begin(&e, x, err);
	if (!rc)
		rc = vhd_io_punch(x->io, to->len, to->off, err);
	if (!rc)
		rc = copy(x, to, err);
	if (!rc)
		rc = vhdx_table_turn(&e, to, err);
	if (!rc)
		rc = vhdx_edit_store(&e, err);
	if (!rc)
		rc = vhdx_table_turned(x, to, err);
	vhdx_edit_end(&e);
	return rc;
}

int vhdx_table_lower(struct vhdx *x, uint64_t limit, struct vhd_error *err)
{
	struct vhdx_place to = x->regions.bat;
	enum vhd_space_kind kind;

	if (to.off + to.len <= limit ||
	    !vhdx_space_take_below(x, to.len, limit, &to.off, &kind))
		return 0;
	for (uint64_t at = 0; at < to.len; at += VHD_PAGE_SIZE)
		vhd_pcache_drop(x->pages, to.off + at);
	return lower(x, &to, err);
}
