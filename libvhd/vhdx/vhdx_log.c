/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log writer.
 *
 * The ring is used as two segments.  A generation of the log is a LogGuid of its
 * own and a straight run of entries in one segment, from its beginning on: an
 * entry without pages, then those with.  All of them have the first one as their
 * tail, so replaying is replaying the whole run, and no reader has to know how
 * sequences wrap (VHDX-LOG-60, VHDX-LOG-63).  Sequence numbers go on over
 * generations.
 *
 * When a run is full the writer shifts to the other segment: all images go in
 * place, the new generation's first entry is written, a flush, and a header that
 * names the new LogGuid.  Until that header is durable the old one counts, with
 * the old run, which is whole: nothing of it is overwritten before the next
 * shift, and that begins with the header durable (VHDX-LOG-40).  So shifting
 * needs no flush beyond the two that a commit has anyway:
 *
 *	commit	data .. [F1] entries [F2]
 *	shift	data, in place, first entry [F1] header, entries [F2] copy
 *
 * What has to hold, and where:
 *
 *	L1  data is durable before entries that make it reachable     F1
 *	L2  an entry is durable before its pages go in place          F2, or a
 *	    flush before a shift that follows LAZY commits
 *	L3  pages are durable in place before their log is abandoned  F1
 *	L4  a generation's first entry is durable before a header
 *	    names it (VHDX-HDR-16)                                    F1
 *	L5  a header is durable before the other slot, or the other
 *	    segment, is written                                       F2
 *	L6  a page goes in place as it was logged (VHDX-LOG-43): what
 *	    is written is the copy that was made for the entry
 *
 * A flush that stands for several of these is left out of a mutant as soon as
 * one of them is.  LAZY leaves F2 out, and F1 when nothing was mapped that needs
 * it, and then owes the header's copy until a flush has passed; a header that was
 * never copied is no danger, only one that rots alone (VHDX-HDR-23).
 *
 * Whatever fails for want of space or memory has changed nothing that counts:
 * the entry is written again at the same place with the same number, the shift
 * begins again, with the same LogGuid.
 */
#include "vhdx/vhdx_log.h"

#include "base/alloc.h"
#include "base/barrier.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "base/guid.h"
#include "codec/vhdx_disk.h"
#include "vhdx/vhdx_log_priv.h"

enum { SEG_LEN_MAX = 1 << 20 };

static int place_check(const struct vhdx_header *h, uint64_t file_size,
		       struct vhd_error *err)
{
	if (h->log_len >= MiB && h->log_off >= MiB &&
	    !(h->log_len % MiB) && !(h->log_off % MiB) &&
	    range_in(h->log_off, h->log_len, file_size))
		return 0;
	return vhd_fail_rule(err, RULE_VHDX_LOG_PLACE, VHD_NO_OFFSET,
			     "the file has no place for a log, which writing"
			     " to it needs");
}

int vhdx_log_new(const struct vhdx_log_new *how, struct vhdx_log **log_out,
		 struct vhd_error *err)
{
	const struct vhdx_header *h = &how->headers->hdr[how->headers->current];
	struct vhdx_log *log;
	uint64_t size;
	int rc;

	rc = vhd_io_size(how->io, &size, err);
	if (!rc)
		rc = place_check(h, size, err);
	if (rc)
		return rc;
	log = vhd_alloc(sizeof(*log));
	if (!log || pthread_mutex_init(&log->lock, NULL)) {
		vhd_free(log);
		return vhd_fail_nomem(err);
	}
	log->io = how->io;
	log->update = (struct vhdx_update){ how->io, *how->headers };
	log->log_off = h->log_off;
	log->seg_len = (uint32_t)align_down(min_u64(h->log_len / 2,
						    SEG_LEN_MAX),
					    VHDX_LOG_SECTOR);
	log->bat_off = how->bat_off;
	log->bat_len = how->bat_len;
	log->next_seq = 1;
	log->durable = true;
	*log_out = log;
	return 0;
}

void vhdx_log_free(struct vhdx_log *log)
{
	if (!log)
		return;
	vhd_pending_clear(&log->logged);
	vhd_pending_clear(&log->fresh);
	pthread_mutex_destroy(&log->lock);
	vhd_free(log);
}

void vhdx_log_header(struct vhdx_log *log, struct vhdx_header *out)
{
	pthread_mutex_lock(&log->lock);
	*out = *vhdx_update_current(&log->update);
	pthread_mutex_unlock(&log->lock);
}

void vhdx_log_table(struct vhdx_log *log, uint64_t bat_off, uint64_t bat_len)
{
	log->bat_off = bat_off;
	log->bat_len = bat_len;
}

/*
 * @wanted: the barriers that this flush stands for.  What failed to become
 * durable is not tried again, whatever the reason (VHDX-WR-23).
 */
static int flush(struct vhdx_log *log, bool wanted, struct vhd_error *err)
{
	uint64_t size = log->flushed_len;
	int rc = 0;

	if (wanted) {
		rc = vhd_io_size(log->io, &size, err);
		if (!rc)
			rc = vhd_io_flush(log->io, err);
	}
	if (rc)
		return rc;
	log->flushed_len = size;
	log->durable = true;
	log->copy_flying = false;
	return 0;
}

/* NULL for @fields: a copy of the current one. */
static int header_put(struct vhdx_log *log, const struct vhdx_header *fields,
		      struct vhd_error *err)
{
	struct vhdx_update u = log->update;
	int rc;

	log->durable = false;
	rc = fields ? vhdx_header_write(&u, fields, err)
		    : vhdx_header_copy(&u, err);
	pthread_mutex_lock(&log->lock);
	log->update = u;
	pthread_mutex_unlock(&log->lock);
	return rc;
}

/* Nobody waits for a copy: what was flushed before is as durable as it was. */
static int copy_pay(struct vhdx_log *log, struct vhd_error *err)
{
	bool durable = log->durable;
	int rc;

	if (!log->copy_owed)
		return 0;
	rc = header_put(log, NULL, err);
	if (rc)
		return rc;
	log->copy_owed = false;
	log->copy_flying = true;
	log->durable = durable;
	return 0;
}

/* A flush after which the other slot may be written (L5). */
static int flush_and_copy(struct vhdx_log *log, bool wanted,
			  struct vhd_error *err)
{
	int rc;

	if (log->copy_owed)
		wanted = wanted && vhd_barrier(VHD_BARRIER_HEADER_BEFORE_COPY);
	rc = flush(log, wanted, err);
	return rc ? rc : copy_pay(log, err);
}

/*
 * The first flush is for what somebody else wrote and was killed: the header in
 * the slot that counts may not be durable yet.
 */
int vhdx_log_touch(struct vhdx_log *log, struct vhd_error *err)
{
	struct vhdx_header h = *vhdx_update_current(&log->update);
	int rc;

	rc = vhd_guid_fresh(&h.file_write_guid, err);
	if (log->identified)
		h.data_write_guid = log->data_id;
	else if (!rc)
		rc = vhd_guid_fresh(&h.data_write_guid, err);
	if (!rc)
		rc = flush(log, true, err);
	if (!rc)
		rc = header_put(log, &h, err);
	if (rc)
		return rc;
	log->copy_owed = true;
	rc = flush_and_copy(log, true, err);
	log->touched = !rc;
	return rc;
}

int vhdx_log_identify(struct vhdx_log *log, const struct vhd_guid *id,
		      struct vhd_error *err)
{
	struct vhdx_header h = *vhdx_update_current(&log->update);
	int rc;

	if (!log->touched) {
		log->data_id = *id;
		log->identified = true;
		return 0;
	}
	rc = flush(log, true, err);
	h.data_write_guid = *id;
	if (!rc)
		rc = header_put(log, &h, err);
	if (rc)
		return rc;
	log->copy_owed = true;
	rc = flush_and_copy(log, true, err);
	return rc ? rc : flush(log, true, err);
}

void vhdx_log_keep(struct vhdx_log *log)
{
	if (log->touched || log->identified)
		return;
	log->data_id = vhdx_update_current(&log->update)->data_write_guid;
	log->identified = true;
}

/* The segment that is not in use; its space comes before anything is logged. */
static int segment_choose(struct vhdx_log *log, struct vhdx_log_gen *gen,
			  struct vhd_error *err)
{
	bool second = log->open && !log->gen.tail_off;
	int rc;

	gen->tail_off = second ? log->seg_len : 0;
	gen->next_off = gen->tail_off;
	if (log->seg_ready[second])
		return 0;
	log->durable = false;
	rc = vhd_io_zero(log->io, log->seg_len, log->log_off + gen->tail_off,
			 err);
	log->seg_ready[second] = !rc;
	return rc;
}

/*
 * The first entry.  One for all attempts: a header whose writing failed may have
 * reached the file all the same, and then names an entry that must stay.
 */
static int shift_begin(struct vhdx_log *log, struct vhdx_log_gen *gen,
		       uint64_t last_off, struct vhd_error *err)
{
	int rc = 0;

	if (!log->shifting)
		rc = vhd_guid_fresh(&log->shift_guid, err);
	if (rc)
		return rc;
	log->shifting = true;
	gen->guid = log->shift_guid;
	if (!log->shift_begun)
		rc = vhdx_log_begin_write(log, gen, last_off, err);
	gen->next_off += VHDX_LOG_SECTOR;
	return rc;
}

/* Up to the header: afterwards the old generation may go. */
static int shift_prepare(struct vhdx_log *log, struct vhdx_log_gen *gen,
			 uint64_t last_off, struct vhd_error *err)
{
	int rc = 0;

	if (log->open && !log->durable)
		rc = flush(log, vhd_barrier(VHD_BARRIER_LOG_BEFORE_APPLY), err);
	if (!rc)
		rc = vhdx_log_place(log, err);
	if (!rc)
		rc = segment_choose(log, gen, err);
	if (!rc)
		rc = shift_begin(log, gen, last_off, err);
	if (!rc)
		rc = flush(log, vhd_barrier(VHD_BARRIER_DATA_BEFORE_MAP) &&
			   vhd_barrier(VHD_BARRIER_APPLY_BEFORE_NEW_LOG) &&
			   vhd_barrier(VHD_BARRIER_LOG_BEFORE_HEADER), err);
	log->shift_begun = log->shift_begun || !rc;
	return rc;
}

/* To a new generation; F1 is in it. */
static int shift(struct vhdx_log *log, uint64_t last_off, struct vhd_error *err)
{
	struct vhdx_header h = *vhdx_update_current(&log->update);
	struct vhdx_log_gen gen;
	int rc;

	rc = shift_prepare(log, &gen, last_off, err);
	if (rc)
		return rc;
	h.log_guid = gen.guid;
	rc = header_put(log, &h, err);
	if (rc)
		return rc;
	vhdx_log_placed(log);
	log->gen = gen;
	log->next_seq++;
	log->open = true;
	log->copy_owed = true;
	log->shifting = log->shift_begun = false;
	return 0;
}

static bool fits(const struct vhdx_log *log, size_t count)
{
	return log->open && !log->shifting &&
	       vhdx_log_need(count) <= vhdx_log_room(log);
}

/* F1 and entries, over as many generations as they need. */
static int batch_store(struct vhdx_log *log, struct vhdx_log_batch *batch,
		       bool barrier, struct vhd_error *err)
{
	int rc = 0;

	if (!fits(log, batch->count))
		rc = shift(log, batch->last_off, err);
	else if (barrier)
		rc = flush_and_copy(log,
				    vhd_barrier(VHD_BARRIER_DATA_BEFORE_MAP),
				    err);
	while (!rc && batch->done < batch->count) {
		if (vhdx_log_room(log) < 2 * VHDX_LOG_SECTOR)
			rc = shift(log, batch->last_off, err);
		if (!rc)
			rc = vhdx_log_entry_write(log, batch, err);
	}
	return rc;
}

int vhdx_log_store(struct vhdx_log *log, const struct vhd_pending *set,
		   enum vhd_commit mode, bool barrier, uint64_t last_off,
		   struct vhd_error *err)
{
	struct vhdx_log_batch batch = { .last_off = last_off };
	bool sync = mode == VHD_COMMIT_SYNC;
	int rc;

	if (!set->count)
		return sync ? flush_and_copy(log, true, err) : 0;
	rc = vhdx_log_batch_load(log, set, &batch, err);
	if (!rc)
		rc = batch_store(log, &batch, sync || barrier, err);
	vhd_free(batch.pages);
	if (rc || !sync)
		return rc;
	return flush_and_copy(log, vhd_barrier(VHD_BARRIER_FLUSH_METADATA),
			      err);
}

/* A shift for its own sake, to the end: the copy of the header is durable too. */
int vhdx_log_settle(struct vhdx_log *log, uint64_t last_off,
		    struct vhd_error *err)
{
	int rc;

	if (!log->logged.count && !log->fresh.count && !log->shifting)
		return 0;
	rc = shift(log, last_off, err);
	if (!rc)
		rc = flush_and_copy(log, true, err);
	return rc ? rc : flush(log, true, err);
}

/* Durably, before the file is cut below what the log says it had. */
static int log_close(struct vhdx_log *log, struct vhd_error *err)
{
	struct vhdx_header h = *vhdx_update_current(&log->update);
	bool wanted = vhd_barrier(VHD_BARRIER_CLEAN_BEFORE_CUT);
	int rc;

	h.log_guid = (struct vhd_guid){ 0 };
	rc = header_put(log, &h, err);
	if (rc)
		return rc;
	log->copy_owed = true;
	rc = flush_and_copy(log, wanted, err);
	return rc ? rc : flush(log, wanted, err);
}

/* No header ever had a LogGuid: only a copy may be missing. */
static int shut_unopened(struct vhdx_log *log, struct vhd_error *err)
{
	int rc = 0;

	if (log->copy_owed)
		rc = flush_and_copy(log, true, err);
	if (!rc && (log->copy_flying || !log->durable))
		rc = flush(log, true, err);
	return rc;
}

int vhdx_log_shut(struct vhdx_log *log, struct vhd_error *err)
{
	int rc = 0;

	if (!log->open && !log->shifting)
		return shut_unopened(log, err);
	if (!log->durable)
		rc = flush(log, vhd_barrier(VHD_BARRIER_LOG_BEFORE_APPLY), err);
	if (!rc)
		rc = vhdx_log_place(log, err);
	if (!rc)
		rc = flush(log, vhd_barrier(VHD_BARRIER_APPLY_BEFORE_CLEAN),
			   err);
	if (!rc)
		rc = log_close(log, err);
	if (rc)
		return rc;
	vhdx_log_placed(log);
	log->open = false;
	log->shifting = log->shift_begun = false;
	return 0;
}
