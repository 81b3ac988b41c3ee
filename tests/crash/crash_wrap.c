/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cuts the power while a raw disk gets its footer, and while it loses it: at each
 * moment the file is the disk as it was, or the disk and a footer, and nothing else.
 * When the call has returned it is what was asked for.
 *
 *	crash_wrap --seed 1 --runs 200
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "crash/crash_state.h"
#include "io/io.h"
#include "io/io_record.h"
#include "support/base_rand.h"
#include "vhd/vhd.h"
#include "xen/xen_file.h"

enum { MOST = 40000, DRAWN = 40 };

struct hunt {
	uint64_t size;			/* of the raw disk */
	uint8_t disk[MOST];
	uint64_t seed, states;
	struct crash_failure fail;
};

static bool opens(struct crash_file *f, uint64_t want)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img = NULL;
	uint64_t size = 0;

	o.format = VHD_FORMAT_VHD;
	if (!vhd_open_io(&crash_file_ro_ops, f, "image", &o, &img, NULL))
		size = vhd_size(img);
	vhd_close(&img, NULL);
	return size == want;
}

/* @footer: has it one?  Else either will do. */
static bool judge(struct hunt *h, struct crash_file *f, const bool *footer)
{
	uint64_t size = crash_file_size(f), whole = align_up(h->size, 512);
	bool raw = size == h->size || size == whole;
	bool vhd = size == whole + CRASH_SECTOR && opens(f, whole);
	uint8_t is[MOST];

	h->states++;
	crash_file_read(f, is, h->size, 0);
	if (memcmp(is, h->disk, (size_t)h->size))
		crash_fail(&h->fail, "the disk has changed");
	else if (!raw && !vhd)
		crash_fail(&h->fail, "%" PRIu64 " bytes are no disk with or "
			   "without a footer", size);
	else if (footer && *footer != vhd)
		crash_fail(&h->fail, "when the call had returned there was %s "
			   "footer", vhd ? "a" : "no");
	return !crash_failed(&h->fail);
}

static bool cut_epoch(struct hunt *h, struct crash_epoch *e,
		      struct crash_file *before)
{
	struct crash_base *durable = crash_file_freeze(before);
	struct crash_file *f = crash_file_new();
	struct crash_state s;
	bool ok = true;

	e->seed = h->seed;
	crash_state_init(&s, e->count);
	for (uint64_t k = 0; ok && k < (e->count ? DRAWN : 1); k++) {
		crash_state_draw(&s, e, k);
		crash_file_reset(f, durable);
		crash_state_apply(&s, e, f);
		ok = judge(h, f, NULL);
	}
	crash_state_free(&s);
	crash_file_free(f);
	crash_base_free(durable);
	return ok;
}

static bool cut(struct hunt *h, const struct crash_ops *ops,
		struct crash_base *base)
{
	static const struct crash_tear all = { CRASH_WHOLE, 0 };
	struct crash_file *before = crash_file_new();
	bool ok = true;

	crash_file_reset(before, base);
	for (size_t i = 0, end; ok && i <= ops->count; i = end + 1) {
		struct crash_epoch e = { .op = ops->op + i };

		for (end = i; end < ops->count &&
		     ops->op[end].kind != VHD_TRACE_FLUSH; end++)
			e.count++;
		ok = cut_epoch(h, &e, before);
		for (size_t k = i; k < end; k++)
			crash_op_apply(&ops->op[k], &all, before);
	}
	crash_file_free(before);
	return ok;
}

/* One of the two on @f; all cuts. */
static bool turn(struct hunt *h, struct crash_file *f, bool wrap)
{
	struct crash_base *base = crash_file_freeze(f);
	struct crash_file *after = crash_file_new();
	struct vhd_trace *t = vhd_trace_new();
	struct vhd_io *io = NULL;
	struct vhd_error err;
	struct crash_ops ops;
	int rc;

	CRASH_NEED(t);
	CRASH_NEED(!vhd_io_new(&vhd_record_ops,
			       vhd_record_new(&crash_file_ops, f, t), "image",
			       &io, NULL));
	rc = wrap ? vhd_xen_wrap_io(io, &err)
		  : vhd_xen_unwrap_io(io, align_up(h->size, 512), &err);
	vhd_io_close(&io, NULL);
	if (rc)
		crash_fail(&h->fail, "it fails: %s", err.msg);
	crash_ops_get(&ops, t, base);
	crash_file_reset(after, base);
	crash_ops_flushed(&ops, after);
	judge(h, after, &wrap);
	if (!crash_failed(&h->fail))
		cut(h, &ops, base);
	crash_context(&h->fail, wrap ? "to a VHD" : "to a raw disk");
	crash_ops_free(&ops);
	vhd_trace_free(t);
	crash_file_free(after);
	/* The file lies over it. */
	crash_file_reset(f, NULL);
	crash_file_write(f, h->disk, h->size, 0);
	crash_base_free(base);
	return !crash_failed(&h->fail);
}

static bool run(struct hunt *h)
{
	struct crash_file *f = crash_file_new();
	struct vhd_io *io = NULL;
	uint64_t rng = h->seed * 31;
	bool ok;

	h->size = 1 + base_rand_below(&rng, MOST - 1);
	if (base_rand_below(&rng, 3))
		h->size = max_u64(align_down(h->size, 512), 512);
	base_rand_fill(&rng, h->disk, (size_t)h->size);
	crash_file_write(f, h->disk, h->size, 0);
	ok = turn(h, f, true);
	CRASH_NEED(!vhd_io_new(&crash_file_ops, f, "image", &io, NULL));
	CRASH_NEED(!vhd_xen_wrap_io(io, NULL));
	vhd_io_close(&io, NULL);
	ok = ok && turn(h, f, false);
	if (!ok)
		printf("FAIL: seed %" PRIu64 ", %" PRIu64 " bytes\n\t%s\n",
		       h->seed, h->size, h->fail.text);
	crash_file_free(f);
	return ok;
}

int main(int argc, char **argv)
{
	uint64_t seed = 1, runs = 200, states = 0;
	bool ok = true;

	crash_init();
	for (int i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--seed"))
			seed = strtoull(argv[i + 1], NULL, 0);
		else if (!strcmp(argv[i], "--runs"))
			runs = strtoull(argv[i + 1], NULL, 0);
	}
	for (uint64_t r = 0; ok && r < runs; r++) {
		struct hunt h = { .seed = seed + r };

		ok = run(&h);
		states += h.states;
	}
	printf("%" PRIu64 " disks, %" PRIu64 " states\n", runs, states);
	return ok ? 0 : 1;
}
