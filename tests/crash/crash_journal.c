/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cuts the power at every point of a resize with a journal (VHD-X-20 to VHD-X-23),
 * of which image and journal are two files, each with flushes of its own, and
 * looks at what is left of both:
 *
 *  - with a journal, reverting succeeds, and the image has every byte of before,
 *    or, when the resize was over, of after;  the power is cut during that too,
 *    and it is done again
 *  - a journal on a device whose header was not written yet is refused, and then
 *    the image has not changed
 *  - whoever opens the image as it was left sees the old disk or the new one, or
 *    is refused
 *  - a journal that was damaged is refused, and then nothing has changed
 *    (crash_journal_damage.c)
 *
 *	crash_journal --seed 1 --runs 15 --states 150
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ckd.h"
#include "crash/crash_journal.h"
#include "support/base_rand.h"
#include "vhd/vhd.h"
#include "vhd/write.h"

enum { DISK = 16 << 20, JOURNAL_LEN = 6 << 20, CUTS_AGAIN = 6,
       IMAGES_DAMAGED = 4 };

struct pair {
	struct crash_file *f[FILES];
	bool named;			/* there is a journal */
};

struct hunt {
	uint64_t seed, new_size;
	bool device;			/* the journal is on one */
	bool child;
	char base[300];			/* its parent */
	unsigned blocks;
	uint8_t *disk;
	struct crash_base *before, *after;
	struct crash_base *stale;	/* what is on the device */
	uint64_t wanted;		/* states, about */
	uint64_t states, again, opened, failed, damaged, refused;
	struct crash_failure fail;
};

/* @left: calls on the image until one fails; NULL: none does. */
static void resize(struct hunt *h, struct pair *two, struct history *hist,
		   uint64_t *left)
{
	struct tap tap[FILES] = { { two->f[0], hist, IMAGE, left },
				  { two->f[1], hist, JOURNAL, NULL } };
	struct tap_place arg = {
		.tap = &tap[JOURNAL], .device = h->device
	};
	struct xen_journal_place place = tap_place_ops;
	const struct vhd_xen_resize_opts opts = VHD_XEN_RESIZE_OPTS_INIT;
	struct vhd_io *io = tap_io(&tap[IMAGE]);
	struct vhd_error err;

	place.arg = &arg;
	if (vhd_xen_resize_journaled(io, h->new_size, &place, &opts, &err) &&
	    !left)
		crash_fail(&h->fail, "resizing fails: %s", err.msg);
	if (arg.kept && !arg.dropped)
		crash_fail(&h->fail, "the journal stays");
	vhd_io_close(&io, NULL);
	vhd_io_close(&arg.io, NULL);
}

/* Whoever can open it sees the disk. */
static bool opens_right(struct hunt *h, struct crash_file *f)
{
	struct tap tap = { f, NULL, IMAGE, NULL };
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img = NULL;
	const char *const parents[] = { h->base, NULL };
	static uint8_t buf[DISK];
	bool ok;

	if (h->child)
		o.parents = parents;
	if (vhd_open_io(&tap_ops, &tap, "image", &o, &img, NULL))
		return true;
	h->opened++;
	ok = (vhd_size(img) == DISK || vhd_size(img) == h->new_size) &&
	     !vhd_pread(img, buf, DISK, 0, NULL) &&
	     !memcmp(buf, h->disk, DISK);
	vhd_close(&img, NULL);
	return ok;
}

static bool verify(struct hunt *h, struct pair *two, bool cut_again);

/* The files as they are after the first @until events, but for what is random. */
static void rebuild(const struct history *hist, size_t until, uint64_t seed,
		    struct pair *two)
{
	static const struct crash_tear whole = { CRASH_WHOLE, 0 };
	size_t flushed[FILES] = { 0 };
	uint64_t rng = seed * 2654435761u + until;

	for (size_t i = 0; i < until; i++)
		if (hist->event[i].kind == EVENT_OP &&
		    hist->event[i].op.kind == VHD_TRACE_FLUSH)
			flushed[hist->event[i].file] = i;
	for (size_t i = 0; i < until; i++) {
		const struct event *e = &hist->event[i];
		bool sure = i < flushed[e->file] || seed == 0;
		struct crash_tear tear = whole;

		if (e->kind != EVENT_OP) {
			/* A name that was taken away may come back. */
			if (e->kind == EVENT_NAMED || sure ||
			    base_rand(&rng) % 2)
				two->named = e->kind == EVENT_NAMED;
			continue;
		}
		if (e->op.kind == VHD_TRACE_FLUSH)
			continue;
		if (!sure && base_rand(&rng) % 3 == 0)
			continue;
		if (!sure && e->op.off % 512 == 0 && e->op.len % 512 == 0 &&
		    e->op.kind == VHD_TRACE_WRITE && base_rand(&rng) % 3 == 0)
			tear = (struct crash_tear){ CRASH_SECTORS,
						    base_rand(&rng) };
		crash_op_apply(&e->op, &tear, two->f[e->file]);
	}
}

/* Of long runs of writes not every point is looked at; next to flushes all. */
static bool is_point(const struct hunt *h, const struct history *hist,
		     size_t at)
{
	uint64_t rng = h->seed * 31 + at;

	for (size_t i = at ? at - 1 : 0; i <= at && i < hist->count; i++) {
		const struct event *e = &hist->event[i];

		if (e->kind != EVENT_OP || e->op.kind != VHD_TRACE_WRITE)
			return true;
	}
	return at == hist->count ||
	       base_rand_below(&rng, hist->count) < h->wanted / 4;
}

static bool cut(struct hunt *h, const struct history *hist,
		const struct pair *from, uint64_t states, bool again)
{
	struct crash_base *base[FILES];
	struct pair two = { .named = false };
	uint64_t each = max_u64(1, states / (hist->count + 1));
	bool ok = true;

	for (int i = 0; i < FILES; i++) {
		base[i] = crash_file_freeze(from->f[i]);
		two.f[i] = crash_file_new();
	}
	for (size_t at = 0; ok && at <= hist->count; at++) {
		for (uint64_t k = 0; ok && k <= each && is_point(h, hist, at);
		     k++) {
			for (int i = 0; i < FILES; i++)
				crash_file_reset(two.f[i], base[i]);
			two.named = from->named;
			rebuild(hist, at, k ? h->seed * 1000 + k : 0, &two);
			h->states++;
			ok = verify(h, &two, !again &&
				    h->states % CUTS_AGAIN == 0);
			if (!ok)
				crash_context(&h->fail, "%s cut after event %zu "
					      "of %zu, variant %" PRIu64,
					      again ? "second" : "first", at,
					      hist->count, k);
		}
	}
	for (int i = 0; i < FILES; i++) {
		crash_file_free(two.f[i]);
		crash_base_free(base[i]);
	}
	return ok;
}

static bool judge(struct hunt *h, struct pair *two, struct history *hist,
		  bool old)
{
	struct vhd_error err;
	int rc = tap_revert(two->f, hist, &err);

	if (rc && (!h->device || !old))
		crash_fail(&h->fail, "reverting fails: %s", err.msg);
	else if (!same_bytes(two->f[IMAGE], h->before) &&
		 !same_bytes(two->f[IMAGE], h->after))
		crash_fail(&h->fail, "reverted, the image is neither old nor "
			   "new");
	return !crash_failed(&h->fail);
}

/* Reverts, and cuts that. */
static bool judge_and_cut(struct hunt *h, struct pair *two, bool old)
{
	struct crash_base *base[FILES];
	struct pair from = { .named = true };
	struct history hist = { 0 };
	bool ok;

	for (int i = 0; i < FILES; i++) {
		base[i] = crash_file_freeze(two->f[i]);
		from.f[i] = crash_file_new();
		crash_file_reset(from.f[i], base[i]);
	}
	ok = judge(h, two, &hist, old);
	if (ok && hist.count) {
		h->again++;
		ok = cut(h, &hist, &from, 20, true);
	}
	for (int i = 0; i < FILES; i++) {
		crash_file_free(from.f[i]);
		crash_base_free(base[i]);
	}
	history_free(&hist);
	return ok;
}

static bool verify(struct hunt *h, struct pair *two, bool cut_again)
{
	bool old = same_bytes(two->f[IMAGE], h->before);

	if (!opens_right(h, two->f[IMAGE])) {
		crash_fail(&h->fail, "the image opens and shows another disk");
		return false;
	}
	if (two->named)
		return cut_again ? judge_and_cut(h, two, old)
				 : judge(h, two, NULL, old);
	if (!old && !same_bytes(two->f[IMAGE], h->after))
		crash_fail(&h->fail, "there is no journal, and the image is "
			   "neither old nor new");
	return !crash_failed(&h->fail);
}

/* A file of the system, for the time that it takes to read it. */
static void image_write(struct hunt *h, const char *path, uint64_t *rng)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img = NULL;

	o.flags = VHD_OPEN_RDWR | VHD_OPEN_NO_LOCK;
	CRASH_NEED(!vhd_open(path, &o, &img, NULL));
	for (unsigned i = 0; i < h->blocks; i++) {
		uint64_t blk = (i * 5 + h->seed) % 8;
		bool full = base_rand(rng) % 3 == 0;
		uint64_t len = full ? 2 << 20 : 4096 * (1 + base_rand(rng) % 9);
		uint64_t off = (blk << 21) +
			       (full ? 0 : 4096 * (base_rand(rng) % 500));

		for (uint64_t k = 0; k < len; k += 512)
			memset(h->disk + off + k, (int)(1 + base_rand(rng) %
							255), 512);
		CRASH_NEED(!vhd_pwrite(img, h->disk + off, (size_t)len, off,
				       NULL));
	}
	CRASH_NEED(!vhd_close(&img, NULL));
}

static void slurp(const char *path, struct crash_file *f)
{
	static uint8_t buf[64 << 10];
	FILE *in = fopen(path, "rb");
	uint64_t off = 0;
	size_t n;

	CRASH_NEED(in);
	while ((n = fread(buf, 1, sizeof(buf), in)) > 0) {
		crash_file_write(f, buf, n, off);
		off += n;
	}
	fclose(in);
}

static void image_make(struct hunt *h, struct crash_file *f)
{
	const char *tmp = getenv("TMPDIR");
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	char path[280];
	uint64_t rng = h->seed * 7919 + 1;
	int fd;

	snprintf(path, sizeof(path), "%s/vhd-crash-XXXXXX",
		 tmp ? tmp : "/tmp");
	fd = mkstemp(path);
	CRASH_NEED(fd >= 0);
	close(fd);
	snprintf(h->base, sizeof(h->base), "%s.base", path);
	o.flags = VHD_CREATE_FORCE | VHD_CREATE_NO_SYNC;
	o.target = VHD_TARGET_XEN;
	o.type = VHD_TYPE_DYNAMIC;
	o.virtual_size = DISK;
	CRASH_NEED(!vhd_create(h->child ? h->base : path, &o, NULL));
	o.type = VHD_TYPE_DIFF;
	o.virtual_size = 0;
	o.parent = h->base;
	if (h->child)
		CRASH_NEED(!vhd_create(path, &o, NULL));
	image_write(h, path, &rng);
	slurp(path, f);
	unlink(path);
}

/* A device holds what some journal of this image has left there, or noise. */
static void stale_make(struct hunt *h, struct crash_file *f)
{
	uint64_t rng = h->seed;
	struct pair two = { .f = { crash_file_new(), f }, .named = true };

	crash_file_reset(two.f[IMAGE], h->before);
	for (uint64_t off = 0; off < JOURNAL_LEN; off += 8) {
		uint64_t x = base_rand(&rng);

		crash_file_write(f, &x, sizeof(x), off);
	}
	if (h->seed % 2)
		resize(h, &two, NULL, NULL);
	crash_file_free(two.f[IMAGE]);
}

/* Each call on the image fails once: it is as it was, and has no journal. */
static bool faults(struct hunt *h, const struct pair *start)
{
	struct crash_base *stale = crash_file_freeze(start->f[JOURNAL]);
	struct pair two = { .f = { crash_file_new(), crash_file_new() } };
	uint64_t n, left;

	for (n = 0; !crash_failed(&h->fail); n++) {
		left = n;
		crash_file_reset(two.f[IMAGE], h->before);
		crash_file_reset(two.f[JOURNAL], stale);
		resize(h, &two, NULL, &left);
		if (left <= n)
			break;
		h->failed++;
		if (!same_bytes(two.f[IMAGE], h->before))
			crash_fail(&h->fail, "the image has changed");
		crash_context(&h->fail, "call %" PRIu64 " failed", n);
	}
	for (int i = 0; i < FILES; i++)
		crash_file_free(two.f[i]);
	crash_base_free(stale);
	return !crash_failed(&h->fail);
}

/* What the journal was when it had its name, and the image then and later. */
static bool damages(struct hunt *h, const struct history *hist,
		    const struct pair *start)
{
	struct pair two = { .f = { crash_file_new(), crash_file_new() } };
	struct crash_base *stale = crash_file_freeze(start->f[JOURNAL]);
	uint64_t rng = h->seed;
	bool ok = true;

	for (int i = 0; ok && i < IMAGES_DAMAGED; i++) {
		size_t at = (size_t)base_rand_below(&rng, hist->count);
		struct damage_scene scene = {
			.rng = h->seed * 31 + (uint64_t)i, .before = h->before,
			.fail = &h->fail,
		};

		crash_file_reset(two.f[IMAGE], h->before);
		crash_file_reset(two.f[JOURNAL], stale);
		two.named = h->device;
		rebuild(hist, at, 0, &two);
		scene.image = crash_file_freeze(two.f[IMAGE]);
		scene.journal = crash_file_freeze(two.f[JOURNAL]);
		if (two.named)
			ok = journal_damages(&scene);
		h->damaged += scene.count;
		h->refused += scene.refused;
		crash_base_free(scene.image);
		crash_base_free(scene.journal);
	}
	for (int i = 0; i < FILES; i++)
		crash_file_free(two.f[i]);
	crash_base_free(stale);
	return ok;
}

static bool run(struct hunt *h)
{
	static const uint64_t sizes[] = { 18, 512, 8194, 300000, 2097152 };
	struct pair two = { .f = { crash_file_new(), crash_file_new() } };
	struct pair start = { .f = { crash_file_new(), crash_file_new() } };
	struct history hist = { 0 };
	uint64_t s = h->seed;
	bool ok;

	h->new_size = sizes[s % 5] << 20;
	h->device = s / 2 % 2;
	h->child = s % 3 == 0;
	h->blocks = (unsigned)(s % 5);
	h->disk = crash_alloc(DISK, 1);
	image_make(h, two.f[IMAGE]);
	h->before = crash_file_freeze(two.f[IMAGE]);
	if (h->device)
		stale_make(h, two.f[JOURNAL]);
	h->stale = crash_file_freeze(two.f[JOURNAL]);
	two.named = start.named = h->device;
	crash_file_reset(start.f[IMAGE], h->before);
	crash_file_reset(start.f[JOURNAL], h->stale);
	crash_file_reset(two.f[IMAGE], h->before);
	crash_file_reset(two.f[JOURNAL], h->stale);
	resize(h, &two, &hist, NULL);
	h->after = crash_file_freeze(two.f[IMAGE]);
	ok = !crash_failed(&h->fail) && !same_bytes(two.f[IMAGE], h->before) &&
	     cut(h, &hist, &start, h->wanted, false) && faults(h, &start) &&
	     damages(h, &hist, &start);
	if (!ok)
		printf("FAIL: seed %" PRIu64 ", to %" PRIu64 " bytes, journal "
		       "%s, %s, %u blocks\n\t%s\n", s, h->new_size,
		       h->device ? "on a device" : "in a file",
		       h->child ? "a child" : "no child", h->blocks,
		       h->fail.text);
	history_free(&hist);
	for (int i = 0; i < FILES; i++) {
		crash_file_free(two.f[i]);
		crash_file_free(start.f[i]);
	}
	unlink(h->base);
	crash_base_free(h->before);
	crash_base_free(h->after);
	crash_base_free(h->stale);
	free(h->disk);
	return ok;
}

static uint64_t number(int argc, char **argv, const char *name,
		       uint64_t other)
{
	for (int i = 1; i + 1 < argc; i++) {
		if (!strcmp(argv[i], name))
			return strtoull(argv[i + 1], NULL, 0);
	}
	return other;
}

int main(int argc, char **argv)
{
	uint64_t seed = number(argc, argv, "--seed", 1);
	uint64_t runs = number(argc, argv, "--runs", 15);
	uint64_t states = 0, again = 0, opened = 0, failed = 0;
	uint64_t damaged = 0, refused = 0;
	bool ok = true;

	crash_init();
	for (uint64_t r = 0; ok && r < runs; r++) {
		struct hunt h = {
			.seed = seed + r,
			.wanted = number(argc, argv, "--states", 150),
		};

		ok = run(&h);
		states += h.states;
		again += h.again;
		opened += h.opened;
		failed += h.failed;
		damaged += h.damaged;
		refused += h.refused;
	}
	printf("%" PRIu64 " runs, %" PRIu64 " states, %" PRIu64 " of them "
	       "reverted and cut again, %" PRIu64 " could be opened; %" PRIu64
	       " failures; %" PRIu64 " journals damaged, %" PRIu64 " of them "
	       "refused\n", runs, states, again, opened, failed, damaged,
	       refused);
	return ok ? 0 : 1;
}
