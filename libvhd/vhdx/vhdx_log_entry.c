/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From page images to entries.
 *
 * An entry is the unit that a power cut leaves whole.  A set that needs several
 * is logged in an order that is sound at every border between two: sector
 * bitmaps first, then the table from its end to its beginning.  The entry of a
 * chunk's bitmap stands behind those of its blocks, so no block is partial
 * before its bits and their place are logged (VHDX-LOG-46).
 */
#include "vhdx/vhdx_log_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "codec/vhdx_logent.h"

static int ascending(const void *a, const void *b)
{
	const struct vhd_pending_page *const *x = a, *const *y = b;

	return (*x)->off < (*y)->off ? -1 : (*x)->off > (*y)->off;
}

static int descending(const void *a, const void *b)
{
	return ascending(b, a);
}

static bool in_bat(const struct vhdx_log *log,
		   const struct vhd_pending_page *p)
{
	return ranges_overlap(p->off, VHD_PAGE_SIZE, log->bat_off,
			      log->bat_len);
}

int vhdx_log_batch_load(const struct vhdx_log *log,
			const struct vhd_pending *set,
			struct vhdx_log_batch *batch, struct vhd_error *err)
{
	size_t low = 0, high = set->count;

	batch->pages = vhd_alloc_array(set->count, sizeof(*batch->pages));
	if (!batch->pages)
		return vhd_fail_nomem(err);
	batch->count = set->count;
	batch->done = 0;
	for (size_t i = 0; i < set->count; i++) {
		const struct vhd_pending_page *p = &set->pages[i];

		batch->pages[in_bat(log, p) ? --high : low++] = p;
	}
	qsort(batch->pages, low, sizeof(*batch->pages), ascending);
	qsort(batch->pages + low, set->count - low, sizeof(*batch->pages),
	      descending);
	return 0;
}

uint64_t vhdx_log_need(uint64_t count)
{
	return (count + div_ceil(count, VHDX_LOG_ENTRY_PAGES)) *
	       VHDX_LOG_SECTOR;
}

uint32_t vhdx_log_room(const struct vhdx_log *log)
{
	return log->gen.tail_off + log->seg_len - log->gen.next_off;
}

static int entry_put(struct vhdx_log *log, const struct vhdx_log_gen *gen,
		     const struct vhdx_log_write *w, size_t count,
		     uint64_t last_off, struct vhd_error *err)
{
	struct vhdx_log_hdr hdr = {
		.tail_off = gen->tail_off,
		.seq = log->next_seq,
		.log_guid = gen->guid,
		/* VHDX-LOG-48 */
		.flushed_file_off = align_down(log->flushed_len, MiB),
		.last_file_off = align_up(last_off, MiB),
	};
	size_t len = (size_t)vhdx_log_entry_len(w, count);
	uint8_t *buf = vhd_alloc_aligned(VHDX_LOG_SECTOR, len);
	int rc;

	if (!buf)
		return vhd_fail_nomem(err);
	vhdx_log_entry_encode(&hdr, w, count, buf);
	log->durable = false;
	rc = vhd_io_write(log->io, buf, len, log->log_off + gen->next_off,
			  err);
	vhd_free(buf);
	return rc;
}

int vhdx_log_begin_write(struct vhdx_log *log, const struct vhdx_log_gen *gen,
			 uint64_t last_off, struct vhd_error *err)
{
	return entry_put(log, gen, NULL, 0, last_off, err);
}

/* Parts of a page that the set does not have are those of the present page. */
static int image_put(struct vhdx_log *log, const struct vhd_pending_page *p,
		     struct vhd_pending *images, struct vhd_error *err)
{
	uint8_t page[VHD_PAGE_SIZE];
	int rc;

	if (p->mask != VHD_PENDING_WHOLE) {
		rc = vhdx_log_read(log, page, sizeof(page), p->off, err);
		if (!rc)
			rc = vhd_pending_put(images, p->off, page,
					     VHD_PENDING_WHOLE, err);
		if (rc)
			return rc;
	}
	return vhd_pending_put(images, p->off, p->bytes, p->mask, err);
}

/* Copies of the next pages: what is written, and what is read from then on. */
static int images_make(struct vhdx_log *log, const struct vhdx_log_batch *b,
		       size_t count, struct vhd_pending *images,
		       struct vhdx_log_write *w, struct vhd_error *err)
{
	for (size_t i = 0; i < count; i++) {
		int rc = image_put(log, b->pages[b->done + i], images, err);

		if (rc)
			return rc;
	}
	for (size_t i = 0; i < count; i++) {
		const struct vhd_pending_page *p =
			vhd_pending_find(images, b->pages[b->done + i]->off);

		w[i] = (struct vhdx_log_write){ .file_off = p->off,
						.page = p->bytes };
	}
	return 0;
}

static void images_show(struct vhdx_log *log, struct vhd_pending *images)
{
	pthread_mutex_lock(&log->lock);
	log->fresh = *images;
	pthread_mutex_unlock(&log->lock);
	*images = (struct vhd_pending){ 0 };
}

int vhdx_log_entry_write(struct vhdx_log *log, struct vhdx_log_batch *batch,
			 struct vhd_error *err)
{
	struct vhdx_log_write w[VHDX_LOG_ENTRY_PAGES];
	uint64_t room = vhdx_log_room(log) / VHDX_LOG_SECTOR - 1;
	size_t count = (size_t)min_u64(min_u64(room, VHDX_LOG_ENTRY_PAGES),
				       batch->count - batch->done);
	struct vhd_pending images = { 0 };
	int rc;

	rc = vhdx_log_fold(log, err);
	if (!rc)
		rc = images_make(log, batch, count, &images, w, err);
	if (!rc)
		rc = entry_put(log, &log->gen, w, count, batch->last_off, err);
	if (!rc) {
		images_show(log, &images);
		log->gen.next_off += (uint32_t)vhdx_log_need(count);
		log->next_seq++;
		batch->done += count;
	}
	vhd_pending_clear(&images);
	return rc;
}
