/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The threads that serve the kernel's requests.
 *
 * Each reads a request, answers it itself, and reads the next: three system
 * calls, and no hand-over from one thread to another.  As many as there are
 * processors do best while answers come from memory, and every one more costs,
 * because the kernel wakes whoever has slept longest.  But when requests wait for
 * a disk, that few cannot keep it busy: then, and for a moment after, reserves
 * help.
 *
 * (Asking again and again instead of sleeping was tried: it gains a little on an
 * idle machine, and loses much on a busy one, where it keeps a processor that the
 * client needs.  docs/performance.md)
 */
#include "loop.h"

#include <errno.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#endif

/* Gets a thread out of the read it sleeps in. */
#define WAKE_SIGNAL SIGUSR1

/*
 * A request is slow when it takes longer than this, and longer than its bytes
 * can be copied in.  One alone may have lost the processor for a while; if every
 * fifth is, the disk is what we wait for, and go on doing for a moment.
 */
#define SLOW_NS 100000
#define SLOW_NS_PER_BYTE 1
#define SLOW_SCORE 4
#define SLOW_ENOUGH 8
#define SLOW_FOR_NS 50000000

/* What reserves fill up to. */
#define MANY 8u

/* How often a reserve looks whether all others are stuck, while requests come. */
#define WATCH_NS 20000000
#define WATCH_IDLE 50u

/* What a usual thread is at; each in a cache line of its own. */
struct desk {
	_Alignas(64) _Atomic int64_t busy_since;	/* 0: waits for work */
};

struct loop {
	struct fuse_session *se;
	int done;
	unsigned int started;
	unsigned int usual;		/* threads that are always there */
	pthread_t *thread;
	atomic_uint next;		/* number of the next thread */
	atomic_bool over;
	pthread_mutex_t lock;
	pthread_cond_t call;		/* for reserves */
	atomic_uint resting;
	atomic_bool watched;		/* a reserve looks at the desks */
	struct desk desk[MANY];
	_Atomic int64_t slow_until;
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void call_reserves(struct loop *l)
{
	pthread_mutex_lock(&l->lock);
	pthread_cond_broadcast(&l->call);
	pthread_mutex_unlock(&l->lock);
}

static void call_one(struct loop *l)
{
	pthread_mutex_lock(&l->lock);
	pthread_cond_signal(&l->call);
	pthread_mutex_unlock(&l->lock);
}

static void end_all(struct loop *l)
{
	uint64_t one = 1;

	if (atomic_exchange(&l->over, true))
		return;
	call_reserves(l);
	if (write(l->done, &one, sizeof(one)) < 0)
		abort();	/* an eventfd takes a 1 */
}

static bool is_slow(struct loop *l)
{
	return now_ns() < atomic_load(&l->slow_until);
}

static void slow_since(struct loop *l, int64_t now)
{
	atomic_store(&l->slow_until, now + SLOW_FOR_NS);
	if (atomic_load(&l->resting) != 0)
		call_reserves(l);
}

enum desks { ALL_IDLE, SOME_BUSY, ALL_STUCK };

static enum desks look_at_desks(const struct loop *l)
{
	int64_t now = now_ns();
	unsigned int busy = 0, stuck = 0;

	for (unsigned int i = 0; i < l->usual; i++) {
		int64_t since = atomic_load(&l->desk[i].busy_since);

		busy += since != 0;
		stuck += since != 0 && now - since > WATCH_NS;
	}
	if (stuck == l->usual)
		return ALL_STUCK;
	return busy != 0 ? SOME_BUSY : ALL_IDLE;
}

static void wait_a_moment(struct loop *l)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += WATCH_NS;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_cond_timedwait(&l->call, &l->lock, &until);
}

/*
 * While requests come, one reserve has an eye on the others: when they all wait
 * for something that does not come, somebody has to answer the rest.  Called and
 * left with the lock held.
 */
static void watch(struct loop *l)
{
	unsigned int idle = 0;

	atomic_store(&l->watched, true);
	while (idle < WATCH_IDLE && !is_slow(l) && !atomic_load(&l->over)) {
		enum desks desks = look_at_desks(l);

		idle = desks == ALL_IDLE ? idle + 1 : 0;
		if (desks == ALL_STUCK) {
			atomic_store(&l->slow_until, now_ns() + SLOW_FOR_NS);
			pthread_cond_broadcast(&l->call);
		} else {
			wait_a_moment(l);
		}
	}
	atomic_store(&l->watched, false);
}

/* A reserve sleeps until it is needed. */
static void rest(struct loop *l)
{
	pthread_mutex_lock(&l->lock);
	atomic_fetch_add(&l->resting, 1);
	while (!is_slow(l) && !atomic_load(&l->over)) {
		pthread_cond_wait(&l->call, &l->lock);
		if (!atomic_load(&l->watched))
			watch(l);
	}
	atomic_fetch_sub(&l->resting, 1);
	pthread_mutex_unlock(&l->lock);
}

/* Requests that will wait for the disk. */
static bool takes_long(const struct fuse_buf *buf)
{
	const struct fuse_in_header *in = buf->mem;

	return in->opcode == FUSE_FSYNC || in->opcode == FUSE_FALLOCATE;
}

static int64_t fair_time(const struct fuse_buf *buf)
{
	const struct fuse_in_header *in = buf->mem;
	const struct fuse_read_in *arg = (const void *)(in + 1);
	size_t bytes = in->opcode == FUSE_READ ? arg->size : buf->size;

	return SLOW_NS + (int64_t)bytes * SLOW_NS_PER_BYTE;
}

/* @score: of this thread, how slow it has been; @desk: NULL for a reserve */
static void serve(struct loop *l, struct fuse_buf *buf, int *score,
		  struct desk *desk)
{
	int64_t start = now_ns(), fair = fair_time(buf), end;

	if (desk != NULL)
		atomic_store_explicit(&desk->busy_since, start,
				      memory_order_relaxed);
	if (takes_long(buf))
		slow_since(l, start);
	else if (!atomic_load_explicit(&l->watched, memory_order_relaxed) &&
		 atomic_load(&l->resting) != 0)
		call_one(l);
	fuse_session_process_buf(l->se, buf);
	end = now_ns();
	if (desk != NULL)
		atomic_store_explicit(&desk->busy_since, 0,
				      memory_order_relaxed);
	if (end - start <= fair) {
		*score -= *score > 0;
		return;
	}
	*score += SLOW_SCORE;
	if (*score < SLOW_ENOUGH)
		return;
	*score = SLOW_ENOUGH;
	slow_since(l, end);
}

static void *work(void *arg)
{
	struct loop *l = arg;
	unsigned int number = atomic_fetch_add(&l->next, 1);
	bool reserve = number >= l->usual;
	struct fuse_buf buf;
	int score = 0;

	memset(&buf, 0, sizeof(buf));
	/* The kernel may wait for us to get memory free: do not wait for it. */
	prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
	while (!fuse_session_exited(l->se)) {
		int rc;

		if (reserve && !is_slow(l)) {
			rest(l);
			continue;
		}
		rc = fuse_session_receive_buf(l->se, &buf);
		if (rc > 0)
			serve(l, &buf, &score,
			      reserve ? NULL : &l->desk[number]);
		else if (rc != -EINTR && rc != -EAGAIN)
			break;
	}
	end_all(l);
	free(buf.mem);
	return NULL;
}

static unsigned int at_most(unsigned int n, unsigned int max)
{
	return n < max ? n : max;
}

/* As many as processors, and at least two: one may wait. */
static unsigned int usual_number(unsigned int threads)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	return at_most(cpus < 2 ? 2 : cpus > MANY ? MANY : (unsigned int)cpus,
		       threads);
}

static void ignore(int sig)
{
	(void)sig;
}

/* A handler, and no restart: reads end with EINTR. */
static int catch_wake_signal(void)
{
	struct sigaction act;

	memset(&act, 0, sizeof(act));
	act.sa_handler = ignore;
	sigemptyset(&act.sa_mask);
	return sigaction(WAKE_SIGNAL, &act, NULL);
}

struct loop *loop_start(struct fuse_session *se, unsigned int threads,
			int done)
{
	struct loop *l = aligned_alloc(64, sizeof(*l));
	pthread_condattr_t attr;

	if (l == NULL)
		return NULL;
	memset(l, 0, sizeof(*l));
	if (threads == 0)
		threads = MANY;
	l->se = se;
	l->done = done;
	l->usual = usual_number(threads);
	pthread_mutex_init(&l->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&l->call, &attr);
	pthread_condattr_destroy(&attr);
	l->thread = calloc(threads, sizeof(*l->thread));
	if (l->thread != NULL && catch_wake_signal() == 0) {
		while (l->started < threads &&
		       pthread_create(&l->thread[l->started], NULL, work,
				      l) == 0)
			l->started++;
	}
	if (l->started != 0)
		return l;
	free(l->thread);
	free(l);
	return NULL;
}

/* A signal that comes just before the read does not end it: hence again. */
static void wake_and_join(pthread_t thread)
{
	struct timespec until;

	do {
		pthread_kill(thread, WAKE_SIGNAL);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 20000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
	} while (pthread_timedjoin_np(thread, NULL, &until) == ETIMEDOUT);
}

void loop_stop(struct loop *l)
{
	fuse_session_exit(l->se);
	end_all(l);
	for (unsigned int i = 0; i < l->started; i++)
		wake_and_join(l->thread[i]);
	free(l->thread);
	free(l);
}
