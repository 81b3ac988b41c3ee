/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commits.
 *
 * A commit begins under the lock by copying every dirty page out of the cache
 * into `staged`, which becomes `storing`; from there on others may go on making
 * pages dirty.  Whatever is in the copies was made visible by a ticket's end, so
 * its data was handed to the file before: a flush after the copying covers it.
 *
 * Images stay readable until store() has brought them where the engine's fetch
 * finds them.  A commit that fails in a way that may pass leaves them in
 * `storing`; the next one takes them along, older than what was staged since.
 *
 * A flush needs a SYNC commit that began after it was asked for.  All who ask
 * while one runs wait for the same next one.
 */
#include "write/writer_priv.h"

#include <string.h>

#include "base/ckd.h"
#include "base/fail.h"

int vhd_writer_stage(struct vhd_writer *w, uint64_t off, const uint8_t *page,
		     uint32_t mask, struct vhd_error *err)
{
	int rc;

	pthread_mutex_lock(&w->images);
	rc = vhd_pending_put(&w->staged, off, page, mask, err);
	pthread_mutex_unlock(&w->images);
	return rc;
}

static void overlay_locked(struct vhd_writer *w, uint64_t off, void *buf,
			   size_t len)
{
	vhd_pending_overlay_range(&w->storing, off, buf, len);
	vhd_pending_overlay_range(&w->staged, off, buf, len);
}

/*
 * Between reading and overlaying, a commit may have stored an image and let it
 * go: the bytes would be the old ones.  The count of that tells.
 */
int vhd_writer_read(struct vhd_writer *w, vhd_writer_read_fn read, void *buf,
		    size_t len, uint64_t off, struct vhd_error *err)
{
	uint64_t before;
	bool still;

	do {
		int rc;

		pthread_mutex_lock(&w->images);
		before = w->stored;
		pthread_mutex_unlock(&w->images);
		rc = read(w->eng, buf, len, off, err);
		if (rc)
			return rc;
		pthread_mutex_lock(&w->images);
		still = w->stored == before;
		if (still)
			overlay_locked(w, off, buf, len);
		pthread_mutex_unlock(&w->images);
	} while (!still);
	return 0;
}

int vhd_writer_expose(struct vhd_writer *w, struct vhd_error *err)
{
	int rc = 0;

	pthread_mutex_lock(&w->lock);
	if (w->pc)
		rc = vhd_pcache_commit(w->pc, err);
	pthread_mutex_unlock(&w->lock);
	return rc;
}

/* Nothing is dirty, staged, or left from a commit that failed. */
static bool nothing_waits_locked(struct vhd_writer *w)
{
	size_t images;

	if (w->pc && vhd_pcache_dirty_count(w->pc))
		return false;
	pthread_mutex_lock(&w->images);
	images = w->staged.count + w->storing.count;
	pthread_mutex_unlock(&w->images);
	return !images;
}

/* Copies of all that is dirty go to @w->storing, sorted. */
static int snapshot_locked(struct vhd_writer *w, struct vhd_error *err)
{
	int rc = w->pc ? vhd_pcache_commit(w->pc, err) : 0;

	if (rc)
		return rc;
	pthread_mutex_lock(&w->images);
	if (w->storing.count)
		rc = vhd_pending_merge(&w->staged, &w->storing, err);
	if (!rc) {
		vhd_pending_clear(&w->storing);
		vhd_pending_sort(&w->staged);
		w->storing = w->staged;
		w->staged = (struct vhd_pending){ 0 };
	}
	pthread_mutex_unlock(&w->images);
	return rc;
}

static void stored(struct vhd_writer *w)
{
	pthread_mutex_lock(&w->images);
	vhd_pending_clear(&w->storing);
	w->stored++;
	pthread_mutex_unlock(&w->images);
}

/* One commit.  The lock is held, but not during the work. */
static int run_locked(struct vhd_writer *w, enum vhd_commit mode,
		      struct vhd_error *why)
{
	bool sync = mode == VHD_COMMIT_SYNC;
	bool barrier = w->barrier;
	int rc;

	w->running = true;
	rc = snapshot_locked(w, why);
	if (!rc) {
		if (sync)
			vhd_freed_cover_locked(w);
		w->barrier = false;
		w->waiting_since = 0;
		pthread_mutex_unlock(&w->lock);
		rc = w->ops->store(w->eng, &w->storing, mode, barrier, why);
		if (!rc)
			stored(w);
		pthread_mutex_lock(&w->lock);
		if (!rc && sync)
			vhd_freed_promote_locked(w);
		else if (rc)
			w->barrier |= barrier;
	}
	if (rc && vhd_writer_may_retry(rc))
		vhd_writer_waiting_locked(w);
	else if (rc)
		vhd_writer_poison_locked(w, rc, why);
	w->running = false;
	pthread_cond_broadcast(&w->idle);
	return rc;
}

static void wait_idle_locked(struct vhd_writer *w)
{
	while (w->running)
		pthread_cond_wait(&w->idle, &w->lock);
}

static int lazy_locked(struct vhd_writer *w, struct vhd_error *err)
{
	struct vhd_error why = { 0 };
	int rc;

	wait_idle_locked(w);
	rc = vhd_writer_poisoned_locked(w, err);
	if (rc)
		return rc;
	if (nothing_waits_locked(w)) {
		w->waiting_since = 0;
		return 0;
	}
	rc = run_locked(w, VHD_COMMIT_LAZY, &why);
	if (rc && err)
		*err = why;
	return rc;
}

static int sync_locked(struct vhd_writer *w, struct vhd_error *err)
{
	uint64_t need = w->sync_started + 1;
	struct vhd_error why = { 0 };
	int rc;

	while (w->sync_done < need) {
		if (w->running) {
			pthread_cond_wait(&w->idle, &w->lock);
			continue;
		}
		rc = vhd_writer_poisoned_locked(w, err);
		if (rc)
			return rc;
		w->sync_started++;
		rc = run_locked(w, VHD_COMMIT_SYNC, &why);
		w->sync_done = w->sync_started;
		if (!rc)
			w->sync_good = w->sync_done;
		else
			w->sync_err = why;
	}
	if (w->sync_good >= need)
		return 0;
	if (err)
		*err = w->sync_err;
	return w->sync_err.code;
}

int vhd_writer_commit(struct vhd_writer *w, enum vhd_commit mode,
		      struct vhd_error *err)
{
	bool reclaim;
	int rc;

	pthread_mutex_lock(&w->lock);
	rc = mode == VHD_COMMIT_SYNC ? sync_locked(w, err)
				     : lazy_locked(w, err);
	reclaim = w->durable.count && !atomic_load(&w->poisoned);
	pthread_mutex_unlock(&w->lock);
	if (reclaim)
		vhd_freed_reclaim(w);
	return rc;
}

int vhd_writer_make_room(struct vhd_writer *w, struct vhd_error *err)
{
	size_t limit, waiting;
	bool freed;
	int rc = 0;

	if (!w->pc)
		return 0;
	limit = vhd_pcache_dirty_limit(w->pc);
	pthread_mutex_lock(&w->lock);
	pthread_mutex_lock(&w->images);
	waiting = vhd_pcache_dirty_count(w->pc) + w->staged.count;
	pthread_mutex_unlock(&w->images);
	freed = w->freed.count >= WRITER_FREED_MAX;
	pthread_mutex_unlock(&w->lock);
	if (freed)
		rc = vhd_writer_commit(w, VHD_COMMIT_SYNC, err);
	else if (waiting >= limit - limit / 4)
		rc = vhd_writer_commit(w, VHD_COMMIT_LAZY, err);
	return rc;
}
