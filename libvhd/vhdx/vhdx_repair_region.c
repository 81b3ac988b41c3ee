/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The region table and its copy (VHDX-CHK-20 to 28).  Both always change in one
 * entry of the log (VHDX-RGN-05).
 */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "vhdx/vhdx_repair_priv.h"

static const uint64_t table_off[2] = { VHDX_REGIONS1_OFF, VHDX_REGIONS2_OFF };

/* @slots: bit 0 and bit 1, the copies that become @table. */
static int tables_write(struct vhdx_fix *m, const uint8_t *table,
			uint32_t slots, struct vhd_error *err)
{
	struct vhd_pending set = { 0 };
	int rc = 0;

	for (uint32_t i = 0; i < 2 && !rc; i++) {
		if (slots & UINT32_C(1) << i)
			rc = vhdx_fix_put(m, &set, table_off[i], table,
					  VHDX_REGIONS_LEN, err);
	}
	if (!rc)
		rc = vhdx_fix_store(m, &set, err);
	vhd_pending_clear(&set);
	return rc;
}

static bool decodes(const struct vhdx_fix *m, const uint8_t *table)
{
	struct vhdx_notes notes = VHDX_NOTES_INIT;
	struct vhdx_regions rs;

	return vhdx_regions_decode(table, &m->log, m->file_size, &rs, &notes)
		== VHD_RULE_NONE;
}

/* The copy to be kept, as the owner says; 2: he does not. */
static uint32_t choose(const struct vhdx_fix *m, const uint8_t *tables)
{
	const char *choice = vhd_mend_choice(&m->req->mender,
					     RULE_VHDX_RGN_DIFFER);

	if (m->req->salvage)
		return !decodes(m, tables) &&
		       decodes(m, tables + VHDX_REGIONS_LEN);
	if (!choice || !*choice || !strcmp(choice, "first"))
		return 0;
	return strcmp(choice, "second") ? 2 : 1;
}

/* One copy is written anew from the other. */
static int pair_mend(struct vhdx_fix *m, const uint8_t *tables,
		     const struct vhdx_region_pair *pair,
		     const struct vhdx_notes *notes, struct vhd_error *err)
{
	uint32_t from = pair->use;

	if (vhdx_notes_have(notes, RULE_VHDX_RGN_ONE_BAD)) {
		if (!vhdx_fix_may(m, RULE_VHDX_RGN_ONE_BAD,
				  table_off[1 - from],
				  "region table %" PRIu32 " is written anew"
				  " from the other one", 2 - from))
			return 0;
	} else if (vhdx_notes_have(notes, RULE_VHDX_RGN_DIFFER)) {
		/* What is behind the wrong one may be a guest's data. */
		m->next = VHDX_FIX_STOP;
		from = choose(m, tables);
		if (from > 1) {
			vhdx_fix_offer(m, RULE_VHDX_RGN_DIFFER, table_off[1],
				       "one region table is written anew from"
				       " the other (choice \"first\" or"
				       " \"second\")");
			return 0;
		}
		if (!vhdx_fix_may(m, RULE_VHDX_RGN_DIFFER,
				  table_off[1 - from],
				  "region table %" PRIu32 " is kept, the other"
				  " one is written anew from it", from + 1))
			return 0;
	} else {
		return 0;
	}
	return tables_write(m, tables + from * VHDX_REGIONS_LEN,
			    UINT32_C(2) >> from, err);
}

static int both_mend(struct vhdx_fix *m, enum vhd_rule_idx rule,
		     uint8_t *tables, struct vhd_error *err)
{
	struct vhdx_regions rs = { 0 };
	bool found;
	int rc = vhdx_fix_regions_guess(m, tables, &rs, &found, err);

	if (rc || !found ||
	    !vhdx_fix_may(m, rule, table_off[0],
			  "both region tables are made anew: metadata was found"
			  " at 0x%" PRIx64 ", and what must be the block"
			  " allocation table at 0x%" PRIx64, rs.metadata.off,
			  rs.bat.off))
		return rc;
	vhdx_regions_encode(&rs, tables);
	return tables_write(m, tables, 3, err);
}

/* How long the file has to be for its known regions, if that is all they lack. */
static uint64_t regions_end(const struct vhdx_fix *m, const uint8_t *table)
{
	const struct vhdx_regions_hdr_disk *hdr = (const void *)table;
	uint64_t end = m->file_size;

	for (uint32_t i = 0; i < le32_get(hdr->count); i++) {
		struct vhdx_region r;

		vhdx_region_get(table, i, &r);
		if (vhdx_region_is_other(&r))
			continue;
		if (r.place.off >= m->file_size || r.place.off % MiB ||
		    !r.place.len || r.place.len % MiB)
			return m->file_size;
		end = max_u64(end, r.place.off + r.place.len);
	}
	return end;
}

/* Overflow is no danger: a region begins inside the file and is below 4 GiB. */
static int extend(struct vhdx_fix *m, const uint8_t *table,
		  struct vhd_error *err)
{
	uint64_t end = regions_end(m, table);
	int rc;

	if (end == m->file_size ||
	    !vhdx_fix_may(m, RULE_VHDX_RGN_PLACE, m->file_size,
			  "file is made longer, from 0x%" PRIx64 " to 0x%"
			  PRIx64 " bytes, to hold its regions again; what was"
			  " lost of them reads as zeros", m->file_size, end))
		return 0;
	rc = vhd_io_set_size(m->io, end, err);
	m->next = VHDX_FIX_AGAIN;
	return rc ? rc : vhd_io_flush(m->io, err);
}

/* For a copy that is only read: what is found takes the place of the table. */
static int force(struct vhdx_fix *m, enum vhd_rule_idx rule, uint8_t *tables,
		 const uint8_t *table, struct vhd_error *err)
{
	struct vhdx_header h = *vhdx_fix_header(m);
	struct vhdx_place log = m->log;

	m->log = (struct vhdx_place){ 0, 0 };
	if (!log.len || !decodes(m, table))
		return both_mend(m, rule, tables, err);
	if (!vhdx_fix_may(m, rule, log.off,
			  "the empty log at 0x%" PRIx64 " is not looked at",
			  log.off))
		return 0;
	h.log_off = h.log_len = 0;
	return vhdx_fix_headers_write(m, &h, err);
}

static int table_mend(struct vhdx_fix *m, uint8_t *tables,
		      const struct vhdx_region_pair *pair,
		      struct vhd_error *err)
{
	uint8_t *table = tables + pair->use * VHDX_REGIONS_LEN;
	struct vhdx_notes notes = VHDX_NOTES_INIT;
	enum vhd_rule_idx rule;
	int rc = 0;

	rule = vhdx_regions_decode(table, &m->log, m->file_size, &m->regions,
				   &notes);
	if (rule != VHD_RULE_NONE) {
		m->next = VHDX_FIX_STOP;
		if (rule == RULE_VHDX_RGN_PLACE)
			rc = extend(m, table, err);
		if (!rc && m->next == VHDX_FIX_STOP && m->req->salvage)
			rc = force(m, rule, tables, table, err);
		return rc;
	}
	if (!vhdx_notes_have(&notes, RULE_VHDX_RGN_FLAGS) || pair->ok != 3 ||
	    memcmp(tables, tables + VHDX_REGIONS_LEN, VHDX_REGIONS_LEN) ||
	    !vhdx_fix_may(m, RULE_VHDX_RGN_FLAGS, table_off[pair->use],
			  "flags and reserved bytes of the region tables become"
			  " what they should be"))
		return 0;
	vhdx_regions_tidy(table);
	return tables_write(m, table, 3, err);
}

static int mend(struct vhdx_fix *m, uint8_t *tables, struct vhd_error *err)
{
	struct vhdx_notes notes = VHDX_NOTES_INIT;
	struct vhdx_region_pair pair;
	int rc;

	if (vhdx_region_pair_decode(tables, tables + VHDX_REGIONS_LEN, &pair,
				    &notes) != VHD_RULE_NONE) {
		m->next = VHDX_FIX_STOP;
		return both_mend(m, RULE_VHDX_RGN_BOTH_BAD, tables, err);
	}
	rc = pair_mend(m, tables, &pair, &notes, err);
	if (rc || m->next != VHDX_FIX_ON)
		return rc;
	return table_mend(m, tables, &pair, err);
}

int vhdx_fix_regions(struct vhdx_fix *m, struct vhd_error *err)
{
	uint8_t *tables = vhd_alloc(2 * VHDX_REGIONS_LEN);
	int rc = 0;

	if (!tables)
		return vhd_fail_nomem(err);
	for (size_t i = 0; i < 2 && !rc; i++)
		rc = vhd_io_read(m->io, tables + i * VHDX_REGIONS_LEN,
				 VHDX_REGIONS_LEN, table_off[i], err);
	if (!rc)
		rc = mend(m, tables, err);
	vhd_free(tables);
	return rc;
}
