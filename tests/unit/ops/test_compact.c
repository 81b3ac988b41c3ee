/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Compacting against a model: random writes in random order make random layouts,
 * and whatever is dropped and moved, the guest sees what it saw.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support/base_rand.h"
#include "support/check_main.h"
#include "support/tempdir.h"
#include "vhd/vhd.h"

#define MIB (UINT64_C(1) << 20)

enum { KINDS = 10, FEW = 4, PIECES = 10, RANGES = 40 };

static const struct kind {
	const char *ext;
	enum vhd_target target;
	uint64_t block;
	bool child;
} kinds[KINDS] = {
	{ "vhd", VHD_TARGET_XEN, 0, false },
	{ "vhd", 0, 0, true },
	{ "vhdx", 0, MIB, false },
	{ "vhdx", 0, 2 * MIB, true },
	{ "vhd", 0, 0, false },
	{ "vhd", 0, MIB / 2, false },
	{ "vhd", VHD_TARGET_XEN, 0, true },
	{ "vhdx", 0, 4 * MIB, false },
	{ "vhdx", 0, MIB, true },
	{ "vhdx", 0, 8 * MIB, true },
};

static const uint64_t disk_size = 26 * MIB + 512 * 77 * 8;

struct range {
	uint64_t off, len;
};

/* One image, what its guest sees, and what is said to be unused. */
struct scene {
	const struct kind *kind;
	struct tempdir dir;
	char base[512], path[512];
	uint64_t rng;
	uint8_t *model;
	uint64_t size;			/* of the disk; Xen's is rounded */
	struct range unused[RANGES];
	size_t unused_count;
};

static uint64_t below(struct scene *s, uint64_t limit)
{
	return base_rand_below(&s->rng, limit);
}

static void make(struct scene *s, const char *path, const char *parent)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	struct vhd_error err;

	o.parent = parent;
	o.target = s->kind->target;
	if (!parent)
		o.virtual_size = disk_size;
	if (!o.target)
		o.block_size = s->kind->block;
	o.flags = VHD_CREATE_NO_SYNC;
	if (vhd_create(path, &o, &err))
		ck_abort_msg("create: %s", err.msg);
}

static struct vhd_image *open_image(const char *path, uint32_t flags)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img = NULL;
	struct vhd_error err;

	o.flags = flags;
	if (vhd_open(path, &o, &img, &err))
		ck_abort_msg("open: %s", err.msg);
	return img;
}

static void close_image(struct vhd_image *img)
{
	struct vhd_error err;

	if (vhd_close(&img, &err))
		ck_abort_msg("close: %s", err.msg);
}

static void put(struct scene *s, struct vhd_image *img, uint64_t off,
		uint64_t len, bool zeros)
{
	uint8_t *p = s->model + off;

	if (zeros)
		memset(p, 0, len);
	else
		base_rand_fill(&s->rng, p, len);
	ck_assert_int_eq(vhd_pwrite(img, p, len, off, NULL), 0);
}

/* Whole and partial blocks, here and there, some zeros, some given up again. */
static void scribble(struct scene *s, const char *path)
{
	struct vhd_image *img = open_image(path, VHD_OPEN_RDWR);

	s->size = vhd_size(img);
	s->model = realloc(s->model, vhd_size(img));
	ck_assert_ptr_nonnull(s->model);
	ck_assert_int_eq(vhd_pread(img, s->model, vhd_size(img), 0, NULL), 0);
	for (int i = 0; i < PIECES; i++) {
		uint64_t len = 1 + below(s, 3 * MIB);
		uint64_t off = below(s, vhd_size(img) - len);

		if (below(s, 2)) {
			off -= off % 4096;
			len += 4096 - len % 4096;
			if (off + len > vhd_size(img))
				len = vhd_size(img) - off;
		}
		if (below(s, 6)) {
			put(s, img, off, len, !below(s, 3));
			continue;
		}
		ck_assert_int_eq(vhd_discard(img, off, len, NULL), 0);
		ck_assert_int_eq(vhd_pread(img, s->model + off, len, off,
					   NULL), 0);
	}
	close_image(img);
}

static void scene_make(struct scene *s, int i)
{
	char name[32];

	memset(s, 0, sizeof(*s));
	s->kind = &kinds[i % KINDS];
	s->rng = 77 + (uint64_t)i * 1000;
	tempdir_make(&s->dir);
	snprintf(name, sizeof(name), "base.%s", s->kind->ext);
	tempdir_name(&s->dir, name, s->base);
	make(s, s->base, NULL);
	scribble(s, s->base);
	if (!s->kind->child) {
		strcpy(s->path, s->base);
		return;
	}
	snprintf(name, sizeof(name), "child.%s", s->kind->ext);
	tempdir_name(&s->dir, name, s->path);
	make(s, s->path, s->base);
	scribble(s, s->path);
}

/* What the child has of its parent is written again: it need not have it. */
static void copy_up(struct scene *s, uint64_t off, uint64_t len)
{
	struct vhd_image *img = open_image(s->path, VHD_OPEN_RDWR);
	struct vhd_image *base = open_image(s->base, 0);

	ck_assert_int_eq(vhd_pread(base, s->model + off, len, off, NULL), 0);
	close_image(base);
	ck_assert_int_eq(vhd_pwrite(img, s->model + off, len, off, NULL), 0);
	close_image(img);
}

static void scene_end(struct scene *s)
{
	free(s->model);
	tempdir_remove(&s->dir);
}

static bool is_unused(const struct scene *s, uint64_t off)
{
	for (size_t i = 0; i < s->unused_count; i++) {
		if (off >= s->unused[i].off &&
		    off - s->unused[i].off < s->unused[i].len)
			return true;
	}
	return false;
}

/* Every byte that is in use is what it was. */
static void verify(struct scene *s)
{
	struct vhd_image *img = open_image(s->path, 0);
	uint64_t size = vhd_size(img);
	uint8_t *now = malloc(size);

	ck_assert_ptr_nonnull(now);
	ck_assert_int_eq(vhd_pread(img, now, size, 0, NULL), 0);
	for (uint64_t i = 0; i < size; i++) {
		if (now[i] != s->model[i] && !is_unused(s, i))
			ck_abort_msg("byte 0x%llx is %u, not %u",
				     (unsigned long long)i, now[i],
				     s->model[i]);
	}
	free(now);
	close_image(img);
}

static void on_finding(void *arg, const struct vhd_finding *f)
{
	(void)arg;
	if (f->rule->severity >= VHD_SEV_WARNING)
		ck_abort_msg("%s: %s", f->rule->name, f->msg);
}

static void check_clean(const struct scene *s)
{
	struct vhd_check_opts o = VHD_CHECK_OPTS_INIT;
	struct vhd_check_result res;

	o.flags = VHD_CHECK_CHAIN | VHD_CHECK_DEEP;
	o.finding = on_finding;
	ck_assert_int_eq(vhd_check(s->path, &o, &res, NULL), 0);
}

static int tell_unused(void *arg, struct vhd_image *img, vhd_range_fn emit,
		       void *emit_arg, struct vhd_error *err)
{
	const struct scene *s = arg;

	(void)img;
	(void)err;
	for (size_t i = 0; i < s->unused_count; i++) {
		if (!emit(emit_arg, s->unused[i].off, s->unused[i].len))
			return 0;
	}
	return 0;
}

static void pick_unused(struct scene *s)
{
	uint64_t at = 0;

	while (s->unused_count < RANGES) {
		uint64_t len = below(s, 4) ? 1 + below(s, MIB)
					   : 512 * below(s, 20000);

		at += below(s, 3) * below(s, 2 * MIB);
		if (!len || at + len > disk_size)
			break;
		s->unused[s->unused_count++] = (struct range){ at, len };
		at += len;
	}
}

static struct vhd_compact_result compact(struct scene *s, uint32_t flags)
{
	struct vhd_compact_opts o = VHD_COMPACT_OPTS_INIT;
	struct vhd_compact_result res;
	struct vhd_error err;

	o.flags = flags;
	if (s->unused_count) {
		o.unused = tell_unused;
		o.unused_arg = s;
	}
	if (vhd_compact(s->path, &o, &res, &err))
		ck_abort_msg("compact: %s", err.msg);
	return res;
}

static uint8_t *slurp(const char *path, size_t *len_out)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	uint8_t *p;

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fstat(fileno(f), &st), 0);
	*len_out = (size_t)st.st_size;
	p = malloc(*len_out);
	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(fread(p, 1, *len_out, f), *len_out);
	fclose(f);
	return p;
}

/* A compact image is not written to, not even in its headers. */
static void again_changes_nothing(struct scene *s, uint32_t flags)
{
	struct vhd_compact_result res;
	size_t before_len, after_len;
	uint8_t *before = slurp(s->path, &before_len), *after;

	res = compact(s, flags);
	ck_assert_uint_eq(res.unused_blocks, 0);
	ck_assert_uint_eq(res.zero_blocks, 0);
	ck_assert_uint_eq(res.moved_blocks, 0);
	after = slurp(s->path, &after_len);
	ck_assert_uint_eq(before_len, after_len);
	ck_assert_mem_eq(before, after, before_len);
	free(before);
	free(after);
}

static struct vhd_guid id_of(const char *path)
{
	struct vhd_info info = { .size = sizeof(info) };
	struct vhd_image *img = open_image(path, 0);

	ck_assert_int_eq(vhd_layer_info(img, 0, &info, NULL), 0);
	close_image(img);
	return info.id;
}

static uint64_t file_len(const char *path)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	return (uint64_t)st.st_size;
}

/* An estimate says what then happens, to a block or so. */
static void compare_estimate(const struct scene *s,
			     const struct vhd_compact_result *guess,
			     const struct vhd_compact_result *real)
{
	uint64_t slack = 64 << 10;

	if (s->kind->child)
		slack += 4 * MIB;
	ck_assert_uint_eq(guess->old_file, real->old_file);
	ck_assert_uint_eq(guess->blocks, real->blocks);
	ck_assert_uint_eq(guess->unused_blocks, real->unused_blocks);
	ck_assert_uint_eq(guess->zero_blocks, real->zero_blocks);
	ck_assert_uint_le(guess->new_file, real->new_file + slack);
	ck_assert_uint_le(real->new_file, guess->new_file + slack);
}

static void run(struct scene *s, uint32_t flags)
{
	struct vhd_guid id = id_of(s->path), now;
	struct vhd_compact_result guess, real;
	uint64_t len = file_len(s->path);

	guess = compact(s, flags | VHD_CHANGE_DRY_RUN);
	ck_assert_uint_eq(file_len(s->path), len);
	verify(s);
	real = compact(s, flags);
	ck_assert_uint_eq(real.old_file, len);
	ck_assert_uint_eq(real.new_file, file_len(s->path));
	ck_assert_uint_le(real.new_file, len);
	compare_estimate(s, &guess, &real);
	verify(s);
	check_clean(s);
	now = id_of(s->path);
	if (!s->unused_count)
		ck_assert_mem_eq(&now, &id, sizeof(id));
	again_changes_nothing(s, flags);
}

START_TEST(compact__packs_what_is_there)
{
	struct scene s;

	scene_make(&s, _i);
	run(&s, 0);
	scene_end(&s);
}
END_TEST

START_TEST(compact__zero_scan_finds_zeros_and_copies_of_the_parent)
{
	struct vhd_compact_result res;
	struct scene s;

	scene_make(&s, _i);
	if (s.kind->child) {
		copy_up(&s, 8 * MIB, 16 * MIB);
		res = compact(&s, VHD_CHANGE_ZERO_SCAN | VHD_CHANGE_DRY_RUN);
		ck_assert_uint_ge(res.zero_blocks, 2);
	}
	run(&s, VHD_CHANGE_ZERO_SCAN);
	scene_end(&s);
}
END_TEST

START_TEST(compact__gives_up_what_is_unused)
{
	struct scene s;

	scene_make(&s, _i);
	pick_unused(&s);
	run(&s, (_i + _i / KINDS) % 2 ? VHD_CHANGE_ZERO_SCAN : 0);
	scene_end(&s);
}
END_TEST

START_TEST(compact__all_unused_leaves_no_block)
{
	struct vhd_compact_result res;
	struct scene s;

	scene_make(&s, _i);
	s.unused[0] = (struct range){ 0, 1000 };
	s.unused[1] = (struct range){ 1000, s.size - 1000 };
	s.unused_count = 2;
	res = compact(&s, 0);
	ck_assert_uint_gt(res.blocks, 0);
	ck_assert_uint_eq(res.unused_blocks, res.blocks);
	ck_assert_uint_le(res.new_file, 8 * MIB);
	check_clean(&s);
	scene_end(&s);
}
END_TEST

static bool cancel_later(void *arg, uint64_t done, uint64_t total)
{
	int *left = arg;

	(void)done;
	(void)total;
	return (*left)-- > 0;
}

START_TEST(compact__cancelled_anywhere_is_sound)
{
	struct vhd_compact_opts o = VHD_COMPACT_OPTS_INIT;
	struct vhd_error err;
	struct scene s;
	int rc, left, tries = 0;

	scene_make(&s, _i);
	o.flags = VHD_CHANGE_ZERO_SCAN;
	o.progress = cancel_later;
	o.progress_arg = &left;
	do {
		/* Further and further, but not a hundred times. */
		left = tries;
		tries += 1 + tries / 4;
		rc = vhd_compact(s.path, &o, NULL, &err);
		if (rc && rc != VHD_E_CANCELLED)
			ck_abort_msg("%s", err.msg);
		verify(&s);
	} while (rc);
	check_clean(&s);
	again_changes_nothing(&s, VHD_CHANGE_ZERO_SCAN);
	scene_end(&s);
}
END_TEST

START_TEST(compact__children_stay_valid_unless_bytes_change)
{
	struct vhd_compact_opts o = VHD_COMPACT_OPTS_INIT;
	char path[512], child[512];
	struct vhd_error err;
	struct scene s;

	scene_make(&s, _i);
	strcpy(path, s.path);
	snprintf(child, sizeof(child), "%s/leaf.%s", s.dir.path, s.kind->ext);
	make(&s, child, s.path);
	run(&s, VHD_CHANGE_ZERO_SCAN);
	strcpy(s.path, child);
	verify(&s);
	pick_unused(&s);
	o.unused = tell_unused;
	o.unused_arg = &s;
	ck_assert_int_eq(vhd_compact(path, &o, NULL, &err), VHD_E_REFUSED);
	verify(&s);
	check_clean(&s);
	o.flags = VHD_CHANGE_ORPHAN;
	ck_assert_int_eq(vhd_compact(path, &o, NULL, &err), 0);
	scene_end(&s);
}
END_TEST

static int out_of_order(void *arg, struct vhd_image *img, vhd_range_fn emit,
			void *emit_arg, struct vhd_error *err)
{
	(void)arg;
	(void)img;
	(void)err;
	if (emit(emit_arg, 2 * MIB, MIB))
		emit(emit_arg, 0, MIB);
	return 0;
}

START_TEST(compact__ranges_out_of_order_are_refused)
{
	struct vhd_compact_opts o = VHD_COMPACT_OPTS_INIT;
	struct vhd_error err;
	struct scene s;

	scene_make(&s, _i);
	o.flags = VHD_CHANGE_DRY_RUN;
	o.unused = out_of_order;
	ck_assert_int_eq(vhd_compact(s.path, &o, NULL, &err), VHD_E_INVAL);
	scene_end(&s);
}
END_TEST

/* Each image at least once; VHD_COMPACT_ROUNDS=20 for a long run. */
int main(void)
{
	const char *text = getenv("VHD_COMPACT_ROUNDS");
	int rounds = text ? atoi(text) : 0, all = KINDS * (rounds + 1);
	int some = rounds ? KINDS : FEW;
	const struct test_row rows[] = {
		LOOP(compact__packs_what_is_there, rounds ? all : FEW),
		LOOP(compact__zero_scan_finds_zeros_and_copies_of_the_parent,
		     all),
		LOOP(compact__gives_up_what_is_unused, all),
		LOOP(compact__all_unused_leaves_no_block, some),
		LOOP(compact__cancelled_anywhere_is_sound, some),
		LOOP(compact__children_stay_valid_unless_bytes_change, some),
		ONCE(compact__ranges_out_of_order_are_refused),
	};

	return test_run("ops/compact", rows, sizeof(rows) / sizeof(*rows));
}
