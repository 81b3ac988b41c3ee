/* SPDX-License-Identifier: BSD-2-Clause */
/* The life of a writer: making, first touch, poison, end. */
#include "write/writer_priv.h"

#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"

static int locks_new(struct vhd_writer *w)
{
	pthread_condattr_t attr;
	int rc;

	/* Default attributes need nothing that could be missing. */
	pthread_mutex_init(&w->touch, NULL);
	pthread_mutex_init(&w->lock, NULL);
	pthread_mutex_init(&w->images, NULL);
	pthread_cond_init(&w->over, NULL);
	pthread_cond_init(&w->idle, NULL);
	pthread_condattr_init(&attr);
	rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->wake, &attr);
	pthread_condattr_destroy(&attr);
	return rc;
}

int vhd_writer_new(const struct vhd_writer_new *how, struct vhd_writer **w_out,
		   struct vhd_error *err)
{
	struct vhd_writer *w;

	if (!vhd_io_writable(how->io))
		return vhd_fail(err, VHD_E_READONLY,
				"the file is open for reading only");
	w = vhd_alloc(sizeof(*w));
	if (!w)
		return vhd_fail_nomem(err);
	w->ops = how->ops;
	w->eng = how->eng;
	w->io = how->io;
	w->pc = how->pc;
	w->geom = how->geom;
	w->want_thread = how->thread;
	w->unzeroed = how->unzeroed;
	while (UINT64_C(1) << w->block_shift < how->geom.block_size)
		w->block_shift++;
	vhd_grace_init(&w->grace);
	if (locks_new(w)) {
		vhd_free(w);
		return vhd_fail(err, VHD_E_UNSUPPORTED,
				"there is no monotonic clock");
	}
	*w_out = w;
	return 0;
}

static void writer_free(struct vhd_writer *w)
{
	vhd_pending_clear(&w->staged);
	vhd_pending_clear(&w->storing);
	vhd_copier_free(&w->mover);
	vhd_free(w->freed.at);
	vhd_free(w->freeing.at);
	vhd_free(w->durable.at);
	pthread_cond_destroy(&w->wake);
	pthread_cond_destroy(&w->idle);
	pthread_cond_destroy(&w->over);
	pthread_mutex_destroy(&w->images);
	pthread_mutex_destroy(&w->lock);
	pthread_mutex_destroy(&w->touch);
	vhd_free(w);
}

int vhd_writer_close(struct vhd_writer *w, struct vhd_error *err)
{
	int rc = 0;

	if (!w)
		return 0;
	vhd_writer_thread_stop(w);
	if (vhd_writer_touched(w))
		rc = vhd_writer_commit(w, VHD_COMMIT_SYNC, err);
	else if (atomic_load(&w->poisoned))
		rc = vhd_writer_poisoned_locked(w, err);
	if (!rc && vhd_writer_touched(w)) {
		vhd_freed_reclaim(w);
		rc = w->ops->shut ? w->ops->shut(w->eng, err) : 0;
	}
	writer_free(w);
	return rc;
}

void vhd_writer_poison_locked(struct vhd_writer *w, int rc,
			      const struct vhd_error *why)
{
	if (atomic_load(&w->poisoned))
		return;
	w->poison = *why;
	w->poison.code = rc;
	atomic_store(&w->poisoned, true);
}

int vhd_writer_failed(struct vhd_writer *w, int rc, const struct vhd_error *why,
		      struct vhd_error *err)
{
	if (err)
		*err = *why;
	if (!vhd_writer_may_retry(rc)) {
		pthread_mutex_lock(&w->lock);
		vhd_writer_poison_locked(w, rc, why);
		pthread_mutex_unlock(&w->lock);
	}
	return rc;
}

int vhd_writer_poisoned_locked(struct vhd_writer *w, struct vhd_error *err)
{
	int rc;

	if (!atomic_load(&w->poisoned))
		return 0;
	rc = vhd_fail(err, VHD_E_POISONED,
		      "writing stopped when metadata could not be written: %s",
		      w->poison.msg);
	if (err) {
		err->os_errno = w->poison.os_errno;
		err->off = w->poison.off;
	}
	return rc;
}

bool vhd_writer_touched(const struct vhd_writer *w)
{
	return atomic_load(&w->touched);
}

static int touch_locked(struct vhd_writer *w, struct vhd_error *err)
{
	struct vhd_error why = { 0 };
	int rc = 0;

	if (vhd_writer_touched(w))
		return 0;
	if (w->ops->touch)
		rc = w->ops->touch(w->eng, &why);
	if (rc)
		return vhd_writer_failed(w, rc, &why, err);
	atomic_store(&w->touched, true);
	return 0;
}

int vhd_writer_ready(struct vhd_writer *w, struct vhd_error *err)
{
	int rc = 0;

	if (atomic_load_explicit(&w->poisoned, memory_order_acquire)) {
		pthread_mutex_lock(&w->lock);
		rc = vhd_writer_poisoned_locked(w, err);
		pthread_mutex_unlock(&w->lock);
		return rc;
	}
	if (atomic_load_explicit(&w->touched, memory_order_acquire))
		return 0;
	pthread_mutex_lock(&w->touch);
	rc = touch_locked(w, err);
	pthread_mutex_unlock(&w->touch);
	return rc;
}

struct vhd_grace_token vhd_writer_enter(struct vhd_writer *w)
{
	return vhd_grace_enter(&w->grace);
}

void vhd_writer_leave(struct vhd_writer *w, struct vhd_grace_token token)
{
	vhd_grace_leave(&w->grace, token);
}

void vhd_writer_need_barrier(struct vhd_writer *w)
{
	w->barrier = true;
}
