/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhd1/vhd1_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bitmap.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "base/zero.h"

static void printable(const uint8_t in[4], char out[5])
{
	int i;

	for (i = 0; i < 4; i++)
		out[i] = in[i] >= 0x20 && in[i] < 0x7f ? (char)in[i] : '?';
	/* NULs at the end are how short codes are written. */
	for (; i > 0 && !in[i - 1]; i--)
		;
	out[i] = '\0';
}

static void info_footer(const struct vhd1 *v, struct vhd_info_vhd *out)
{
	const struct vhd1_footer *f = &v->footer;

	out->features = f->features;
	out->format_version = f->version;
	out->data_offset = f->data_off;
	out->timestamp = vhd1_time_to_unix(f->timestamp);
	printable(f->creator_app, out->creator_app);
	printable(f->creator_os, out->creator_os);
	out->creator_version = f->creator_version;
	out->original_size = f->original_size;
	out->current_size = f->current_size;
	out->chs_size = vhd1_geometry_size(f->geometry);
	out->cylinders = f->geometry.cylinders;
	out->heads = f->geometry.heads;
	out->sectors_per_track = f->geometry.sectors;
	out->disk_type = f->type;
	memcpy(out->unique_id.b, f->unique_id, sizeof(out->unique_id.b));
	out->saved_state = f->saved_state;
	out->hidden = f->hidden;
	out->footers_ok = v->footers_ok;
	out->footer_used = v->footer_used;
}

static void info_header(const struct vhd1 *v, struct vhd_info_vhd *out)
{
	out->bat_off = v->hdr.table_off;
	out->bat_entries = v->hdr.max_entries;
	out->has_batmap = v->has_batmap;
	out->has_keyhash = v->batmap.key_cookie == 1;
	out->batmap_off = v->batmap_hdr_off;
	if (v->footer.type != VHD1_TYPE_DIFF)
		return;
	memcpy(out->parent_unique_id.b, v->hdr.parent_id,
	       sizeof(out->parent_unique_id.b));
	out->parent_timestamp = vhd1_time_to_unix(v->hdr.parent_timestamp);
	snprintf(out->parent_name, sizeof(out->parent_name), "%s",
		 v->parent_name);
}

void vhd1_info(void *eng, struct vhd_info *out)
{
	const struct vhd1 *v = eng;

	out->format = VHD_FORMAT_VHD;
	out->type = (enum vhd_type)v->footer.type;
	out->log = VHD_LOG_NONE;
	out->virtual_size = v->virtual_size;
	out->block_size = 0;
	out->block_count = 0;
	out->logical_sector = VHD1_SECTOR;
	out->physical_sector = VHD1_SECTOR;
	out->file_size = v->file_size;
	memcpy(out->id.b, v->footer.unique_id, sizeof(out->id.b));
	out->has_parent = v->footer.type == VHD1_TYPE_DIFF;
	out->raw_parent = out->has_parent && vhd1_footer_is_tap(&v->footer) &&
			  vhd_is_zero(v->hdr.parent_id, 16);
	memset(&out->vhd, 0, sizeof(out->vhd));
	memset(&out->vhdx, 0, sizeof(out->vhdx));
	memset(&out->key, 0, sizeof(out->key));
	info_footer(v, &out->vhd);
	if (!vhd1_is_sparse(v))
		return;
	out->block_size = v->hdr.block_size;
	out->block_count = vhd1_block_count(v);
	info_header(v, &out->vhd);
	if (!out->vhd.has_keyhash)
		return;
	memcpy(out->key.nonce, v->batmap.key_nonce, sizeof(out->key.nonce));
	memcpy(out->key.hash, v->batmap.key_hash, sizeof(out->key.hash));
}

struct counting {
	struct vhd1 *v;
	struct vhd_usage *out;
	uint8_t *bitmap;
	uint64_t budget;	/* bytes of bitmaps that may be read */
};

static int count_block(void *arg, uint64_t blk, uint32_t entry,
		       struct vhd_error *err)
{
	struct counting *c = arg;
	uint64_t sectors = c->v->hdr.block_size / VHD1_SECTOR;
	uint64_t cost = max_u64(c->v->bitmap_len, VHD_PAGE_SIZE);
	int rc;

	(void)blk;
	c->out->blocks_data++;
	c->out->data_bytes += c->v->hdr.block_size;
	if (cost > c->budget)
		c->out->partial_known = false;
	if (!c->out->partial_known)
		return 0;
	c->budget -= cost;
	rc = vhd1_read(c->v, c->bitmap, c->v->bitmap_len,
		       vhd1_entry_off(entry), err);
	if (rc)
		return rc;
	if (!vhd_bit_get(c->bitmap, 0, VHD_MSB_FIRST) ||
	    vhd_bit_run(c->bitmap, 0, sectors, VHD_MSB_FIRST) < sectors)
		c->out->blocks_partial++;
	return 0;
}

int vhd1_usage(void *eng, uint64_t bat_bytes, struct vhd_usage *out,
	       struct vhd_error *err)
{
	struct vhd1 *v = eng;
	uint64_t table = vhd1_table_len(v->hdr.max_entries);
	struct vhd_usage u = { .complete = true, .partial_known = true };
	struct counting c = { .v = v, .out = &u };
	const struct vhd1_walk walk = { .fn = count_block, .arg = &c };
	int rc = 0;

	if (!vhd1_is_sparse(v)) {
		u.data_bytes = v->virtual_size;
	} else if (table > bat_bytes) {
		u.complete = false;
		u.partial_known = false;
	} else {
		c.budget = bat_bytes - table;
		c.bitmap = vhd_alloc(v->bitmap_len);
		if (!c.bitmap)
			return vhd_fail_nomem(err);
		rc = vhd1_expose(v, err);
		if (!rc)
			rc = vhd1_table_walk(v, &walk, err);
		vhd_free(c.bitmap);
	}
	if (!u.partial_known)
		u.blocks_partial = 0;
	if (!rc)
		*out = u;
	return rc;
}

struct naming {
	struct vhd1 *v;
	vhd_region_fn fn;
	void *arg;
};

static int name_block(void *arg, uint64_t blk, uint32_t entry,
		      struct vhd_error *err)
{
	const struct naming *n = arg;
	uint64_t at = vhd1_entry_off(entry);

	(void)err;
	if (!n->fn(n->arg, VHD_REGION_BITMAP, at, n->v->bitmap_len, blk))
		return 1;
	return !n->fn(n->arg, VHD_REGION_DATA, at + n->v->bitmap_len,
		      n->v->hdr.block_size, blk);
}

/* Everything but the blocks; false when the caller has had enough. */
static bool name_rest(const struct vhd1 *v, vhd_region_fn fn, void *arg)
{
	size_t i;

	if (v->tail_off < v->file_size &&
	    !fn(arg, VHD_REGION_HEADER, v->tail_off,
		v->file_size - v->tail_off, VHD_NO_OFFSET))
		return false;
	for (i = 0; i < v->span_count; i++) {
		enum vhd_region_kind kind = VHD_REGION_METADATA;

		if (i < 2)
			kind = VHD_REGION_HEADER;
		else if (i == 2)
			kind = VHD_REGION_BAT;
		if (!fn(arg, kind, v->span[i].off, v->span[i].len,
			VHD_NO_OFFSET))
			return false;
	}
	return true;
}

int vhd1_layout(void *eng, vhd_region_fn fn, void *arg,
		struct vhd_error *err)
{
	struct vhd1 *v = eng;
	struct naming n = { .v = v, .fn = fn, .arg = arg };
	const struct vhd1_walk walk = { .fn = name_block, .arg = &n };
	int rc = vhd1_expose(v, err);

	if (rc || !name_rest(v, fn, arg))
		return rc;
	if (vhd1_is_sparse(v))
		return vhd1_table_walk(v, &walk, err);
	fn(arg, VHD_REGION_DATA, 0, v->virtual_size, 0);
	return 0;
}
