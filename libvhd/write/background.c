/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Metadata does not wait in memory for long: killing the process, not the
 * machine, costs at most the last second of what was not flushed.  A thread sees
 * to that if the caller wants one; else the calls that make more metadata wait
 * do, and the caller's timer through vhd_writeback().
 */
#include <signal.h>
#include <time.h>

#include "write/writer_priv.h"

enum {
	WAIT_MS = 500,		/* with a thread */
	OVERDUE_MS = 900	/* without */
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void sleep_locked(struct vhd_writer *w, int64_t until_ms)
{
	struct timespec ts = {
		.tv_sec = (time_t)(until_ms / 1000),
		.tv_nsec = (long)(until_ms % 1000) * 1000000,
	};

	pthread_cond_timedwait(&w->wake, &w->lock, &ts);
}

static void *thread_main(void *arg)
{
	struct vhd_writer *w = arg;

	pthread_mutex_lock(&w->lock);
	while (!w->stop) {
		int64_t now = now_ms();

		if (!w->waiting_since) {
			pthread_cond_wait(&w->wake, &w->lock);
		} else if (now < w->waiting_since + WAIT_MS) {
			sleep_locked(w, w->waiting_since + WAIT_MS);
		} else {
			/* A failure that may pass is tried again later. */
			w->waiting_since = now;
			pthread_mutex_unlock(&w->lock);
			vhd_writer_commit(w, VHD_COMMIT_LAZY, NULL);
			pthread_mutex_lock(&w->lock);
			if (atomic_load(&w->poisoned))
				w->waiting_since = 0;
		}
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* All signals stay with the threads of the program. */
static bool thread_start(struct vhd_writer *w)
{
	sigset_t all, old;
	bool ok;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ok = !pthread_create(&w->thread, NULL, thread_main, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return ok;
}

void vhd_writer_waiting_locked(struct vhd_writer *w)
{
	if (w->waiting_since)
		return;
	w->waiting_since = now_ms();
	if (!w->want_thread || w->stop)
		return;
	/* Without one, calls do its work: see vhd_writer_overdue(). */
	if (!w->has_thread)
		w->has_thread = thread_start(w);
	if (w->has_thread)
		pthread_cond_signal(&w->wake);
}

int vhd_writer_overdue(struct vhd_writer *w, struct vhd_error *err)
{
	bool due;

	pthread_mutex_lock(&w->lock);
	due = !w->has_thread && w->waiting_since && !w->running &&
	      now_ms() >= w->waiting_since + OVERDUE_MS;
	pthread_mutex_unlock(&w->lock);
	return due ? vhd_writer_commit(w, VHD_COMMIT_LAZY, err) : 0;
}

void vhd_writer_thread_stop(struct vhd_writer *w)
{
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	if (w->has_thread)
		pthread_join(w->thread, NULL);
	w->has_thread = false;
}
