/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/bytes.h"
#include "base/ckd.h"
#include "codec/vhd1_disk.h"
#include "codec/vhdx_disk.h"
#include "fuzz/fuzz.h"
#include "mutate/mutant.h"
#include "vhd/image.h"

#define F(type, member) { offsetof(type, member), sizeof(((type *)0)->member) }
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct field footer_fields[] = {
	F(struct vhd1_footer_disk, cookie),
	F(struct vhd1_footer_disk, features),
	F(struct vhd1_footer_disk, version),
	F(struct vhd1_footer_disk, data_off),
	F(struct vhd1_footer_disk, timestamp),
	F(struct vhd1_footer_disk, creator_app),
	F(struct vhd1_footer_disk, creator_version),
	F(struct vhd1_footer_disk, creator_os),
	F(struct vhd1_footer_disk, original_size),
	F(struct vhd1_footer_disk, current_size),
	F(struct vhd1_footer_disk, cylinders),
	F(struct vhd1_footer_disk, heads),
	F(struct vhd1_footer_disk, sectors),
	F(struct vhd1_footer_disk, type),
	F(struct vhd1_footer_disk, checksum),
	F(struct vhd1_footer_disk, unique_id),
	F(struct vhd1_footer_disk, saved_state),
	F(struct vhd1_footer_disk, hidden),
};

static const struct field header_fields[] = {
	F(struct vhd1_header_disk, cookie),
	F(struct vhd1_header_disk, next_off),
	F(struct vhd1_header_disk, table_off),
	F(struct vhd1_header_disk, version),
	F(struct vhd1_header_disk, max_entries),
	F(struct vhd1_header_disk, block_size),
	F(struct vhd1_header_disk, checksum),
	F(struct vhd1_header_disk, parent_id),
	F(struct vhd1_header_disk, parent_timestamp),
};

static const struct field locator_fields[] = {
	F(struct vhd1_locator_disk, code),
	F(struct vhd1_locator_disk, space),
	F(struct vhd1_locator_disk, len),
	F(struct vhd1_locator_disk, off),
};

static const struct field batmap_fields[] = {
	F(struct vhd1_batmap_disk, cookie),
	F(struct vhd1_batmap_disk, map_off),
	F(struct vhd1_batmap_disk, map_sectors),
	F(struct vhd1_batmap_disk, version),
	F(struct vhd1_batmap_disk, checksum),
	F(struct vhd1_batmap_disk, marker),
	F(struct vhd1_batmap_disk, key_cookie),
};

static const struct field word2[] = { { 0, 2 } };
static const struct field word4[] = { { 0, 4 } };
static const struct field word8[] = { { 0, 8 } };

static const struct field vhdx_header_fields[] = {
	F(struct vhdx_header_disk, signature),
	F(struct vhdx_header_disk, checksum),
	F(struct vhdx_header_disk, seq),
	F(struct vhdx_header_disk, file_write_guid),
	F(struct vhdx_header_disk, data_write_guid),
	F(struct vhdx_header_disk, log_guid),
	F(struct vhdx_header_disk, log_version),
	F(struct vhdx_header_disk, version),
	F(struct vhdx_header_disk, log_len),
	F(struct vhdx_header_disk, log_off),
};

static const struct field regions_fields[] = {
	F(struct vhdx_regions_hdr_disk, signature),
	F(struct vhdx_regions_hdr_disk, count),
	F(struct vhdx_regions_hdr_disk, reserved),
};

static const struct field region_fields[] = {
	F(struct vhdx_region_disk, guid),
	F(struct vhdx_region_disk, off),
	F(struct vhdx_region_disk, len),
	F(struct vhdx_region_disk, required),
};

static const struct field meta_fields[] = {
	F(struct vhdx_meta_hdr_disk, signature),
	F(struct vhdx_meta_hdr_disk, count),
};

static const struct field meta_ent_fields[] = {
	F(struct vhdx_meta_ent_disk, guid),
	F(struct vhdx_meta_ent_disk, off),
	F(struct vhdx_meta_ent_disk, len),
	F(struct vhdx_meta_ent_disk, flags),
	F(struct vhdx_meta_ent_disk, reserved),
};

static const struct field item_fields[] = {
	{ 0, 4 }, { 4, 4 }, { 8, 8 }, { 16, 4 }, { 20, 4 }, { 24, 16 },
};

static const struct field ploc_fields[] = {
	F(struct vhdx_locator_hdr_disk, type),
	F(struct vhdx_locator_hdr_disk, count),
};

static const struct field ploc_ent_fields[] = {
	F(struct vhdx_locator_ent_disk, key_off),
	F(struct vhdx_locator_ent_disk, value_off),
	F(struct vhdx_locator_ent_disk, key_len),
	F(struct vhdx_locator_ent_disk, value_len),
};

static const struct field log_fields[] = {
	F(struct vhdx_log_hdr_disk, signature),
	F(struct vhdx_log_hdr_disk, entry_len),
	F(struct vhdx_log_hdr_disk, tail_off),
	F(struct vhdx_log_hdr_disk, seq),
	F(struct vhdx_log_hdr_disk, desc_count),
	F(struct vhdx_log_hdr_disk, log_guid),
	F(struct vhdx_log_hdr_disk, flushed_file_off),
	F(struct vhdx_log_hdr_disk, last_file_off),
};

static const struct field desc_fields[] = {
	F(struct vhdx_log_desc_disk, signature),
	F(struct vhdx_log_desc_disk, trailing),
	F(struct vhdx_log_desc_disk, u.zero_len),
	F(struct vhdx_log_desc_disk, file_off),
	F(struct vhdx_log_desc_disk, seq),
};

static const struct field data_fields[] = {
	F(struct vhdx_log_data_disk, signature),
	F(struct vhdx_log_data_disk, seq_high),
	{ 8, 8 }, { 16, 8 }, { 24, 8 }, { 40, 8 },
	F(struct vhdx_log_data_disk, seq_low),
};

static void add(struct target *t, struct structure s)
{
	if (t->count < STRUCTS_MAX && s.len)
		t->part[t->count++] = s;
}

#define ADD(t, label, at, size, fields, step, be)                              \
	add((t), (struct structure){ (label), (at), (size), (fields),          \
				     COUNT(fields), (uint32_t)(step), (be) })

static void add_value(struct target *t, uint64_t v)
{
	if (t->value_count < VALUES_MAX)
		t->value[t->value_count++] = v;
}

static void find_vhd_blocks(struct target *t, const struct fuzz_file *f,
			    const struct vhd1_header_disk *h)
{
	uint32_t i, n = be32_get(h->max_entries), found = 0;

	for (i = 0; i < n && found < 4; i++) {
		be32 entry;

		fuzz_file_get(f, &entry, sizeof(entry),
			      be64_get(h->table_off) + UINT64_C(4) * i);
		if (be32_get(entry) == VHD1_UNUSED)
			continue;
		add_value(t, be32_get(entry));
		ADD(t, "bitmap", UINT64_C(512) * be32_get(entry), 512, word4, 4,
		    true);
		found++;
	}
}

static void find_vhd(struct target *t, const struct fuzz_file *f)
{
	const size_t loc_off = offsetof(struct vhd1_header_disk, locator);
	struct vhd1_footer_disk d;
	struct vhd1_header_disk h;
	uint64_t off, table, len, i;

	ADD(t, "footer", f->size - 512, 512, footer_fields, 512, true);
	fuzz_file_get(f, &d, sizeof(d), f->size - 512);
	off = be64_get(d.data_off);
	add_value(t, be64_get(d.current_size));
	if (off == VHD1_NO_OFF)
		return;
	ADD(t, "footer copy", 0, 512, footer_fields, 512, true);
	ADD(t, "header", off, 1024, header_fields, 1024, true);
	ADD(t, "locators", off + loc_off, sizeof(h.locator), locator_fields,
	    sizeof(h.locator[0]), true);
	fuzz_file_get(f, &h, sizeof(h), off);
	table = be64_get(h.table_off);
	len = UINT64_C(4) * be32_get(h.max_entries);
	add_value(t, table);
	add_value(t, len);
	add_value(t, be32_get(h.block_size));
	ADD(t, "table", table, len, word4, 4, true);
	table += align_up(len, 512);
	fuzz_file_get(f, &d, sizeof(d), table);
	if (!memcmp(d.cookie, VHD1_COOKIE_BATMAP, 8)) {
		ADD(t, "batmap", table, 512, batmap_fields, 512, true);
		ADD(t, "batmap bits", table + 512, 512, word4, 4, true);
	}
	for (i = 0; i < VHD1_LOCATORS; i++)
		ADD(t, "locator text", be64_get(h.locator[i].off),
		    be32_get(h.locator[i].len), word2, 2, true);
	find_vhd_blocks(t, f, &h);
}

static void find_log(struct target *t, const struct fuzz_file *f, uint64_t off,
		     uint64_t len)
{
	uint64_t at = fuzz_file_next(f, off);
	uint8_t sig[4];

	for (; at < off + len; at = fuzz_file_next(f, at + 4096)) {
		fuzz_file_get(f, sig, sizeof(sig), at);
		if (!memcmp(sig, "loge", 4)) {
			ADD(t, "log entry", at, 64, log_fields, 64, false);
			ADD(t, "log descriptors", at + 64, 128, desc_fields, 32,
			    false);
		} else {
			ADD(t, "log data", at, 4096, data_fields, 4096, false);
		}
	}
}

static void find_meta(struct target *t, const struct fuzz_file *f, uint64_t off)
{
	struct vhdx_params_disk params;
	uint64_t items = off + VHDX_META_TABLE_LEN;

	ADD(t, "metadata", off, 32, meta_fields, 32, false);
	ADD(t, "metadata entries", off + 32, 6 * 32, meta_ent_fields, 32, false);
	ADD(t, "items", items, 40, item_fields, 40, false);
	fuzz_file_get(f, &params, sizeof(params), items);
	add_value(t, le32_get(params.block_size));
	if (!(le32_get(params.flags) & VHDX_PARAM_HAS_PARENT))
		return;
	ADD(t, "locator", items + 40, 20, ploc_fields, 20, false);
	ADD(t, "locator entries", items + 60, 48, ploc_ent_fields, 12, false);
	ADD(t, "locator text", items + 108, 400, word2, 2, false);
}

/* Entries of a chunk, that of its sector bitmap included (vhdx.md 8). */
static uint64_t chunk_entries(const struct fuzz_file *f, uint64_t meta)
{
	struct vhdx_params_disk params;
	uint64_t items = meta + VHDX_META_TABLE_LEN;
	uint32_t i;

	fuzz_file_get(f, &params, sizeof(params), items);
	for (i = 0; i < 6; i++) {
		struct vhdx_meta_ent_disk ent;
		le32 sector;

		fuzz_file_get(f, &ent, sizeof(ent), meta + 32 + 32 * i);
		if (le32_get(ent.len) != sizeof(sector))
			continue;
		/* The logical size comes first. */
		fuzz_file_get(f, &sector, sizeof(sector),
			      meta + le32_get(ent.off));
		return (UINT64_C(1) << 23) * le32_get(sector) /
		       le32_get(params.block_size) + 1;
	}
	return UINT64_MAX;
}

/* The blocks of the entries in one page of the table. */
static void find_vhdx_blocks(struct target *t, const struct fuzz_file *f,
			     uint64_t bat, uint64_t first, uint64_t chunk)
{
	uint64_t i;

	for (i = first; i < first + FUZZ_PAGE / 8; i++) {
		bool bitmap = (i + 1) % chunk == 0;
		le64 entry;
		uint64_t off;

		fuzz_file_get(f, &entry, sizeof(entry), bat + 8 * i);
		off = le64_get(entry) & ~UINT64_C(0xfffff);
		if (!off || t->value_count > VALUES_MAX / 2)
			continue;
		add_value(t, le64_get(entry));
		ADD(t, bitmap ? "sector bitmap" : TARGET_PAYLOAD, off, 512,
		    word8, 8, false);
	}
}

static void find_table(struct target *t, const struct fuzz_file *f,
		       const struct vhdx_region_disk *r, uint64_t meta)
{
	uint64_t bat = le64_get(r->off), len = le32_get(r->len), at;

	add_value(t, bat);
	ADD(t, "table", bat, 136, word8, 8, false);
	ADD(t, "table", bat, len, word8, 8, false);
	for (at = fuzz_file_next(f, bat); at < bat + len;
	     at = fuzz_file_next(f, at + FUZZ_PAGE))
		find_vhdx_blocks(t, f, bat, (at - bat) / 8,
				 chunk_entries(f, meta));
}

static void find_regions(struct target *t, const struct fuzz_file *f)
{
	struct vhdx_region_disk r[2];
	uint8_t sig[8];
	int meta;

	fuzz_file_get(f, r, sizeof(r), VHDX_REGIONS1_OFF + 16);
	fuzz_file_get(f, sig, sizeof(sig), le64_get(r[0].off));
	meta = memcmp(sig, "metadata", 8) ? 1 : 0;
	add_value(t, le64_get(r[meta].off));
	find_meta(t, f, le64_get(r[meta].off));
	find_table(t, f, &r[1 - meta], le64_get(r[meta].off));
}

static void find_vhdx(struct target *t, const struct fuzz_file *f)
{
	static const uint64_t header[] = { VHDX_HEADER1_OFF, VHDX_HEADER2_OFF };
	static const uint64_t table[] = { VHDX_REGIONS1_OFF, VHDX_REGIONS2_OFF };
	struct vhdx_header_disk h;
	int i;

	ADD(t, "identifier", 0, 520, word2, 2, false);
	for (i = 0; i < 2; i++) {
		ADD(t, "header", header[i], 80, vhdx_header_fields, 80, false);
		ADD(t, "regions", table[i], 16, regions_fields, 16, false);
		ADD(t, "region entries", table[i] + 16, 3 * 32, region_fields,
		    32, false);
	}
	fuzz_file_get(f, &h, sizeof(h), header[0]);
	add_value(t, le64_get(h.log_off));
	add_value(t, le32_get(h.log_len));
	find_log(t, f, le64_get(h.log_off), le32_get(h.log_len));
	find_regions(t, f);
}

void target_init(struct target *t, const char *name, enum vhd_format format,
		 const struct fuzz_base *base, struct fuzz_file *scratch)
{
	memset(t, 0, sizeof(*t));
	t->name = name;
	t->format = format;
	t->base = base;
	fuzz_file_reset(scratch, base);
	add_value(t, base->size);
	if (format == VHD_FORMAT_VHD)
		find_vhd(t, scratch);
	else
		find_vhdx(t, scratch);
	FUZZ_CHECK(t->count);
}
