/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The threads that serve the kernel's requests.
 *
 * A request that is answered from memory takes a few microseconds, waking a
 * sleeping thread takes more.  So one thread, the leader, takes requests and
 * answers them itself, one after the other, and for a moment after the last it
 * keeps asking instead of going to sleep.  The others sleep.
 *
 * When requests take long (the disk has to be read, megabytes are copied, a
 * flush is waited for) the leader wakes another one before it turns to its
 * request, and so on: then as many are served at once as there are threads.
 * Whoever is done looks for the next request himself and sleeps when there is
 * none and there is a leader.
 */
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#endif

/* A request that takes longer is slow; so are those soon after it. */
#define SLOW_NS 60000
#define SLOW_FOR_NS 20000000

/* The leader asks again for so long when requests come at least so often. */
#define SPIN_NS 50000

/* After so many requests without a pause there is work for one more. */
#define STREAK 256u

struct loop {
	struct fuse_session *se;
	int fd;
	int stop;		/* eventfd: wakes a leader that sleeps */
	int done;
	unsigned int threads;
	bool spin;
	pthread_t *thread;
	pthread_mutex_t lock;
	pthread_cond_t free;	/* there is no leader */
	bool has_leader;
	bool over;
	_Atomic int64_t slow_until;
};

struct worker {
	struct loop *l;
	bool leader;
	unsigned int streak;
	int64_t gap;		/* how long the last wait was */
	struct fuse_buf buf;
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* False when all is over. */
static bool take_lead(struct worker *w)
{
	struct loop *l = w->l;

	pthread_mutex_lock(&l->lock);
	while (l->has_leader && !l->over)
		pthread_cond_wait(&l->free, &l->lock);
	w->leader = !l->over;
	l->has_leader |= w->leader;
	pthread_mutex_unlock(&l->lock);
	return w->leader;
}

static void pass_lead(struct worker *w)
{
	struct loop *l = w->l;

	pthread_mutex_lock(&l->lock);
	l->has_leader = false;
	w->leader = false;
	pthread_cond_signal(&l->free);
	pthread_mutex_unlock(&l->lock);
}

static void end_all(struct loop *l)
{
	uint64_t one = 1;
	bool first;

	pthread_mutex_lock(&l->lock);
	first = !l->over;
	l->over = true;
	pthread_cond_broadcast(&l->free);
	pthread_mutex_unlock(&l->lock);
	if (first && write(l->done, &one, sizeof(one)) < 0)
		abort();	/* an eventfd takes a 1 */
}

/* The requests whose answer is known to take time. */
static bool takes_long(const struct fuse_buf *buf)
{
	const struct fuse_in_header *in = buf->mem;

	switch (in->opcode) {
	case FUSE_FSYNC:
	case FUSE_FSYNCDIR:
	case FUSE_FALLOCATE:
	case FUSE_LSEEK:
	case FUSE_GETATTR:
	case FUSE_LOOKUP:
		return true;
	default:
		return buf->size > (128u << 10);
	}
}

static void serve(struct worker *w)
{
	struct loop *l = w->l;
	int64_t start = now_ns(), end;

	if (w->leader && l->threads > 1 &&
	    (start < atomic_load_explicit(&l->slow_until,
					  memory_order_relaxed) ||
	     w->streak >= STREAK || takes_long(&w->buf))) {
		pass_lead(w);
		w->streak = 0;
	}
	fuse_session_process_buf(l->se, &w->buf);
	end = now_ns();
	w->streak++;
	if (end - start > SLOW_NS)
		atomic_store_explicit(&l->slow_until, end + SLOW_FOR_NS,
				      memory_order_relaxed);
}

/* Sleeps until there may be a request.  Only the leader does. */
static void sleep_on(struct loop *l)
{
	struct pollfd p[2] = { { .fd = l->fd, .events = POLLIN },
			       { .fd = l->stop, .events = POLLIN } };

	if (poll(p, 2, -1) < 0 && errno != EINTR)
		fuse_session_exit(l->se);
	if (p[1].revents != 0)
		fuse_session_exit(l->se);
}

/*
 * The leader found nothing.  Ask again for a moment, if requests have been
 * coming that fast; sleep else.  Returns what reading returned.
 */
static int wait_for_request(struct worker *w)
{
	struct loop *l = w->l;
	int64_t start = now_ns(), now = start;
	int rc = -EAGAIN;

	if (l->spin && w->gap < SPIN_NS) {
		while (rc == -EAGAIN && now - start < SPIN_NS) {
			rc = fuse_session_receive_buf(l->se, &w->buf);
			now = now_ns();
		}
	}
	while (rc == -EAGAIN && !fuse_session_exited(l->se)) {
		sleep_on(l);
		rc = fuse_session_receive_buf(l->se, &w->buf);
	}
	/* An average, so that one pause does not end a busy time. */
	w->gap = (w->gap * 3 + (now_ns() - start)) / 4;
	return rc;
}

static void *work(void *arg)
{
	struct worker w = { .l = arg };

	/* The kernel may wait for us to get memory free: do not wait for it. */
	prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
	w.gap = SPIN_NS;
	while (!fuse_session_exited(w.l->se)) {
		int rc = fuse_session_receive_buf(w.l->se, &w.buf);

		if (rc == -EAGAIN) {
			w.streak = 0;
			if (!w.leader) {
				if (!take_lead(&w))
					break;
				continue;
			}
			rc = wait_for_request(&w);
		}
		if (rc > 0)
			serve(&w);
		else if (rc != -EINTR && rc != -EAGAIN)
			break;
	}
	end_all(w.l);
	free(w.buf.mem);
	return NULL;
}

static unsigned int good_number(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	/* More than CPUs, for those that wait for a disk. */
	return cpus < 4 ? 8 : cpus > 8 ? 16 : (unsigned int)cpus * 2;
}

static struct loop *make(struct fuse_session *se, unsigned int threads,
			 int done)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->threads = threads != 0 ? threads : good_number();
	l->thread = calloc(l->threads, sizeof(*l->thread));
	l->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	l->se = se;
	l->fd = fuse_session_fd(se);
	l->done = done;
	l->spin = sysconf(_SC_NPROCESSORS_ONLN) > 1;
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->free, NULL);
	if (l->thread != NULL && l->stop >= 0 &&
	    fcntl(l->fd, F_SETFL, fcntl(l->fd, F_GETFL) | O_NONBLOCK) == 0)
		return l;
	if (l->stop >= 0)
		close(l->stop);
	free(l->thread);
	free(l);
	return NULL;
}

struct loop *loop_start(struct fuse_session *se, unsigned int threads,
			int done)
{
	struct loop *l = make(se, threads, done);
	unsigned int n;

	if (l == NULL)
		return NULL;
	for (n = 0; n < l->threads; n++) {
		if (pthread_create(&l->thread[n], NULL, work, l) != 0)
			break;
	}
	l->threads = n;
	if (n != 0)
		return l;
	loop_stop(l);
	return NULL;
}

void loop_stop(struct loop *l)
{
	uint64_t one = 1;

	fuse_session_exit(l->se);
	if (write(l->stop, &one, sizeof(one)) < 0)
		abort();	/* an eventfd takes a 1 */
	for (unsigned int i = 0; i < l->threads; i++)
		pthread_join(l->thread[i], NULL);
	close(l->stop);
	pthread_cond_destroy(&l->free);
	pthread_mutex_destroy(&l->lock);
	free(l->thread);
	free(l);
}
