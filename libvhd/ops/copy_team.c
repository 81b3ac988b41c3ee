/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several threads on one copy.
 *
 * Each takes the next piece, reads and scans it, waits until it is that piece's
 * turn, hands it out, and then writes it where it was told to.  So reading and
 * writing overlap, and yet places are given in the order of the feed: the file
 * that comes out does not depend on the number of threads.
 *
 * Invariants:
 *
 *	T1  every piece that was taken gets its turn, whatever has failed
 *	T2  the first failure is kept; nothing is handed out after it
 */
#include <pthread.h>
#include <signal.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "io/io.h"
#include "ops/copy_priv.h"

enum { MAX_THREADS = 32 };

struct team {
	const struct vhd_copy *copy;
	pthread_mutex_t taking;		/* guards cutter, taken, ended */
	struct vhd_cutter *cutter;
	uint64_t taken;
	bool ended;
	pthread_mutex_t lock;		/* guards turn, rc and error */
	pthread_cond_t moved;
	uint64_t turn;
	int rc;
	struct vhd_error error;
	struct vhd_giver *giver;	/* belongs to who has the turn */
	pthread_mutex_t writing;	/* see write_out() */
	bool one_writes;
};

static void failed(struct team *t, int rc, const struct vhd_error *why)
{
	pthread_mutex_lock(&t->lock);
	if (!t->rc) {
		t->rc = rc;
		t->error = *why;
	}
	pthread_mutex_unlock(&t->lock);
}

/* The next piece and its number; false when there is none. */
static bool take(struct team *t, struct vhd_piece *p, uint64_t *nr_out)
{
	struct vhd_error why = { .code = VHD_OK };
	int rc = 0;

	pthread_mutex_lock(&t->taking);
	if (!t->ended) {
		rc = vhd_cut(t->cutter, p, &why);
		if (!rc && p->chunks && t->copy->stored_once)
			rc = vhd_piece_read(t->copy, p, &why);
		t->ended = rc || !p->chunks;
		*nr_out = t->taken;
		t->taken += !t->ended;
	}
	if (t->ended)
		p->chunks = 0;
	pthread_mutex_unlock(&t->taking);
	if (rc)
		failed(t, rc, &why);
	return p->chunks;
}

/* Returns false when something has failed before. */
static bool wait_turn(struct team *t, uint64_t nr)
{
	bool go;

	pthread_mutex_lock(&t->lock);
	while (t->turn != nr)
		pthread_cond_wait(&t->moved, &t->lock);
	go = !t->rc;
	pthread_mutex_unlock(&t->lock);
	return go;
}

static void end_turn(struct team *t)
{
	pthread_mutex_lock(&t->lock);
	t->turn++;
	pthread_cond_broadcast(&t->moved);
	pthread_mutex_unlock(&t->lock);
}

static bool is_failed(struct team *t)
{
	bool bad;

	pthread_mutex_lock(&t->lock);
	bad = t->rc;
	pthread_mutex_unlock(&t->lock);
	return bad;
}

/*
 * A file system lets one thread write to a file at a time, and those who wait
 * for that burn time.  Here they sleep.
 */
static int write_out(struct team *t, const struct vhd_piece *p,
		     struct vhd_error *err)
{
	int rc;

	if (t->one_writes)
		pthread_mutex_lock(&t->writing);
	rc = vhd_give_write(t->copy, p, err);
	if (t->one_writes)
		pthread_mutex_unlock(&t->writing);
	return rc;
}

static void do_piece(struct team *t, struct vhd_piece *p, uint64_t nr)
{
	struct vhd_error why = { .code = VHD_OK };
	int rc = 0;

	if (!t->copy->stored_once)
		rc = vhd_piece_read(t->copy, p, &why);
	if (!rc)
		vhd_piece_scan(t->copy, p);
	if (!wait_turn(t, nr)) {
		end_turn(t);
		return;
	}
	if (!rc)
		rc = vhd_give(t->giver, p, &why);
	if (rc)
		failed(t, rc, &why);
	end_turn(t);
	if (rc || !t->copy->place)
		return;
	rc = write_out(t, p, &why);
	if (rc)
		failed(t, rc, &why);
}

static void *work(void *arg)
{
	struct team *t = arg;
	struct vhd_piece *p = vhd_piece_new();
	uint64_t nr;

	/* One thread less; the caller has its piece already. */
	while (p && !is_failed(t) && take(t, p, &nr))
		do_piece(t, p, nr);
	vhd_piece_free(p);
	return NULL;
}

/* Signals are for the caller's threads.  Fewer helpers will do, too. */
static uint32_t start(struct team *t, pthread_t *thread, uint32_t count)
{
	sigset_t all, old;
	uint32_t n = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (n < count && !pthread_create(&thread[n], NULL, work, t))
		n++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return n;
}

int vhd_copy_team(struct vhd_cutter *c, struct vhd_giver *g,
		  struct vhd_error *err)
{
	struct team t = {
		.copy = c->copy, .cutter = c, .giver = g,
		.taking = PTHREAD_MUTEX_INITIALIZER,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.moved = PTHREAD_COND_INITIALIZER,
		.writing = PTHREAD_MUTEX_INITIALIZER,
		.one_writes = c->copy->into && vhd_io_fd(c->copy->into) >= 0,
	};
	pthread_t thread[MAX_THREADS];
	uint32_t want = c->copy->threads, n;
	struct vhd_piece *p = vhd_piece_new();
	uint64_t nr;

	if (!p)
		return vhd_fail_nomem(err);
	n = start(&t, thread, (want > MAX_THREADS ? MAX_THREADS : want) - 1);
	while (!is_failed(&t) && take(&t, p, &nr))
		do_piece(&t, p, nr);
	while (n--)
		pthread_join(thread[n], NULL);
	vhd_piece_free(p);
	if (t.rc && err)
		*err = t.error;
	return t.rc;
}
