/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Following a writer.
 *
 * Distances are in bytes that were written, ranges in bytes of the file, and
 * between the two there are the gaps of the writer.  So each STEP that was written
 * makes a mark: how far in the file the writer was.  What lies between two marks
 * is one range, and a ring of marks says which range is how far behind.
 *
 *	forgotten        on its way          not looked at
 *	---------|---------------------|----------------------> written
 *	        FORGET              START                   now
 *
 * Who writes in several threads is not quite in order: what comes late into a range
 * that was started already is left to the flush in the end, and so is what the
 * writer does at the front of the file.  The lock is held for marks only, never
 * while the system is asked for something.
 */
#include <pthread.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "io/cachehint.h"

#define STEP (1 * MiB)

enum {
	START = 8,	/* steps behind */
	FORGET = 32,
	MARKS = 64	/* of the ring; more than FORGET */
};

struct vhd_trail {
	struct vhd_io *io;
	bool forget;
	pthread_mutex_t lock;	/* guards all below */
	uint64_t written;	/* since the last mark */
	uint64_t end;		/* of what was written: highest offset */
	uint64_t count;		/* marks so far */
	uint64_t mark[MARKS];
	bool failed;
	struct vhd_error error;
};

struct span {
	uint64_t off, end;
};

struct vhd_trail *vhd_trail_new(struct vhd_io *io, bool forget)
{
	struct vhd_trail *t = vhd_alloc(sizeof(*t));

	if (!t)
		return NULL;
	t->io = io;
	t->forget = forget;
	if (pthread_mutex_init(&t->lock, NULL) == 0)
		return t;
	vhd_free(t);
	return NULL;
}

void vhd_trail_free(struct vhd_trail *t)
{
	if (!t)
		return;
	pthread_mutex_destroy(&t->lock);
	vhd_free(t);
}

/* Between two marks, the last of them @behind steps ago; empty: not so many. */
static struct span between(const struct vhd_trail *t, uint64_t behind)
{
	uint64_t n = t->count - behind;

	if (t->count <= behind)
		return (struct span){ 0, 0 };
	return (struct span){ n > 1 ? t->mark[(n - 2) % MARKS] : 0,
			      t->mark[(n - 1) % MARKS] };
}

static int fail_before(struct vhd_trail *t, struct vhd_error *err)
{
	if (err)
		*err = t->error;
	return t->error.code;
}

/* Forgets, and remembers when that fails. */
static int forget(struct vhd_trail *t, uint64_t off, uint64_t len,
		  struct vhd_error *err)
{
	struct vhd_error why = { .code = VHD_OK };
	int rc = vhd_io_forget(t->io, off, len, &why);

	if (!rc)
		return 0;
	pthread_mutex_lock(&t->lock);
	if (!t->failed)
		t->error = why;
	t->failed = true;
	pthread_mutex_unlock(&t->lock);
	return fail_before(t, err);
}

int vhd_trail_wrote(struct vhd_trail *t, uint64_t off, uint64_t len,
		    struct vhd_error *err)
{
	struct span start = { 0, 0 }, old = { 0, 0 };
	uint64_t end;
	bool failed;

	if (ckd_add(&end, off, len))
		end = UINT64_MAX;
	pthread_mutex_lock(&t->lock);
	failed = t->failed;
	t->end = max_u64(t->end, end);
	t->written += len;
	if (t->written >= STEP) {
		t->written = 0;
		t->mark[t->count++ % MARKS] = t->end;
		start = between(t, START);
		old = between(t, FORGET);
	}
	pthread_mutex_unlock(&t->lock);
	if (failed)
		return fail_before(t, err);
	if (start.end > start.off)
		vhd_io_writeback_start(t->io, start.off, start.end - start.off);
	if (t->forget && old.end > old.off)
		return forget(t, old.off, old.end - old.off, err);
	return 0;
}

int vhd_trail_end(struct vhd_trail *t, struct vhd_error *err)
{
	if (t->failed)
		return fail_before(t, err);
	if (t->forget)
		return forget(t, 0, 0, err);
	vhd_io_writeback_start(t->io, 0, 0);
	return 0;
}
