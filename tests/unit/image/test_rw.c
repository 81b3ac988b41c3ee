/* SPDX-License-Identifier: BSD-2-Clause */
/* The read path over layers of a made-up format, against a model. */
#include "image/owners.h"
#include "image/rw.h"

#include <check.h>
#include <string.h>

#include "base/ckd.h"
#include "io/io_mem.h"
#include "support/check_main.h"

#define SECTORS 64u
#define SEC 512u
#define LAYERS 4u

/* What each sector of a made-up layer says. */
struct fake {
	enum vhd_run_kind kind[SECTORS];
	uint32_t place[SECTORS];	/* sector in the file */
	unsigned int look;		/* how far one map() sees */
};

static int fake_map(void *eng, uint64_t off, uint64_t len, struct vhd_run *out,
		    struct vhd_error *err)
{
	const struct fake *f = eng;
	uint64_t sec = off / SEC, in = off % SEC, n = SEC - in;
	unsigned int i;

	(void)err;
	for (i = 1; i < f->look && sec + i < SECTORS; i++) {
		if (f->kind[sec + i] != f->kind[sec])
			break;
		if (f->kind[sec] == VHD_RUN_DATA &&
		    f->place[sec + i] != f->place[sec] + i)
			break;
		n += SEC;
	}
	out->len = n < len ? n : len;
	out->kind = f->kind[sec];
	out->file_off = (uint64_t)f->place[sec] * SEC + in;
	out->flags = 0;
	return 0;
}

static void fake_close(void *eng)
{
	(void)eng;
}

static const struct vhd_engine fake_engine = {
	.map = fake_map,
	.close = fake_close,
};

struct rig {
	struct vhd_image img;
	struct vhd_layer layers[LAYERS];
	struct fake fakes[LAYERS];
	uint8_t model[SECTORS * SEC];
};

static unsigned int rnd(unsigned int *seed, unsigned int below)
{
	*seed = *seed * 1103515245u + 12345u;
	return (*seed >> 16) % below;
}

/* Byte @i of sector @place in the file of layer @layer. */
static uint8_t pattern(unsigned int layer, unsigned int place, unsigned int i)
{
	return (uint8_t)(1 + layer * 53 + place * 7 + i % 97);
}

static void fill_file(struct vhd_io *io, unsigned int layer)
{
	uint8_t file[SECTORS * SEC];
	unsigned int s, i;

	for (s = 0; s < SECTORS; s++) {
		for (i = 0; i < SEC; i++)
			file[s * SEC + i] = pattern(layer, s, i);
	}
	ck_assert_int_eq(vhd_io_write(io, file, sizeof(file), 0, NULL), 0);
}

static void model_sector(struct rig *r, unsigned int s)
{
	unsigned int l, i;

	memset(r->model + s * SEC, 0, SEC);
	for (l = 0; l < r->img.count; l++) {
		const struct fake *f = &r->fakes[l];

		if (s * SEC >= r->layers[l].size || f->kind[s] == VHD_RUN_ZERO)
			return;
		if (f->kind[s] == VHD_RUN_PARENT)
			continue;
		for (i = 0; i < SEC; i++)
			r->model[s * SEC + i] = pattern(l, f->place[s], i);
		return;
	}
}

static void rig_make(struct rig *r, unsigned int seed)
{
	unsigned int l, s;

	memset(r, 0, sizeof(*r));
	r->img.layers = r->layers;
	r->img.count = 1 + rnd(&seed, LAYERS);
	for (l = 0; l < r->img.count; l++) {
		struct fake *f = &r->fakes[l];
		unsigned int sectors = l ? 1 + rnd(&seed, SECTORS) : SECTORS;

		f->look = 1 + rnd(&seed, 9);
		for (s = 0; s < SECTORS; s++) {
			f->kind[s] = (enum vhd_run_kind)(rnd(&seed, 3));
			if (s && rnd(&seed, 3))
				f->kind[s] = f->kind[s - 1];
			f->place[s] = rnd(&seed, 2) && s ? f->place[s - 1] + 1
							 : rnd(&seed, SECTORS);
			f->place[s] %= SECTORS;
		}
		r->layers[l].ops = &fake_engine;
		r->layers[l].eng = f;
		r->layers[l].size = (uint64_t)sectors * SEC;
		ck_assert_int_eq(vhd_io_open_mem(NULL, 0, &r->layers[l].io,
						 NULL), 0);
		fill_file(r->layers[l].io, l);
	}
	r->img.size = r->layers[0].size;
	for (s = 0; s < SECTORS; s++)
		model_sector(r, s);
}

static void rig_free(struct rig *r)
{
	unsigned int l;

	for (l = 0; l < r->img.count; l++)
		vhd_io_close(&r->layers[l].io, NULL);
	vhd_owners_free(r->img.owners);
}

START_TEST(rw__any_range_of_any_chain_reads_as_the_model)
{
	struct rig r;
	uint8_t buf[SECTORS * SEC];
	unsigned int seed, i, s;

	for (seed = 1; seed < 300; seed++) {
		s = seed;
		rig_make(&r, seed * 77);
		for (i = 0; i < 20; i++) {
			uint64_t off = rnd(&s, SECTORS * SEC);
			size_t len = 1 + rnd(&s, SECTORS * SEC - (unsigned int)off);

			ck_assert_int_eq(vhd_pread(&r.img, buf, len, off, NULL), 0);
			ck_assert_mem_eq(buf, r.model + off, len);
		}
		rig_free(&r);
	}
}
END_TEST

START_TEST(rw__extents_cover_the_disk_without_gaps)
{
	struct rig r;
	struct vhd_extent ext[5];
	unsigned int seed;

	for (seed = 1; seed < 300; seed++) {
		uint64_t off = 0;

		rig_make(&r, seed * 31);
		while (off < r.img.size) {
			size_t n = 0, i;

			ck_assert_int_eq(vhd_resolve(&r.img, off,
						     r.img.size - off, ext, 5,
						     &n, NULL), 0);
			ck_assert_uint_gt(n, 0);
			for (i = 0; i < n; i++) {
				ck_assert_uint_eq(ext[i].off, off);
				ck_assert_uint_gt(ext[i].len, 0);
				off += ext[i].len;
			}
		}
		ck_assert_uint_eq(off, r.img.size);
		rig_free(&r);
	}
}
END_TEST

START_TEST(rw__neighbours_of_one_place_are_one_extent)
{
	struct rig r;
	struct vhd_extent ext[4];
	unsigned int s;
	size_t n;

	rig_make(&r, 5);
	r.img.count = 1;
	for (s = 0; s < SECTORS; s++) {
		r.fakes[0].kind[s] = VHD_RUN_DATA;
		r.fakes[0].place[s] = s;
	}
	r.fakes[0].look = 1;
	ck_assert_int_eq(vhd_resolve(&r.img, 100, 5000, ext, 4, &n, NULL), 0);
	ck_assert_uint_eq(n, 1);
	ck_assert_uint_eq(ext[0].file_off, 100);
	ck_assert_uint_eq(ext[0].len, 5000);
	r.img.count = LAYERS;
	rig_free(&r);
}
END_TEST

START_TEST(rw__ranges_past_the_end_are_refused)
{
	struct rig r;
	struct vhd_error err;
	uint8_t b;

	rig_make(&r, 9);
	ck_assert_int_eq(vhd_pread(&r.img, &b, 1, r.img.size, &err),
			 VHD_E_RANGE);
	ck_assert_int_eq(vhd_pread(&r.img, &b, 2, UINT64_MAX, &err),
			 VHD_E_RANGE);
	ck_assert_int_eq(vhd_pread(&r.img, &b, 0, r.img.size, &err), 0);
	rig_free(&r);
}
END_TEST

START_TEST(rw__a_parent_that_is_not_open_is_an_error_not_zeros)
{
	struct rig r;
	struct vhd_error err;
	uint8_t b;

	rig_make(&r, 11);
	r.fakes[r.img.count - 1].kind[0] = VHD_RUN_PARENT;
	while (r.img.count > 1)
		vhd_io_close(&r.layers[--r.img.count].io, NULL);
	r.fakes[0].kind[0] = VHD_RUN_PARENT;
	r.img.torn = true;
	ck_assert_int_eq(vhd_pread(&r.img, &b, 1, 0, &err), VHD_E_PARENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "parent"));
	rig_free(&r);
}
END_TEST

START_TEST(rw__preadv_fills_the_pieces_in_order)
{
	struct rig r;
	uint8_t a[700], b[1], c[3000];
	struct vhd_iov iov[3] = { { a, sizeof(a) }, { b, 1 }, { c, sizeof(c) } };

	rig_make(&r, 13);
	ck_assert_int_eq(vhd_preadv(&r.img, iov, 3, 33, NULL), 0);
	ck_assert_mem_eq(a, r.model + 33, 700);
	ck_assert_mem_eq(b, r.model + 733, 1);
	ck_assert_mem_eq(c, r.model + 734, 3000);
	rig_free(&r);
}
END_TEST

/* Blocks of 1 MiB: above, nothing at all; below, every other one is zeros. */
struct wide {
	bool striped;
	uint64_t looked;	/* blocks */
};

static int wide_map(void *eng, uint64_t off, uint64_t len, struct vhd_run *out,
		    struct vhd_error *err)
{
	struct wide *w = eng;

	(void)err;
	*out = (struct vhd_run){ .len = len, .kind = VHD_RUN_PARENT };
	if (w->striped) {
		out->kind = off / MiB % 2 ? VHD_RUN_ZERO : VHD_RUN_DATA;
		out->len = min_u64(len, MiB - off % MiB);
	}
	w->looked += div_ceil(out->len, MiB);
	return 0;
}

START_TEST(rw__looking_through_a_chain_costs_what_it_finds)
{
	static const struct vhd_engine engine = { .map = wide_map };
	struct wide w[2] = { { .striped = false }, { .striped = true } };
	struct vhd_layer layers[2] = {
		{ .ops = &engine, .eng = &w[0], .size = 64 * GiB },
		{ .ops = &engine, .eng = &w[1], .size = 64 * GiB },
	};
	struct vhd_image img = { .layers = layers, .count = 2,
				 .size = 64 * GiB };
	struct vhd_extent ext[64];
	uint64_t off = 0;
	size_t n;

	while (off < img.size) {
		ck_assert_int_eq(vhd_resolve(&img, off, img.size - off, ext,
					     64, &n, NULL), 0);
		off = ext[n - 1].off + ext[n - 1].len;
	}
	ck_assert_uint_le(w[0].looked, 100 * w[1].looked);
	/* A run without an end is still found in a few looks. */
	w[1].striped = false;
	ck_assert_int_eq(vhd_resolve(&img, 0, img.size, ext, 64, &n, NULL), 0);
	ck_assert_uint_eq(n, 1);
	ck_assert_uint_eq(ext[0].len, img.size);
}
END_TEST

TEST_MAIN("image/rw", rw__looking_through_a_chain_costs_what_it_finds,
	  rw__any_range_of_any_chain_reads_as_the_model,
	  rw__extents_cover_the_disk_without_gaps,
	  rw__neighbours_of_one_place_are_one_extent,
	  rw__ranges_past_the_end_are_refused,
	  rw__a_parent_that_is_not_open_is_an_error_not_zeros,
	  rw__preadv_fills_the_pieces_in_order)
