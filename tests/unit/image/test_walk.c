/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Long ranges of chains: the extents of one call over all of the disk are those
 * that are found look by look, and their bytes are the model's. Chains of all
 * depths, with blocks of different sizes, parents that are shorter, and a raw
 * base.
 */
#include <check.h>
#include <fcntl.h>
#include <unistd.h>

#include "support/chain_model.h"
#include "support/check_main.h"

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
/* A multiple of the blocks that Xen has. */
#define DISK (10 * MIB)

/* What is one look for the library. */
#define SHORT (2 * MIB)

enum { EXTENTS = 64 };

static void first_child_of_raw(struct chain_model *m)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	struct vhd_open_opts raw = VHD_OPEN_OPTS_INIT;
	struct vhd_error err;
	int fd = open(m->path[0], O_WRONLY);

	ck_assert_int_ge(fd, 0);
	base_rand_fill(&m->seed, m->disk[0], m->size[0] / 2);
	ck_assert_int_eq(pwrite(fd, m->disk[0], m->size[0], 0),
			 (ssize_t)m->size[0]);
	close(fd);
	raw.format = VHD_FORMAT_RAW;
	o.parent = m->path[0];
	o.open = &raw;
	o.target = VHD_TARGET_XEN;
	o.block_size = m->block;
	o.flags = VHD_CREATE_NO_SYNC;
	m->size[1] = m->size[0];
	m->disk[1] = malloc(m->size[1]);
	ck_assert_ptr_nonnull(m->disk[1]);
	memcpy(m->disk[1], m->disk[0], m->size[1]);
	tempdir_name(&m->dir, "first.vhd", m->path[1]);
	m->depth = 2;
	if (vhd_create(m->path[1], &o, &err))
		ck_abort_msg("create: %s", err.msg);
}

static void base(struct chain_model *m, int kind, uint64_t seed)
{
	static const char *const exts[] = { "vhd", "vhdx", "raw" };

	chain_model_make(m, exts[kind], kind == 2 ? 0 : MIB, DISK, seed);
	if (kind == 2) {
		m->ext = "vhd";
		m->block = 2 * MIB;
		first_child_of_raw(m);
	} else {
		chain_model_scribble(m, 0, 30);
	}
}

/* Each layer with blocks of another size. */
static void chain(struct chain_model *m, int kind, int depth, uint64_t seed)
{
	base(m, kind, seed);
	while (m->depth < depth) {
		char name[16];
		int i = m->depth;

		snprintf(name, sizeof(name), "c%d", i);
		if (kind == 1)
			m->block = MIB << i % 4;
		else
			m->block = (512 * KIB) << i % 3;
		chain_model_child(m, i - 1, name,
				  i % 4 == 2 ? 512 * KIB + 512 : 0);
		chain_model_scribble(m, i, 3 + i % 5);
	}
}

/* The bytes of an extent. */
static void expect_bytes(struct vhd_image *img, const struct vhd_extent *e,
			 const uint8_t *disk)
{
	static uint8_t buf[4 * DISK];
	ssize_t n = 0;

	ck_assert_uint_le(e->len, sizeof(buf));
	memset(buf, 0, e->len);
	if (e->kind == VHD_EXTENT_DATA)
		n = pread(vhd_layer_fd(img, e->layer), buf, e->len,
			  (off_t)e->file_off);
	ck_assert_int_ge(n, 0);
	ck_assert_msg(memcmp(buf, disk + e->off, e->len) == 0,
		      "%ju bytes at %#jx, layer %u, are wrong",
		      (uintmax_t)e->len, (uintmax_t)e->off, e->layer);
}

/* What one short look says of a place inside the extent. */
static void expect_look(struct vhd_image *img, const struct vhd_extent *e,
			uint64_t at)
{
	uint64_t left = e->off + e->len - at;
	struct vhd_extent got;
	size_t n;

	if (left > SHORT)
		left = SHORT;
	ck_assert_int_eq(vhd_resolve(img, at, left, &got, 1, &n, NULL), 0);
	ck_assert_uint_eq(got.len, left);
	ck_assert_int_eq(got.kind, e->kind);
	ck_assert_uint_eq(got.layer, e->layer);
	ck_assert_uint_eq(got.flags, e->flags);
	if (e->kind == VHD_EXTENT_DATA)
		ck_assert_uint_eq(got.file_off, e->file_off + (at - e->off));
}

/* From @off on, @max extents a call. */
static void expect_walk(struct vhd_image *img, const uint8_t *disk,
			uint64_t off, size_t max, uint64_t *seed)
{
	struct vhd_extent ext[EXTENTS];
	uint64_t size = vhd_size(img);
	struct vhd_error err;
	size_t n;

	while (off < size) {
		if (vhd_resolve(img, off, size - off, ext, max, &n, &err))
			ck_abort_msg("resolve: %s", err.msg);
		ck_assert_uint_ge(n, 1);
		for (size_t i = 0; i < n; i++) {
			ck_assert_uint_eq(ext[i].off, off);
			expect_bytes(img, &ext[i], disk);
			expect_look(img, &ext[i], off);
			expect_look(img, &ext[i],
				    off + base_rand_below(seed, ext[i].len));
			off += ext[i].len;
		}
	}
	ck_assert_uint_eq(off, size);
}

/* The same for who moves the bytes. */
static void expect_moving(struct vhd_image *img, const uint8_t *disk)
{
	struct vhd_extent ext[EXTENTS];
	struct vhd_move *move = NULL;
	struct vhd_error err;
	size_t n;

	for (uint64_t off = 0; off < vhd_size(img);) {
		if (vhd_read_begin(img, off, vhd_size(img) - off, ext, EXTENTS,
				   &n, &move, &err))
			ck_abort_msg("begin: %s", err.msg);
		for (size_t i = 0; i < n; i++) {
			ck_assert_uint_eq(ext[i].off, off);
			expect_bytes(img, &ext[i], disk);
			off += ext[i].len;
		}
		vhd_read_end(img, &move);
	}
}

static void any_chain(struct chain_model *m, int i)
{
	static const int depths[] = { 2, 3, 6, 17 };

	chain(m, i % 3, depths[i / 3 % 4], (uint64_t)i + 1);
}

START_TEST(walk__extents_are_those_of_single_looks)
{
	uint64_t seed = (uint64_t)_i + 7;
	struct vhd_image *img;
	struct chain_model m;

	any_chain(&m, _i);
	img = chain_model_open(&m, m.depth - 1, 0);
	expect_walk(img, m.disk[m.depth - 1], 0, EXTENTS, &seed);
	expect_walk(img, m.disk[m.depth - 1], 12345, 1, &seed);
	for (int k = 0; k < 8; k++)
		expect_walk(img, m.disk[m.depth - 1],
			    base_rand_below(&seed, vhd_size(img) / 2),
			    1 + base_rand_below(&seed, EXTENTS), &seed);
	expect_moving(img, m.disk[m.depth - 1]);
	vhd_close(&img, NULL);
	chain_model_free(&m);
}
END_TEST

/* What was written before the call is seen by it. */
START_TEST(walk__sees_what_was_written)
{
	uint64_t seed = (uint64_t)_i + 70;
	struct vhd_error err = { .code = 0 };
	struct vhd_image *img;
	struct chain_model m;
	uint8_t *disk;

	any_chain(&m, _i);
	disk = m.disk[m.depth - 1];
	img = chain_model_open(&m, m.depth - 1, VHD_OPEN_RDWR);
	for (int k = 0; k < 20; k++) {
		uint64_t off = base_rand_below(&seed, vhd_size(img) / 512 - 90);
		size_t len = 512 * (1 + base_rand_below(&seed, 80));

		base_rand_fill(&seed, disk + 512 * off, len);
		if (vhd_pwrite(img, disk + 512 * off, len, 512 * off, &err))
			ck_abort_msg("write: %s", err.msg);
		if (k % 5 == 0)
			expect_walk(img, disk, 0, EXTENTS, &seed);
	}
	expect_moving(img, disk);
	if (vhd_close(&img, &err))
		ck_abort_msg("close: %s", err.msg);
	chain_model_free(&m);
}
END_TEST

/* A layer that cannot be asked fails the call that begins there, no other. */
START_TEST(walk__without_the_parent_ends_where_it_is_needed)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_extent ext[EXTENTS];
	struct vhd_image *img = NULL;
	struct chain_model m;
	struct vhd_error err;
	uint64_t off = 0;
	size_t n;
	int rc = 0;

	chain(&m, _i % 2, 3, 5);
	o.flags = VHD_OPEN_NO_PARENT;
	ck_assert_int_eq(vhd_open(m.path[2], &o, &img, &err), 0);
	while (!rc && off < vhd_size(img)) {
		rc = vhd_resolve(img, off, vhd_size(img) - off, ext, EXTENTS,
				 &n, &err);
		if (!rc)
			off = ext[n - 1].off + ext[n - 1].len;
	}
	ck_assert_int_eq(rc, VHD_E_PARENT);
	ck_assert_int_eq(err.code, VHD_E_PARENT);
	ck_assert_int_eq(vhd_resolve(img, off, 512, ext, 1, &n, NULL),
			 VHD_E_PARENT);
	vhd_close(&img, NULL);
	chain_model_free(&m);
}
END_TEST

TEST_MAIN_ROWS("image/walk", LOOP(walk__extents_are_those_of_single_looks, 12),
	       LOOP(walk__sees_what_was_written, 9),
	       LOOP(walk__without_the_parent_ends_where_it_is_needed, 2))
