/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One pass over the disk, asking the upper layers together: what one of them
 * covers of a layer below is never read.  Nothing is compared.  What the layers
 * hold is written whether the ancestor has it already or not, so the work may be
 * broken off anywhere and done again from any place before that.
 *
 * The pass is a feed of the copy engine (ops/copy.h), and what it finds is
 * written through the ordinary writer of the ancestor, one piece at a time and in
 * order: all before a piece that was written is there.  Holes in the files of the
 * upper layers become zeros, which take no space where there is none; zeros that
 * are stored are written as the data they are.
 *
 * The feed may be ahead of the sink, and in another thread.  Both tell how far
 * the work is, so that is under a lock.
 */
#include "ops/merge_copy.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/ckd.h"
#include "base/fail.h"
#include "image/change.h"
#include "image/rw.h"
#include "image/write.h"
#include "ops/copy.h"
#include "vhd/write.h"

#define COPY_EVERY (256 * MiB)
#define COPY_SECONDS 5

/* A fixed disk writes zeros, and not in one go. */
#define ZERO_STEP (64 * MiB)

/*
 * How far a look may go at first, as in image/rw.c: a layer that has nothing to
 * say looks ahead in vain where the one below it ends the run soon.
 */
#define FIRST_REACH (64 * MiB)

/* Samples of what is claimed to be copied, at both ends of each piece. */
enum { LOOK = 4096, LOOK_EVERY = 256 << 10 };

struct state {
	struct vhd_merge_copy *c;
	/* the feed's: */
	uint64_t pos;		/* the disk up to here has been looked at */
	uint64_t reach;
	/* the sink's: */
	uint64_t done;		/* the disk up to here is copied */
	uint64_t since;		/* bytes written since the last record */
	time_t then;		/* when that was */

	pthread_mutex_t lock;	/* guards what follows, and calls of progress */
	uint64_t under_way;	/* bytes that the feed gave, and not copied */
	uint64_t told;
};

static int tell_locked(struct state *s, uint64_t pos, struct vhd_error *err)
{
	const struct vhd_merge_copy *c = s->c;

	s->told = max_u64(s->told, pos);
	if (!c->progress ||
	    c->progress(c->progress_arg, s->told, vhd_size(c->up)))
		return 0;
	return vhd_fail(err, VHD_E_CANCELLED, "cancelled");
}

static int tell(struct state *s, uint64_t pos, struct vhd_error *err)
{
	int rc;

	pthread_mutex_lock(&s->lock);
	rc = tell_locked(s, pos, err);
	pthread_mutex_unlock(&s->lock);
	return rc;
}

/* Who comes after an interruption goes on from here. */
static int record(struct state *s, struct vhd_error *err)
{
	struct vhd_merge_copy *c = s->c;
	int rc;

	if (!c->reached || !s->since)
		return 0;
	rc = vhd_flush(c->into, err);
	if (!rc)
		rc = c->reached(c->reached_arg, s->done, err);
	s->since = 0;
	s->then = time(NULL);
	return rc;
}

/* [off - n, off) is copied. */
static int step(struct state *s, uint64_t n, uint64_t off,
		struct vhd_error *err)
{
	uint64_t every = s->c->every ? s->c->every : COPY_EVERY;
	int rc;

	s->done = off;
	s->since += n;
	pthread_mutex_lock(&s->lock);
	s->under_way -= n;
	rc = tell_locked(s, off, err);
	pthread_mutex_unlock(&s->lock);
	if (!rc && (s->since >= every ||
		    time(NULL) - s->then >= COPY_SECONDS))
		rc = record(s, err);
	return rc;
}

static int take_data(void *arg, const void *buf, uint64_t len, uint64_t off,
		     struct vhd_error *err)
{
	struct state *s = arg;
	int rc = vhd_pwrite(s->c->into, buf, (size_t)len, off, err);

	return rc ? rc : step(s, len, off + len, err);
}

static int take_zeros(void *arg, uint64_t len, uint64_t off,
		      struct vhd_error *err)
{
	struct state *s = arg;
	int rc = 0;

	while (!rc && len) {
		uint64_t n = min_u64(len, ZERO_STEP - off % ZERO_STEP);

		if (s->c->exact)
			rc = vhd_image_store_zeroes(s->c->into, off, n, err);
		else
			rc = vhd_write_zeroes(s->c->into, off, n, 0, err);
		off += n;
		len -= n;
		if (!rc)
			rc = step(s, n, off, err);
	}
	return rc;
}

static void count(struct state *s, const struct vhd_run *run)
{
	if (run->kind == VHD_RUN_DATA)
		s->c->data_bytes += run->len;
	else
		s->c->zero_bytes += run->len;
	pthread_mutex_lock(&s->lock);
	s->under_way += run->len;
	pthread_mutex_unlock(&s->lock);
}

/* The layers leave all of a run, which ends at the present place, to others. */
static int pass(struct state *s, struct vhd_error *err)
{
	int rc;

	pthread_mutex_lock(&s->lock);
	rc = tell_locked(s, s->under_way ? s->told : s->pos, err);
	pthread_mutex_unlock(&s->lock);
	return rc;
}

static int run_at(const struct state *s, uint64_t len, struct vhd_run *run,
		  uint32_t *layer, struct vhd_error *err)
{
	const struct vhd_merge_copy *c = s->c;

	if (c->look)
		return c->look(c->look_arg, s->pos, len, run, layer, err);
	return vhd_image_upper_run(c->up, c->layers, s->pos, len, run, layer,
				   err);
}

/* *@found_out: it is one for the ancestor; else the run was passed over. */
static int look(struct state *s, struct vhd_extent *ext, bool *found_out,
		struct vhd_error *err)
{
	struct vhd_merge_copy *c = s->c;
	uint64_t left = vhd_size(c->up) - s->pos;
	struct vhd_run run;
	uint32_t layer;
	int rc = run_at(s, min_u64(left, s->reach), &run, &layer, err);

	if (rc)
		return rc;
	*found_out = run.kind != VHD_RUN_PARENT;
	if (*found_out) {
		vhd_extent_set(ext, s->pos, run.len, layer, &run);
		count(s, &run);
	}
	s->pos += run.len;
	s->reach = max_u64(FIRST_REACH, 2 * run.len);
	return *found_out ? 0 : pass(s, err);
}

static int next(void *arg, struct vhd_extent *ext, size_t max, size_t *n_out,
		struct vhd_error *err)
{
	struct state *s = arg;
	size_t n = 0;
	int rc = 0;

	while (!rc && n < max && s->pos < vhd_size(s->c->up)) {
		bool found = false;

		rc = look(s, &ext[n], &found, err);
		n += found;
		if (n && !found)
			break;
	}
	*n_out = n;
	return rc;
}

/* The bytes at @off, @skip into the run. */
static bool same_there(const struct vhd_merge_copy *c, uint32_t layer,
		       const struct vhd_run *run, uint64_t skip, size_t n,
		       uint64_t off)
{
	uint8_t want[LOOK] = { 0 }, have[LOOK];

	if (run->kind == VHD_RUN_DATA &&
	    vhd_io_read_padded(c->up->layers[layer].io, want, n,
			       run->file_off + skip, NULL))
		return false;
	return !vhd_pread(c->into, have, n, off + skip, NULL) &&
	       !memcmp(want, have, n);
}

bool vhd_merge_holds(const struct vhd_merge_copy *c)
{
	uint64_t off = 0;

	while (off < c->from) {
		struct vhd_run run;
		uint32_t layer;
		size_t n;

		if (vhd_image_upper_run(c->up, c->layers, off,
					min_u64(c->from - off, LOOK_EVERY),
					&run, &layer, NULL))
			return false;
		n = (size_t)min_u64(run.len, LOOK);
		if (run.kind != VHD_RUN_PARENT &&
		    (!same_there(c, layer, &run, 0, n, off) ||
		     !same_there(c, layer, &run, run.len - n, n, off)))
			return false;
		off += run.len;
	}
	return true;
}

/* Nothing is moved; what there is to move is counted. */
static int count_all(struct state *s, struct vhd_error *err)
{
	int rc = 0;

	while (!rc && s->pos < vhd_size(s->c->up)) {
		struct vhd_extent ext;
		bool found;

		rc = look(s, &ext, &found, err);
		if (!rc)
			rc = tell(s, s->pos, err);
	}
	return rc;
}

static int copy_all(struct state *s, struct vhd_error *err)
{
	const struct vhd_copy_feed feed = { next, s };
	const struct vhd_copy copy = {
		.src = s->c->up,
		.feed = &feed,
		.data = take_data,
		.zero = take_zeros,
		.arg = s,
		.whole = true,
		.threads = s->c->threads,
	};

	return vhd_copy_run(&copy, NULL, err);
}

int vhd_merge_copy_run(struct vhd_merge_copy *c, struct vhd_error *err)
{
	struct state s = {
		.c = c, .pos = c->from, .reach = FIRST_REACH,
		.then = time(NULL), .lock = PTHREAD_MUTEX_INITIALIZER,
	};
	int rc = tell(&s, c->from, err);

	if (!rc)
		rc = c->into ? copy_all(&s, err) : count_all(&s, err);
	if (!rc)
		rc = tell(&s, vhd_size(c->up), err);
	/* What was done is not done again. */
	if (rc == VHD_E_CANCELLED)
		record(&s, NULL);
	if (!rc && c->into)
		rc = vhd_flush(c->into, err);
	pthread_mutex_destroy(&s.lock);
	return rc;
}

int vhd_merge_write(struct vhd_merge_copy *c, const struct vhd_guid *work,
		    const struct vhd_guid *last, struct vhd_error *err)
{
	int rc = 0;

	if (work)
		rc = vhd_image_identify(c->into, work, err);
	/* The last identity must not be taken for one to begin with. */
	if (!rc && work)
		rc = vhd_writer_ready(c->into->writer, err);
	if (!rc)
		rc = vhd_merge_copy_run(c, err);
	if (!rc && last)
		rc = vhd_image_identify(c->into, last, err);
	return rc;
}
