/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "vhdx/vhdx_replay.h"
#include "vhdx/vhdx_replay_priv.h"
#include "vhdx/vhdx_ring.h"

/*
 * Loading an overlay: find the active sequence, list what its descriptors say
 * in the order of replay, and settle who wins where (vhdx_overlay.c).
 *
 * Nothing here depends on the size of the disk or of the file.  A log that asks
 * for more than the largest one we accept could hold as pages is refused
 * (VHDX-LOG-36), as is one that would make the file longer than any VHDX.
 */

#define LOG_LEN_MAX GiB
#define FILE_SIZE_MAX (128 * TiB)
enum { CHANGES_MAX = 262144 };		/* the sectors of LOG_LEN_MAX */

struct loader {
	struct vhdx_ring *ring;
	const struct vhdx_header *h;
	struct vhdx_ring_active active;
	struct vhdx_overlay *ov;
	struct vhdx_change *changes;
	size_t count;
};

static int fail_too_large(const struct loader *ld, struct vhd_error *err,
			  const char *what, uint64_t n)
{
	return vhd_fail_code_rule(err, VHD_E_UNSUPPORTED,
				  RULE_VHDX_LOG_TOO_LARGE, ld->h->log_off,
				  "log cannot be replayed: %s 0x%" PRIx64,
				  what, n);
}

/* VHDX-LOG-21: an entry that aims there was not made by a sane writer. */
static int target_check(const struct loader *ld,
			const struct vhdx_log_desc *desc, uint64_t desc_off,
			struct vhd_error *err)
{
	if (desc->file_off < VHDX_REGIONS1_OFF)
		return vhd_fail_rule(err, RULE_VHDX_LOG_TARGET, desc_off,
				     "log entry changes the headers at 0x%"
				     PRIx64, desc->file_off);
	if (ranges_overlap(desc->file_off, desc->len, ld->h->log_off,
			   ld->h->log_len))
		return vhd_fail_rule(err, RULE_VHDX_LOG_TARGET, desc_off,
				     "log entry changes the log at 0x%" PRIx64,
				     desc->file_off);
	if (!range_in(desc->file_off, desc->len, FILE_SIZE_MAX))
		return fail_too_large(ld, err, "it changes the file at",
				      desc->file_off);
	return 0;
}

/* One descriptor; *data_off is the ring offset of the next data sector. */
static int desc_load(struct loader *ld, uint32_t ring_off,
		     const struct vhdx_log_hdr *hdr, uint32_t idx,
		     uint32_t *data_off, struct vhd_error *err)
{
	uint64_t pos = vhdx_log_desc_off(idx);
	uint32_t at = vhdx_ring_step(ld->ring, ring_off,
				     align_down(pos, VHDX_LOG_SECTOR));
	struct vhdx_change *c = &ld->changes[ld->count];
	struct vhdx_log_desc desc;
	const uint8_t *sector;
	int rc;

	rc = vhdx_ring_sector(ld->ring, at, &sector, err);
	if (rc)
		return rc;
	pos %= VHDX_LOG_SECTOR;
	if (!vhdx_log_desc_decode((const void *)(sector + pos), hdr->seq,
				  &desc))
		return vhd_fail(err, VHD_E_CORRUPT,
				"log changes while it is read");
	rc = target_check(ld, &desc, ld->h->log_off + at + pos, err);
	if (rc)
		return rc;
	c->desc = desc;
	c->order = (uint32_t)ld->count++;
	if (!desc.zero) {
		c->data_off = ld->h->log_off + *data_off;
		*data_off = vhdx_ring_step(ld->ring, *data_off,
					   VHDX_LOG_SECTOR);
	}
	return 0;
}

static int entry_load(struct loader *ld, uint32_t ring_off, uint32_t *len_out,
		      struct vhd_error *err)
{
	struct vhdx_log_hdr hdr;
	const uint8_t *sector;
	uint32_t data_off;
	int rc;

	rc = vhdx_ring_sector(ld->ring, ring_off, &sector, err);
	if (rc)
		return rc;
	if (!vhdx_log_hdr_decode(sector, &ld->ring->log_guid,
				 ld->ring->log_len, &hdr) ||
	    hdr.desc_count > ld->active.desc_count - ld->count)
		return vhd_fail(err, VHD_E_CORRUPT,
				"log changes while it is read");
	data_off = vhdx_ring_step(ld->ring, ring_off,
				  vhdx_log_desc_area(hdr.desc_count));
	for (uint32_t i = 0; i < hdr.desc_count; i++) {
		rc = desc_load(ld, ring_off, &hdr, i, &data_off, err);
		if (rc)
			return rc;
	}
	*len_out = hdr.len;
	return 0;
}

/* VHDX-LOG-26; VHDX-TOL-20 for a log that never held anything. */
static int fail_no_sequence(const struct loader *ld, struct vhd_error *err)
{
	return vhd_fail_rule(err, RULE_VHDX_LOG_NO_SEQUENCE, ld->h->log_off,
			     "log is marked pending and has no valid sequence"
			     " of entries%s",
			     ld->active.blank ? "; the log was never written"
					      : "");
}

static int active_check(const struct loader *ld, uint64_t file_size,
			struct vhd_error *err)
{
	const struct vhdx_log_hdr *head = &ld->active.head;

	if (!ld->active.entry_count)
		return fail_no_sequence(ld, err);
	if (file_size < head->flushed_file_off)
		return vhd_fail_rule(err, RULE_VHDX_LOG_TRUNCATED,
				     ld->h->log_off,
				     "file has 0x%" PRIx64 " bytes, the log"
				     " says it had 0x%" PRIx64, file_size,
				     head->flushed_file_off);
	if (head->last_file_off > FILE_SIZE_MAX)
		return fail_too_large(ld, err, "it wants a file of",
				      head->last_file_off);
	if (ld->active.desc_count > CHANGES_MAX)
		return fail_too_large(ld, err, "number of changes",
				      ld->active.desc_count);
	return 0;
}

static int changes_load(struct loader *ld, struct vhd_error *err)
{
	uint32_t ring_off = ld->active.tail_off;
	uint32_t len = 0;
	int rc;

	ld->changes = vhd_alloc_array(ld->active.desc_count + 1,
				      sizeof(*ld->changes));
	if (!ld->changes)
		return vhd_fail_nomem(err);
	for (uint32_t i = 0; i < ld->active.entry_count; i++) {
		rc = entry_load(ld, ring_off, &len, err);
		if (rc)
			return rc;
		ring_off = vhdx_ring_step(ld->ring, ring_off, len);
	}
	return 0;
}

/* VHDX-LOG-08, VHDX-LOG-32: the file grows to hold whatever replay needs. */
static uint64_t size_after(const struct loader *ld, uint64_t file_size)
{
	uint64_t size = max_u64(file_size,
				align_up(ld->active.head.last_file_off,
					 VHDX_LOG_SECTOR));

	for (size_t i = 0; i < ld->count; i++) {
		const struct vhdx_log_desc *d = &ld->changes[i].desc;

		size = max_u64(size, d->file_off + d->len);
	}
	return size;
}

static void findings_report(const struct loader *ld, uint64_t file_size,
			    const struct vhd_sink *sink)
{
	const struct vhdx_log_hdr *head = &ld->active.head;

	vhd_report(sink, RULE_VHDX_LOG_PENDING, ld->h->log_off,
		   "log holds %" PRIu32 " entries with %zu changes that are not"
		   " in place yet", ld->active.entry_count, ld->count);
	if (ld->active.beyond)
		vhd_report(sink, RULE_VHDX_LOG_GAP, ld->h->log_off,
			   "%" PRIu32 " entries of the log cannot be used: one"
			   " before them is damaged, or was never written",
			   ld->active.beyond);
	if (head->flushed_file_off % MiB || head->last_file_off % MiB)
		vhd_report(sink, RULE_VHDX_LOG_OFFSETS_ODD, ld->h->log_off,
			   "file sizes in the log, 0x%" PRIx64 " and 0x%" PRIx64
			   ", are not multiples of 1 MiB",
			   head->flushed_file_off, head->last_file_off);
	if (ld->active.reserved_set)
		vhd_report(sink, RULE_VHDX_LOG_RESERVED, ld->h->log_off,
			   "reserved field of a log entry is not zero");
	if (ld->ov->file_size > file_size)
		vhd_report(sink, RULE_VHDX_LOG_EXTEND, file_size,
			   "replaying the log makes the file 0x%" PRIx64
			   " bytes long instead of 0x%" PRIx64,
			   ld->ov->file_size, file_size);
}

static int overlay_make(struct loader *ld, uint64_t file_size,
			struct vhd_error *err)
{
	int rc;

	rc = active_check(ld, file_size, err);
	if (!rc)
		rc = changes_load(ld, err);
	if (rc)
		return rc;
	ld->ov = vhd_alloc(sizeof(*ld->ov));
	if (!ld->ov)
		return vhd_fail_nomem(err);
	ld->ov->entry_count = ld->active.entry_count;
	ld->ov->beyond = ld->active.beyond;
	ld->ov->change_count = ld->count;
	ld->ov->file_size = size_after(ld, file_size);
	return vhdx_overlay_settle(ld->ov, ld->changes, ld->count, err);
}

int vhdx_replay_load(struct vhd_io *io, const struct vhdx_header *h,
		     const struct vhd_sink *sink,
		     struct vhdx_overlay **ov_out, struct vhd_error *err)
{
	struct loader ld = { .h = h };
	uint64_t file_size;
	int rc;

	if (h->log_len > LOG_LEN_MAX)
		return fail_too_large(&ld, err, "its length is", h->log_len);
	rc = vhd_io_size(io, &file_size, err);
	if (rc)
		return rc;
	ld.ring = vhd_alloc(sizeof(*ld.ring));
	if (!ld.ring)
		return vhd_fail_nomem(err);
	vhdx_ring_init(ld.ring, io, h);
	rc = vhdx_ring_find(ld.ring, &ld.active, err);
	if (!rc)
		rc = overlay_make(&ld, file_size, err);
	if (rc)
		goto out;
	findings_report(&ld, file_size, sink);
	*ov_out = ld.ov;
	ld.ov = NULL;
out:
	vhdx_overlay_free(ld.ov);
	vhd_free(ld.changes);
	vhd_free(ld.ring);
	return rc;
}
