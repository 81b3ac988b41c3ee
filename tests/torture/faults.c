/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything fails once: the n-th read, write, flush, change of size, zeroing
 * and allocation during a fixed piece of work, for every n; alone, or with all
 * that come after it; as a broken or as a full disk.  And the file gets no
 * longer than so much, for every so much, until there is room again.
 *
 * Whatever happens, a call that fails says why, the handle goes on or says that
 * it cannot, and what is in the file afterwards is an image without errors that
 * holds what was flushed.
 *
 *	faults --type vhdx-diff --step 1
 *
 * looks at every n, --step 7 at every seventh, --at 17 at n = 17 alone.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "torture/faults.h"

struct options {
	uint64_t step, at;
};

/* A type with an image that has seen some use, to be failed upon. */
struct faults {
	const struct options *opts;
	struct torture_file *base;
	struct torture_file *copy;
	uint64_t *base_holds;
	struct fault_disk disk;
	uint64_t runs, silent;
};

typedef void (*work_fn)(struct fault_disk *d);

static uint64_t block_secs(const struct fault_disk *d)
{
	return d->shape.block / FAULT_SEC;
}

/* New blocks, new bits, space that is given back and used again. */
static void work(struct fault_disk *d)
{
	fault_write(d, 0, 8, 16);
	fault_write(d, 1, 3, 10);
	fault_write(d, 3, 0, 8);
	fault_flush(d);
	fault_write(d, 1, 13, 20);
	fault_write(d, 6, 100, 1);
	fault_write(d, 8, 0, 64);
	fault_write(d, 10, 5, 5);
	fault_writeback(d);
	fault_discard(d, 2, 0, block_secs(d));
	fault_discard(d, 0, 10, 100);
	fault_flush(d);
	fault_write(d, 4, 1, 3);
	fault_write(d, 7, 9, 3);
	fault_flush(d);
	fault_zero(d, 3, 0, block_secs(d), 0);
	fault_zero(d, 5, 60, 37, VHD_ZERO_KEEP);
	fault_write(d, 9, 900, 11);
	fault_move(d, 11, 7, 9, true);
	fault_move(d, 11, 40, 8, false);
	fault_writeback(d);
	fault_write(d, 2, 0, block_secs(d));
	fault_flush(d);
	fault_discard(d, 8, 0, block_secs(d));
	fault_write(d, 3, 17, 2);
	fault_flush(d);
	fault_write(d, 8, 17, 2);
	fault_write(d, 5, 0, 8);
	fault_writeback(d);
	fault_write(d, 10, 90, 8);
}

/* Enough commits for a log to be full, and full again. */
static void work_long(struct fault_disk *d)
{
	for (unsigned i = 0; i < 72; i++) {
		unsigned blk = i * 5 % 12;

		if (i % 3 == 2)
			fault_discard(d, blk, 0, block_secs(d));
		else
			fault_write(d, blk, 8 * i, 3);
		if (d->content > CONTENT_LAST - 4)
			d->content = CONTENT_FIRST + 1;
		if (i % 7)
			fault_flush(d);
		else
			fault_writeback(d);
	}
}

static void base_again(struct faults *f)
{
	struct fault_disk *d = &f->disk;

	torture_file_copy(d->file, f->base);
	memcpy(d->live, f->base_holds, d->sectors * sizeof(*d->live));
	memcpy(d->durable, f->base_holds, d->sectors * sizeof(*d->live));
	d->plan = (struct vhd_fault_plan){ 0 };
	d->content = CONTENT_FIRST + 1;
	d->failures = 0;
	d->poisoned = d->closed_well = false;
}

/* What is left is an image, to read from and to write to. */
static void look_back(struct fault_disk *d)
{
	struct torture_open how = { .cache = 1 };
	struct vhd_image *img;
	struct vhd_error err;
	uint8_t bytes[FAULT_SEC];

	torture_check(d->file, &d->parent);
	img = torture_open(d->file, &d->parent, &how);
	fault_verify(d, img, d->durable, "after it was opened again");
	vhd_close(&img, NULL);
	how.flags = VHD_OPEN_RDWR;
	img = torture_open(d->file, &d->parent, &how);
	fault_verify(d, img, d->durable, "after it was opened for writing");
	fault_stamp(CONTENT_LAST, 77, bytes);
	torture_ok(vhd_pwrite(img, bytes, sizeof(bytes),
			      torture_guest(&d->shape, 77 * FAULT_SEC), &err),
		   "writing again", &err);
	torture_ok(vhd_close(&img, &err), "closing again", &err);
	d->durable[77] = UINT64_C(1) << CONTENT_LAST;
	torture_check(d->file, &d->parent);
	how.flags = 0;
	img = torture_open(d->file, &d->parent, &how);
	fault_verify(d, img, d->durable, "after it was written to again");
	vhd_close(&img, NULL);
}

static void work_and_close(struct fault_disk *d, work_fn fn)
{
	if (!fault_open(d))
		return;
	fn(d);
	/* What passes has passed: all is well after all. */
	fault_flush(d);
	fault_close(d);
}

struct way {
	const char *what;
	uint32_t kinds;
	int os_errno;
	bool sticky;
};

static const struct way ways[] = {
	{ "write", VHD_FAULT_WRITE, EIO, false },
	{ "write", VHD_FAULT_WRITE, EIO, true },
	{ "write", VHD_FAULT_WRITE, ENOSPC, false },
	{ "write", VHD_FAULT_WRITE, ENOSPC, true },
	{ "flush", VHD_FAULT_FLUSH, EIO, false },
	{ "flush", VHD_FAULT_FLUSH, EIO, true },
	{ "flush", VHD_FAULT_FLUSH, ENOSPC, false },
	{ "flush", VHD_FAULT_FLUSH, ENOSPC, true },
	{ "size", VHD_FAULT_SIZE, EIO, false },
	{ "size", VHD_FAULT_SIZE, EIO, true },
	{ "size", VHD_FAULT_SIZE, ENOSPC, false },
	{ "size", VHD_FAULT_SIZE, ENOSPC, true },
	{ "zero", VHD_FAULT_ZERO, EIO, false },
	{ "zero", VHD_FAULT_ZERO, EIO, true },
	{ "zero", VHD_FAULT_ZERO, ENOSPC, false },
	{ "zero", VHD_FAULT_ZERO, ENOSPC, true },
	{ "read", VHD_FAULT_READ, EIO, false },
	{ "read", VHD_FAULT_READ, EIO, true },
	{ "allocation", 0, 0, false },
	{ "allocation", 0, 0, true },
};

/* A failure that comes alone and may pass fails one call and nothing else. */
static void judge(struct faults *f, const struct way *w)
{
	const struct fault_disk *d = &f->disk;
	bool passes = w->kinds != VHD_FAULT_FLUSH && w->os_errno != EIO;

	if (!d->failures)
		f->silent++;
	if (!d->failures && w->kinds == VHD_FAULT_FLUSH)
		torture_fail("nobody says that a flush failed");
	if (passes && d->poisoned)
		torture_fail("what may pass is final");
	if (!w->sticky && !d->poisoned && d->failures > 1)
		torture_fail("one failure makes %u calls fail", d->failures);
	if (d->img)
		torture_fail("the image is still there");
}

/* False when the work is over before the n-th. */
static bool once(struct faults *f, const struct way *w, work_fn fn, uint64_t n)
{
	struct fault_disk *d = &f->disk;
	uint64_t count;

	torture_context("faults --type %s --at %" PRIu64 " (%s fails with %s"
			"%s%s)", d->shape.type->name, n, w->what,
			w->os_errno ? strerror(w->os_errno) : "no memory",
			w->sticky ? ", and all that come after it" : "",
			fn == work_long ? "; the long work" : "");
	base_again(f);
	d->os_errno = w->os_errno;
	d->plan.kinds = w->kinds;
	d->plan.fail_at = n;
	d->plan.sticky = w->sticky;
	d->plan.os_errno = w->os_errno;
	if (!w->os_errno)
		fault_alloc_arm(n, w->sticky);
	work_and_close(d, fn);
	count = w->os_errno ? d->plan.calls : fault_alloc_disarm();
	d->plan.kinds = 0;
	f->runs++;
	if (count < n && d->failures)
		torture_fail("a call fails though nothing did");
	if (count >= n)
		judge(f, w);
	look_back(d);
	return count >= n;
}

static void every(struct faults *f, const struct way *w, work_fn fn,
		  uint64_t step)
{
	uint64_t n = f->opts->at ? f->opts->at :
		     1 + (uint64_t)(w - ways) % step;

	while (once(f, w, fn, n) && !f->opts->at)
		n += step;
}

/* The process is killed: there is an image, with all that was acknowledged. */
static void killed(struct faults *f)
{
	const struct torture_open how = { .cache = 1 };
	struct fault_disk *d = &f->disk;
	struct vhd_image *img;
	struct vhd_error err;

	torture_ok(vhd_writeback(d->img, &err), "writing back in no room",
		   &err);
	torture_file_copy(f->copy, d->file);
	torture_check(f->copy, &d->parent);
	img = torture_open(f->copy, &d->parent, &how);
	fault_verify(d, img, d->live, "after a kill");
	vhd_close(&img, NULL);
}

/*
 * The file may get no longer than @limit.  Calls say so, and what was there is
 * there; with more room the same handle goes on.
 */
static bool cramped(struct faults *f, uint64_t limit, bool size_too)
{
	struct fault_disk *d = &f->disk;
	unsigned failures;

	torture_context("faults --type %s: a file of at most %" PRIu64
			" bytes%s", d->shape.type->name, limit,
			size_too ? "" : ", which may have holes behind");
	base_again(f);
	d->os_errno = ENOSPC;
	d->plan.limit = size_too ? 0 : limit;
	NEED(fault_open(d));
	d->file->limit = size_too ? limit : 0;
	work(d);
	fault_verify(d, d->img, d->live, "while there is no room");
	if (d->poisoned)
		torture_fail("a full disk is final");
	killed(f);
	failures = d->failures;
	d->file->limit = 0;
	d->plan.limit = 0;
	work(d);
	fault_flush(d);
	fault_close(d);
	if (d->failures != failures)
		torture_fail("a call fails though there is room again");
	look_back(d);
	f->runs++;
	return failures;
}

static void cramp(struct faults *f)
{
	uint64_t size = torture_file_size(f->base);
	uint64_t step = f->opts->step * 56 * KiB + FAULT_SEC;

	if (torture_is_fixed(&f->disk.shape))
		return;
	for (uint64_t more = 0; cramped(f, size + more, true); more += step)
		;
	for (uint64_t more = 0; cramped(f, size + more, false); more += step)
		;
	/* The last thing in the file fits in part. */
	size = atomic_load(&f->disk.file->high);
	cramped(f, size - 200, true);
	cramped(f, size - 200, false);
}

static void draw_parent(struct faults *f)
{
	struct fault_disk *d = &f->disk;
	uint8_t *bytes = torture_alloc(d->sectors * FAULT_SEC);

	/* Of every other block the first sectors, and some more. */
	for (uint64_t i = 0; i < d->sectors; i++) {
		if ((i % block_secs(d) > 20 && i % 997 > 5) ||
		    i / block_secs(d) % 4 > 1)
			continue;
		fault_stamp(CONTENT_PARENT, i, bytes + i * FAULT_SEC);
		d->live[i] = UINT64_C(1) << CONTENT_PARENT;
	}
	torture_parent_make(&d->parent, &d->shape, bytes);
	free(bytes);
}

static void base_make(struct faults *f)
{
	struct fault_disk *d = &f->disk;
	bool vhdx = d->shape.type->format == VHD_FORMAT_VHDX;

	d->shape.block = vhdx ? MiB : 512 * KiB;
	/* Then parts of sectors of a child have to be copied. */
	d->shape.sector = vhdx && torture_is_child(&d->shape) ? 4096 : 512;
	d->shape.per = 2;
	d->shape.windows = 6;
	d->shape.apart = torture_is_fixed(&d->shape) ? 2 : 1024;
	d->sectors = torture_used(&d->shape) / FAULT_SEC;
	d->live = torture_alloc(d->sectors * sizeof(*d->live));
	d->durable = torture_alloc(d->sectors * sizeof(*d->live));
	f->base_holds = torture_alloc(d->sectors * sizeof(*d->live));
	for (uint64_t i = 0; i < d->sectors; i++)
		d->live[i] = 1;
	if (torture_is_child(&d->shape))
		draw_parent(f);
	d->file = torture_file_new(true);
	torture_build(d->file, &d->shape, &d->parent);
	d->content = CONTENT_FIRST;
	d->os_errno = EIO;
	NEED(fault_open(d));
	fault_write(d, 0, 0, 128);
	d->content = CONTENT_FIRST;
	fault_write(d, 2, 4, 300);
	d->content = CONTENT_FIRST;
	fault_write(d, 5, 50, 20);
	fault_close(d);
	memcpy(f->base_holds, d->durable, d->sectors * sizeof(*d->live));
	f->base = torture_file_new(true);
	torture_file_copy(f->base, d->file);
	f->copy = torture_file_new(true);
}

static void faults_free(struct faults *f)
{
	torture_parent_drop(&f->disk.parent);
	torture_file_free(f->disk.file);
	torture_file_free(f->base);
	torture_file_free(f->copy);
	free(f->disk.live);
	free(f->disk.durable);
	free(f->base_holds);
}

static void run(const struct torture_type *type, const struct options *opts)
{
	struct faults f = {
		.opts = opts, .disk = { .shape = { .type = type } }
	};
	double start = torture_seconds();

	torture_context("faults --type %s", type->name);
	base_make(&f);
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		every(&f, &ways[i], work, opts->step);
		if (!torture_is_fixed(&f.disk.shape))
			every(&f, &ways[i], work_long, 11 * opts->step);
	}
	cramp(&f);
	printf("%s: %" PRIu64 " runs, %" PRIu64 " where a failure did not "
	       "matter to any call, %.1f s\n", type->name, f.runs, f.silent,
	       torture_seconds() - start);
	fflush(stdout);
	faults_free(&f);
}

int main(int argc, char **argv)
{
	struct options o = { .step = 1 };
	const struct torture_option opts[] = {
		{ "--step", &o.step }, { "--at", &o.at },
	};
	const char *only;

	torture_options(argc, argv, opts, 2, &only);
	for (int i = 0; i < TORTURE_TYPES; i++) {
		if (!only || !strcmp(only, torture_types[i].name))
			run(&torture_types[i], &o);
	}
	return 0;
}
