/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Images that are logged and not in place: how they get there, and how they are
 * read until then.
 *
 * The newest entry's images are a set of their own, so that nothing is left to
 * fail once an entry is written: the set is made before, and then only moves.
 *
 * Reading takes the bytes of the file first and puts images over them.  Between
 * the two a page may go in place and its image away, and the bytes be the old
 * ones: then the reader, seeing the count of that changed, starts again.
 */
#include "vhdx/vhdx_log_priv.h"

#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"

enum { PLACE_PAGES = 64 };	/* neighbours that become one write */

static void overlay_locked(const struct vhdx_log *log, uint64_t off, void *buf,
			   size_t len)
{
	vhd_pending_overlay_range(&log->logged, off, buf, len);
	vhd_pending_overlay_range(&log->fresh, off, buf, len);
}

static uint64_t placed_count(struct vhdx_log *log)
{
	uint64_t n;

	pthread_mutex_lock(&log->lock);
	n = log->placed;
	pthread_mutex_unlock(&log->lock);
	return n;
}

int vhdx_log_read(struct vhdx_log *log, void *buf, size_t len, uint64_t off,
		  struct vhd_error *err)
{
	bool still = false;

	while (!still) {
		uint64_t before = placed_count(log);
		int rc = vhd_io_read_padded(log->io, buf, len, off, err);

		if (rc)
			return rc;
		pthread_mutex_lock(&log->lock);
		still = log->placed == before;
		if (still)
			overlay_locked(log, off, buf, len);
		pthread_mutex_unlock(&log->lock);
	}
	return 0;
}

int vhdx_log_fold(struct vhdx_log *log, struct vhd_error *err)
{
	int rc = 0;

	pthread_mutex_lock(&log->lock);
	for (size_t i = 0; !rc && i < log->fresh.count; i++) {
		const struct vhd_pending_page *p = &log->fresh.pages[i];

		rc = vhd_pending_put(&log->logged, p->off, p->bytes,
				     VHD_PENDING_WHOLE, err);
	}
	if (!rc)
		vhd_pending_clear(&log->fresh);
	pthread_mutex_unlock(&log->lock);
	return rc;
}

/* Neighbours from @from on, at most PLACE_PAGES. */
static size_t run_count(const struct vhd_pending *set, size_t from)
{
	const struct vhd_pending_page *p = &set->pages[from];
	size_t n = 1;

	while (n < PLACE_PAGES && from + n < set->count &&
	       p[n].off == p[0].off + n * VHD_PAGE_SIZE)
		n++;
	return n;
}

static int run_place(struct vhdx_log *log, const struct vhd_pending_page *p,
		     size_t n, uint8_t *buf, struct vhd_error *err)
{
	for (size_t i = 0; i < n; i++)
		memcpy(buf + i * VHD_PAGE_SIZE, p[i].bytes, VHD_PAGE_SIZE);
	return vhd_io_write(log->io, buf, n * VHD_PAGE_SIZE, p->off, err);
}

/* Readers look up beside this; only sorting moves what they look at. */
int vhdx_log_place(struct vhdx_log *log, struct vhd_error *err)
{
	const struct vhd_pending *set = &log->logged;
	uint8_t *buf;
	size_t n;
	int rc;

	rc = vhdx_log_fold(log, err);
	if (rc || !set->count)
		return rc;
	buf = vhd_alloc_aligned(VHD_PAGE_SIZE,
				(size_t)min_u64(set->count, PLACE_PAGES) *
				VHD_PAGE_SIZE);
	if (!buf)
		return vhd_fail_nomem(err);
	pthread_mutex_lock(&log->lock);
	vhd_pending_sort(&log->logged);
	pthread_mutex_unlock(&log->lock);
	log->durable = false;
	for (size_t i = 0; !rc && i < set->count; i += n) {
		n = run_count(set, i);
		rc = run_place(log, &set->pages[i], n, buf, err);
	}
	vhd_free(buf);
	return rc;
}

void vhdx_log_placed(struct vhdx_log *log)
{
	pthread_mutex_lock(&log->lock);
	vhd_pending_clear(&log->logged);
	vhd_pending_clear(&log->fresh);
	log->placed++;
	pthread_mutex_unlock(&log->lock);
}
