/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pending log (VHDX-CHK-11 to 17).  Nothing else is looked at before it is
 * replayed, or given up.
 *
 * Giving it up is only harmless when it provably holds nothing: when it was
 * never written, or when no entry in it carries the LogGuid of the header.
 * Otherwise changes may be lost that were made together with others that were
 * not: then the owner has to say "discard", and a check of the table tells what
 * has become of it.
 *
 * A log whose place is wrong is looked for: entries that make a sequence under
 * the LogGuid of the header cannot be there by chance.
 */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "base/guid.h"
#include "vhdx/vhdx_apply.h"
#include "vhdx/vhdx_bat.h"
#include "vhdx/vhdx_repair_priv.h"
#include "vhdx/vhdx_ring.h"
#include "vhdx/vhdx_update.h"

/* So much of the front of the file is looked through for a log of some length. */
enum { SEEK_MIB = 256, SEEK_LOG_MIB = 4 };
#define EXTEND_MAX (128 * TiB)

/* The log, empty from now on. */
static int log_drop(struct vhdx_fix *m, struct vhd_error *err)
{
	struct vhdx_header h = *vhdx_fix_header(m);

	h.log_guid = (struct vhd_guid){ 0 };
	return vhdx_fix_headers_write(m, &h, err);
}

/* @harmless, as far as is known of the log, or else by the owner's word. */
static int log_give_up(struct vhdx_fix *m, enum vhd_rule_idx rule,
		       bool harmless, struct vhd_error *err)
{
	const struct vhdx_header *h = vhdx_fix_header(m);

	m->next = VHDX_FIX_STOP;
	if (!harmless && !vhdx_fix_chosen(m, rule, "discard")) {
		vhdx_fix_offer(m, rule, h->log_off,
			       "the log is given up, and with it changes that"
			       " may belong to others already made (choice"
			       " \"discard\")");
		return 0;
	}
	if (!vhdx_fix_may(m, rule, h->log_off,
			  harmless ? "the log is marked empty: it holds no"
				     " change" :
				     "the log is given up with all changes in"
				     " it"))
		return 0;
	if (!harmless)
		vhd_engine_doubt(m->req, 0, UINT64_MAX,
				 "the log, which may have held newer changes"
				 " of any part, was given up");
	/* One that was nowhere is somewhere then. */
	if (rule == RULE_VHDX_LOG_PLACE)
		return vhdx_fix_log_make(m, h, err);
	return log_drop(m, err);
}

/* Does any sector begin an entry of this log, whole or not? */
static int ring_has(struct vhdx_ring *ring, bool *yes_out,
		    struct vhd_error *err)
{
	uint8_t guid[16];
	bool yes = false;

	vhd_guid_to_mixed(&ring->log_guid, guid);
	for (uint64_t at = 0; !yes && at < ring->log_len;
	     at += VHDX_LOG_SECTOR) {
		const struct vhdx_log_hdr_disk *d;
		const uint8_t *sector;
		int rc = vhdx_ring_sector(ring, (uint32_t)at, &sector, err);

		if (rc)
			return rc;
		d = (const void *)sector;
		yes = !memcmp(d->signature, "loge", 4) &&
		      !memcmp(d->log_guid, guid, sizeof(guid));
	}
	*yes_out = yes;
	return 0;
}

/* The file is too short for its own log: what is missing becomes zeros. */
static int log_extend(struct vhdx_fix *m, struct vhdx_ring *ring,
		      struct vhd_error *err)
{
	struct vhdx_ring_active active;
	uint64_t want;
	int rc = vhdx_ring_find(ring, &active, err);

	if (rc)
		return rc;
	want = active.head.flushed_file_off;
	if (want > EXTEND_MAX)
		return m->req->salvage ?
			log_give_up(m, RULE_VHDX_LOG_TRUNCATED, false, err) : 0;
	if (!vhdx_fix_may(m, RULE_VHDX_LOG_TRUNCATED, m->file_size,
			  "file is made longer again, from 0x%" PRIx64 " to 0x%"
			  PRIx64 " bytes; whatever lay there reads as zeros",
			  m->file_size, want))
		return 0;
	rc = vhd_io_set_size(m->io, want, err);
	m->next = VHDX_FIX_AGAIN;
	return rc ? rc : vhd_io_flush(m->io, err);
}

/* A log that is where the header says and that cannot be replayed. */
static int log_refused(struct vhdx_fix *m, const struct vhd_error *why,
		       struct vhd_error *err)
{
	struct vhdx_ring *ring = vhd_alloc(sizeof(*ring));
	bool has = true;
	int rc = 0;

	if (!ring)
		return vhd_fail_nomem(err);
	vhdx_ring_init(ring, m->io, vhdx_fix_header(m));
	if (why->rule == vhd_rule_get(RULE_VHDX_LOG_TRUNCATED)) {
		rc = log_extend(m, ring, err);
	} else if (why->rule == vhd_rule_get(RULE_VHDX_LOG_NO_SEQUENCE)) {
		rc = ring_has(ring, &has, err);
		if (!rc)
			rc = log_give_up(m, RULE_VHDX_LOG_NO_SEQUENCE, !has,
					 err);
	} else if (m->req->salvage) {
		rc = log_give_up(m, RULE_VHDX_LOG_NO_SEQUENCE, false, err);
	}
	vhd_free(ring);
	return rc;
}

static int blocks_hit(struct vhdx *x, bool *yes_out, struct vhd_error *err)
{
	struct vhdx_bat_iter it;
	uint64_t idx, raw;
	bool found, yes = false;
	int rc;

	rc = vhdx_bat_iter_begin(&it, x, x->bat_used, UINT64_MAX, err);
	if (rc)
		return rc;
	while (!yes &&
	       !(rc = vhdx_bat_iter_next(&it, &found, &idx, &raw, err)) &&
	       found) {
		struct vhdx_batent ent = vhdx_batent_unpack(raw);

		yes = vhdx_state_has_data(ent.state) &&
		      !vhdx_bat_idx_is_bitmap(&x->geom, idx) &&
		      vhdx_overlay_touches(x->overlay, ent.file_off,
					   x->geom.block_size);
	}
	vhdx_bat_iter_end(&it);
	*yes_out = yes;
	return rc;
}

/*
 * Would replaying write over a guest's data?  No sane log does (VHDX-LOG-01), and
 * a file that cannot be opened does not tell.
 */
static int log_hits_blocks(struct vhdx_fix *m, bool *yes_out,
			   struct vhd_error *err)
{
	struct vhd_engine_open how = { .io = m->io };
	struct vhd_error why = { 0 };
	void *x = NULL;
	int rc = vhdx_open(&how, &x, &why);

	*yes_out = false;
	if (rc && why.rule)
		return 0;
	if (rc) {
		if (err)
			*err = why;
		return rc;
	}
	rc = blocks_hit(x, yes_out, err);
	vhdx_close(x);
	return rc;
}

/* A replay writes headers, too. */
static int numbers_keep(struct vhdx_fix *m, struct vhd_error *err)
{
	struct vhdx_update u = { m->io, m->headers };
	int rc = vhdx_header_renumber(&u, err);

	m->headers = u.headers;
	return rc;
}

static int log_replay(struct vhdx_fix *m, const struct vhdx_overlay *ov,
		      struct vhd_error *err)
{
	const struct vhdx_header *h = vhdx_fix_header(m);
	uint64_t want = vhdx_overlay_file_size(ov);
	bool hits;
	int rc = log_hits_blocks(m, &hits, err);

	if (rc || (hits && !m->req->salvage))
		return rc;
	if (vhdx_overlay_beyond(ov) &&
	    !vhdx_fix_may(m, RULE_VHDX_LOG_GAP, h->log_off, "the log is"
			  " replayed up to an entry that is damaged or was"
			  " never written; %" PRIu64 " entries behind it are"
			  " given up", vhdx_overlay_beyond(ov)))
		return 0;
	if (!vhdx_fix_may(m, RULE_VHDX_LOG_PENDING, h->log_off,
			  "changes in the log go in place: %" PRIu64 " pages"
			  " and ranges", vhdx_overlay_pages(ov)))
		return 0;
	if (want > m->file_size &&
	    !vhdx_fix_may(m, RULE_VHDX_LOG_EXTEND, m->file_size,
			  "file becomes 0x%" PRIx64 " bytes long, as the log"
			  " says", want))
		return 0;
	m->next = VHDX_FIX_AGAIN;
	rc = numbers_keep(m, err);
	return rc ? rc : vhdx_apply(m->io, &m->headers, ov, err);
}

/* Errors with a rule are about the log, not about reading it. */
static int log_load(struct vhdx_fix *m, const struct vhdx_header *h,
		    struct vhdx_overlay **ov_out, struct vhd_error *why,
		    struct vhd_error *err)
{
	int rc;

	*ov_out = NULL;
	*why = (struct vhd_error){ 0 };
	rc = vhdx_replay_load(m->io, h, NULL, ov_out, why);
	if (!rc || why->rule)
		return 0;
	if (err)
		*err = *why;
	return rc;
}

/* Where a log with this LogGuid is, if anywhere near the front of the file. */
static int log_seek(struct vhdx_fix *m, struct vhdx_header *h, bool *found_out,
		    struct vhd_error *err)
{
	uint64_t end = min_u64(m->file_size, SEEK_MIB * MiB);

	*found_out = false;
	if (!h->log_len || h->log_len % MiB || h->log_len > SEEK_LOG_MIB * MiB)
		h->log_len = MiB;
	for (h->log_off = MiB; range_in(h->log_off, h->log_len, end);
	     h->log_off += MiB) {
		struct vhdx_overlay *ov;
		struct vhd_error why;
		int rc = log_load(m, h, &ov, &why, err);

		vhdx_overlay_free(ov);
		if (rc)
			return rc;
		*found_out = ov ||
			     why.rule == vhd_rule_get(RULE_VHDX_LOG_TRUNCATED);
		if (*found_out)
			return 0;
	}
	return 0;
}

static int log_lost(struct vhdx_fix *m, struct vhd_error *err)
{
	struct vhdx_header h = *vhdx_fix_header(m);
	bool found;
	int rc = log_seek(m, &h, &found, err);

	m->next = VHDX_FIX_STOP;
	if (rc)
		return rc;
	if (!found)
		return log_give_up(m, RULE_VHDX_LOG_PLACE, false, err);
	if (!vhdx_fix_may(m, RULE_VHDX_LOG_PLACE, h.log_off,
			  "headers name 0x%" PRIx64 ", where the pending log"
			  " is, instead of 0x%" PRIx64, h.log_off,
			  vhdx_fix_header(m)->log_off))
		return 0;
	return vhdx_fix_headers_write(m, &h, err);
}

int vhdx_fix_log(struct vhdx_fix *m, struct vhd_error *err)
{
	const struct vhdx_header *h = vhdx_fix_header(m);
	struct vhdx_notes notes = VHDX_NOTES_INIT;
	enum vhd_rule_idx rule = vhdx_header_check(h, m->file_size, &notes);
	struct vhdx_overlay *ov;
	struct vhd_error why;
	int rc;

	if (vhd_guid_is_zero(&h->log_guid)) {
		if (!vhdx_notes_have(&notes, RULE_VHDX_LOG_PLACE_IDLE))
			m->log = (struct vhdx_place){ h->log_off, h->log_len };
		return 0;
	}
	if (rule == RULE_VHDX_LOG_PLACE)
		return log_lost(m, err);
	m->next = VHDX_FIX_STOP;
	rc = log_load(m, h, &ov, &why, err);
	if (!rc)
		rc = ov ? log_replay(m, ov, err) : log_refused(m, &why, err);
	vhdx_overlay_free(ov);
	return rc;
}
