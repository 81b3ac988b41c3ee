/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pair of headers (VHDX-CHK-04 to 10).  A pending log is no obstacle: its
 * LogGuid goes into what is written, as it does at the beginning of a replay
 * (VHDX-LOG-33).  One update of both slots mends whatever is odd about them.
 *
 * Two headers whose checksums are both wrong may still say what they said: one
 * that names a place for the log that can be one, and known versions, is taken
 * at its word if the owner consents, the one with the larger number first
 * (VHDX-TOL-24).  Without even that, nobody knows whether the log was pending:
 * the owner has to say that it was not, or that he does not care ("discard").
 */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "base/guid.h"
#include "vhdx/vhdx_repair_priv.h"
#include "vhdx/vhdx_update.h"

static const uint64_t slot_off[2] = { VHDX_HEADER1_OFF, VHDX_HEADER2_OFF };

static bool is_plausible(const struct vhdx_header *h, uint64_t file_size)
{
	return h->version == 1 && !h->log_version && h->seq < UINT64_MAX / 2 &&
	       h->log_off >= MiB && !(h->log_off % MiB) && h->log_len &&
	       !(h->log_len % MiB) &&
	       range_in(h->log_off, h->log_len, file_size);
}

static int both_make(struct vhdx_fix *m, struct vhd_error *err)
{
	struct vhdx_header h = { .version = 1 };
	int rc;

	m->next = VHDX_FIX_STOP;
	if (!vhdx_fix_chosen(m, RULE_VHDX_HDR_BOTH_BAD, "discard")) {
		vhdx_fix_offer(m, RULE_VHDX_HDR_BOTH_BAD, VHDX_HEADER1_OFF,
			       "new headers are made, and a log that may be"
			       " pending is given up (choice \"discard\")");
		return 0;
	}
	if (!vhdx_fix_may(m, RULE_VHDX_HDR_BOTH_BAD, VHDX_HEADER1_OFF,
			  "new headers are made, and a log that may have been"
			  " pending is given up"))
		return 0;
	rc = vhd_guid_fresh(&h.data_write_guid, err);
	if (rc)
		return rc;
	m->headers = (struct vhdx_headers){ .current = 1 };
	return vhdx_fix_log_make(m, &h, err);
}

static int both_guess(struct vhdx_fix *m, const uint8_t *bytes,
		      struct vhd_error *err)
{
	struct vhdx_headers hs = { .ok = 0 };
	bool fit[2];

	for (uint32_t i = 0; i < 2; i++) {
		vhdx_header_peek(bytes + i * VHDX_HEADER_LEN, &hs.hdr[i]);
		fit[i] = is_plausible(&hs.hdr[i], m->file_size);
	}
	if (!fit[0] && !fit[1])
		return both_make(m, err);
	hs.current = fit[1] && (!fit[0] || hs.hdr[1].seq > hs.hdr[0].seq);
	m->next = VHDX_FIX_STOP;
	if (!vhdx_fix_may(m, RULE_VHDX_HDR_BOTH_BAD, slot_off[hs.current],
			  "header %" PRIu32 " is taken at its word though its"
			  " checksum is wrong, and both are written anew",
			  hs.current + 1))
		return 0;
	m->headers = hs;
	return vhdx_fix_headers_write(m, vhdx_fix_header(m), err);
}

/*
 * The newer one, with the log it names; or the older one as it is, and the log
 * is given up.  Its DataWriteGuid tells the content apart from what it was.
 */
static int newer_mend(struct vhdx_fix *m, const struct vhdx_newer *newer,
		      struct vhd_error *err)
{
	const enum vhd_rule_idx rule = RULE_VHDX_HDR_NEWER_BAD;
	bool older = !m->req->salvage && vhdx_fix_chosen(m, rule, "older");
	struct vhdx_header h = *vhdx_fix_header(m);

	m->next = VHDX_FIX_STOP;
	if (!vhdx_fix_may(m, rule, slot_off[newer->slot], older ?
			  "header %" PRIu32 " is written anew from the other,"
			  " older one, and the changes in the log are given"
			  " up" :
			  "header %" PRIu32 ", which is damaged, is taken at"
			  " its word that the log is pending, and both are"
			  " written anew", newer->slot + 1))
		return 0;
	if (older)
		return vhdx_fix_headers_write(m, &h, err);
	h.log_guid = newer->hdr.log_guid;
	h.log_off = newer->hdr.log_off;
	h.log_len = newer->hdr.log_len;
	if (!vhd_guid_is_zero(&newer->hdr.data_write_guid))
		h.data_write_guid = newer->hdr.data_write_guid;
	return vhdx_fix_headers_write(m, &h, err);
}

/* Nobody will miss the one that is not taken. */
static int tie_break(struct vhdx_fix *m, const uint8_t *bytes,
		     struct vhd_error *err)
{
	m->next = VHDX_FIX_STOP;
	if (!m->req->salvage ||
	    !vhdx_fix_may(m, RULE_VHDX_HDR_SEQ_TIE, VHDX_HEADER1_OFF,
			  "the first of two headers with the same sequence"
			  " number is taken"))
		return 0;
	m->headers = (struct vhdx_headers){ .ok = 1 };
	vhdx_header_peek(bytes, &m->headers.hdr[0]);
	return vhdx_fix_headers_write(m, vhdx_fix_header(m), err);
}

static bool pair_may(struct vhdx_fix *m, const struct vhdx_note *note)
{
	if (note->rule == RULE_VHDX_HDR_ONE_BAD)
		return vhdx_fix_may(m, note->rule, note->off,
				    "header %d is written anew from the other"
				    " one",
				    note->off == VHDX_HEADER1_OFF ? 1 : 2);
	if (note->rule == RULE_VHDX_HDR_TWINS)
		return vhdx_fix_may(m, note->rule, note->off,
				    "headers get sequence numbers of their"
				    " own");
	return note->rule == RULE_VHDX_HDR_DIFFER &&
	       vhdx_fix_may(m, note->rule, slot_off[1 - m->headers.current],
			    "header %" PRIu32 ", the older one, is made like"
			    " header %" PRIu32, 2 - m->headers.current,
			    m->headers.current + 1);
}

static bool field_may(struct vhdx_fix *m, const struct vhdx_note *note)
{
	uint64_t off = slot_off[m->headers.current] + note->off;

	if (note->rule == RULE_VHDX_LOG_VERSION_IDLE)
		return vhdx_fix_may(m, note->rule, off,
				    "log version becomes 0");
	if (note->rule == RULE_VHDX_HDR_RESERVED)
		return vhdx_fix_may(m, note->rule, off,
				    "reserved bytes of the headers become"
				    " zero");
	return note->rule == RULE_VHDX_HDR_GUID_ZERO &&
	       vhdx_fix_may(m, note->rule, off,
			    "a FileWriteGuid or DataWriteGuid of zero becomes"
			    " a random one");
}

/* Nobody recognises a parent by a zero GUID: no child is lost (VHDX-HDR-17). */
static int update(struct vhdx_fix *m, struct vhd_error *err)
{
	struct vhdx_header h = *vhdx_fix_header(m);
	int rc = 0;

	if (vhd_guid_is_zero(&h.data_write_guid))
		rc = vhd_guid_fresh(&h.data_write_guid, err);
	return rc ? rc : vhdx_fix_headers_write(m, &h, err);
}

/* What no rewriting makes good: a version that is not known. */
static int version_force(struct vhdx_fix *m, enum vhd_rule_idx rule,
			 struct vhd_error *err)
{
	struct vhdx_header h = *vhdx_fix_header(m);

	m->next = VHDX_FIX_STOP;
	if (!m->req->salvage ||
	    !vhdx_fix_may(m, rule, slot_off[m->headers.current],
			  rule == RULE_VHDX_HDR_VERSION ?
				  "file is read as if its version were 1" :
				  "a log of an unknown version is given up"))
		return 0;
	if (rule == RULE_VHDX_LOG_VERSION)
		h.log_guid = (struct vhd_guid){ 0 };
	return vhdx_fix_headers_write(m, &h, err);
}

static int mend(struct vhdx_fix *m, const uint8_t *bytes,
		struct vhd_error *err)
{
	struct vhdx_notes pair = VHDX_NOTES_INIT, fields = VHDX_NOTES_INIT;
	struct vhdx_newer newer;
	enum vhd_rule_idx rule;
	bool may = false;
	int rc;

	rule = vhdx_headers_decode(bytes, bytes + VHDX_HEADER_LEN, &m->headers,
				   &pair);
	if (rule == RULE_VHDX_HDR_BOTH_BAD)
		return both_guess(m, bytes, err);
	if (rule != VHD_RULE_NONE)
		return tie_break(m, bytes, err);
	rule = vhdx_header_check(vhdx_fix_header(m), m->file_size, &fields);
	if (rule == RULE_VHDX_HDR_VERSION || rule == RULE_VHDX_LOG_VERSION)
		return version_force(m, rule, err);
	rc = vhdx_newer_find(m->io, bytes, &m->headers, m->file_size, &newer,
			     err);
	if (rc || newer.found)
		return rc ? rc : newer_mend(m, &newer, err);
	for (uint32_t i = 0; i < pair.count; i++)
		may = pair_may(m, &pair.note[i]) || may;
	for (uint32_t i = 0; i < fields.count; i++)
		may = field_may(m, &fields.note[i]) || may;
	return may ? update(m, err) : 0;
}

int vhdx_fix_headers(struct vhdx_fix *m, struct vhd_error *err)
{
	uint8_t *bytes = vhd_alloc(2 * VHDX_HEADER_LEN);
	int rc = 0;

	if (!bytes)
		return vhd_fail_nomem(err);
	for (size_t i = 0; i < 2 && !rc; i++)
		rc = vhd_io_read(m->io, bytes + i * VHDX_HEADER_LEN,
				 VHDX_HEADER_LEN, slot_off[i], err);
	if (!rc)
		rc = mend(m, bytes, err);
	vhd_free(bytes);
	return rc;
}
