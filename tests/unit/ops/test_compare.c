/* SPDX-License-Identifier: BSD-2-Clause */
/* Two disks side by side: what differs, and what is not read for it. */
#include <check.h>
#include <fcntl.h>

#include "ops/compare_walk.h"
#include "support/chain_model.h"
#include "support/check_main.h"

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define DISK (6 * MIB)

static const char *const exts[] = { "vhd", "vhdx" };
static const uint64_t granules[] = { 512, 4096, 64 * KIB, MIB };

/* Two children of one base, the second one larger. */
static void twins(struct chain_model *m, const char *ext, uint64_t seed)
{
	chain_model_make(m, ext, MIB, DISK, seed);
	chain_model_scribble(m, 0, 30);
	chain_model_child(m, 0, "a", 0);
	chain_model_child(m, 0, "b", 512 * KIB + 512);
	chain_model_scribble(m, 1, 6);
	chain_model_scribble(m, 2, 6);
}

/* A byte for each granule: differs, says the model or the library. */
struct marks {
	uint64_t granule, end;
	uint8_t *want, *have;
	uint64_t first, differing;
	size_t calls, limit;
	uint64_t last_end;
};

static uint8_t byte_of(const struct chain_model *m, int layer, uint64_t off)
{
	return off < m->size[layer] ? m->disk[layer][off] : 0;
}

static void marks_make(struct marks *k, const struct chain_model *m, int a,
		       int b, uint64_t granule)
{
	size_t end = m->size[a] > m->size[b] ? m->size[a] : m->size[b];

	memset(k, 0, sizeof(*k));
	k->granule = granule;
	k->end = end;
	k->want = calloc(1, end / granule + 1);
	k->have = calloc(1, end / granule + 1);
	k->first = VHD_NO_OFFSET;
	for (uint64_t off = 0; off < end; off++) {
		if (byte_of(m, a, off) == byte_of(m, b, off))
			continue;
		if (k->first == VHD_NO_OFFSET)
			k->first = off;
		k->want[off / granule] = 1;
	}
	for (uint64_t g = 0; g * granule < end; g++) {
		uint64_t left = end - g * granule;

		if (k->want[g])
			k->differing += left < granule ? left : granule;
	}
}

static void marks_free(struct marks *k)
{
	free(k->want);
	free(k->have);
}

static bool on_differ(void *arg, uint64_t off, uint64_t len)
{
	struct marks *k = arg;

	ck_assert_uint_eq(off % k->granule, 0);
	ck_assert(len % k->granule == 0 || off + len == k->end);
	/* Ascending, and neighbours are one. */
	ck_assert(!k->calls || off > k->last_end);
	k->last_end = off + len;
	for (uint64_t at = off; at < off + len; at += k->granule)
		k->have[at / k->granule] = 1;
	return ++k->calls != k->limit;
}

static void compare(const struct chain_model *m, int a, int b,
		    uint64_t granule, struct vhd_compare_result *r)
{
	struct vhd_compare_opts o = VHD_COMPARE_OPTS_INIT;
	struct vhd_image *ia = chain_model_open(m, a, 0);
	struct vhd_image *ib = chain_model_open(m, b, 0);
	struct vhd_error err;
	struct marks k;

	marks_make(&k, m, a, b, granule);
	o.granule = (uint32_t)granule;
	o.differ = on_differ;
	o.differ_arg = &k;
	if (vhd_compare(ia, ib, &o, r, &err))
		ck_abort_msg("%s", err.msg);
	ck_assert_int_eq(memcmp(k.want, k.have, k.end / granule + 1), 0);
	ck_assert_uint_eq(r->first, k.first);
	ck_assert_uint_eq(r->differing, k.differing);
	ck_assert_uint_eq(r->compared, k.end);
	marks_free(&k);
	vhd_close(&ia, NULL);
	vhd_close(&ib, NULL);
}

START_TEST(compare__finds_what_the_model_finds)
{
	struct vhd_compare_result r;
	struct chain_model m;

	twins(&m, exts[_i % 2], (uint64_t)_i + 1);
	for (size_t g = 0; g < sizeof(granules) / sizeof(*granules); g++) {
		compare(&m, 1, 2, granules[g], &r);
		compare(&m, 2, 1, granules[g], &r);
		compare(&m, 0, 2, granules[g], &r);
	}
	chain_model_free(&m);
}
END_TEST

START_TEST(compare__what_two_images_share_is_not_read)
{
	struct vhd_compare_result r;
	struct chain_model m;

	twins(&m, exts[_i], 7);
	compare(&m, 1, 2, 4096, &r);
	ck_assert_uint_gt(r.same_bytes, 0);
	ck_assert_uint_lt(r.read_bytes, 2 * DISK - 2 * r.same_bytes);
	compare(&m, 1, 1, 4096, &r);
	ck_assert_uint_eq(r.read_bytes, 0);
	ck_assert_uint_eq(r.same_bytes + r.zero_bytes, DISK);
	chain_model_free(&m);
}
END_TEST

START_TEST(compare__of_zeros_against_data_only_the_data_is_read)
{
	static uint8_t bytes[64 * 1024];
	struct vhd_compare_result r;
	struct vhd_image *img;
	struct chain_model m;

	chain_model_make(&m, exts[_i], MIB, DISK, 3);
	chain_model_child(&m, 0, "a", 0);
	img = chain_model_open(&m, 1, VHD_OPEN_RDWR);
	ck_assert_int_eq(vhd_pwrite(img, bytes, sizeof(bytes), MIB, NULL), 0);
	vhd_close(&img, NULL);
	compare(&m, 0, 1, 4096, &r);
	ck_assert_uint_eq(r.first, VHD_NO_OFFSET);
	ck_assert_uint_le(r.read_bytes, sizeof(bytes));
	ck_assert_uint_ge(r.zero_bytes, DISK - sizeof(bytes));
	chain_model_free(&m);
}
END_TEST

START_TEST(compare__holes_of_a_raw_file_are_zeros_unread)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_image *a = NULL, *b = NULL;
	struct vhd_compare_result r;
	struct tempdir dir;
	char raw[512];
	FILE *f;

	tempdir_make(&dir);
	f = fopen(tempdir_name(&dir, "disk.raw", raw), "wb");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(truncate(raw, (off_t)(64 * MIB)), 0);
	o.flags = VHD_OPEN_ALLOW_RAW;
	ck_assert_int_eq(vhd_open(raw, &o, &a, NULL), 0);
	ck_assert_int_eq(vhd_open(raw, &o, &b, NULL), 0);
	ck_assert_int_eq(vhd_compare(a, b, NULL, &r, NULL), 0);
	ck_assert_uint_eq(r.read_bytes, 0);
	vhd_close(&a, NULL);
	vhd_close(&b, NULL);
	tempdir_remove(&dir);
}
END_TEST

START_TEST(compare__the_first_difference_is_enough_if_so_asked)
{
	struct vhd_compare_opts o = VHD_COMPARE_OPTS_INIT;
	struct vhd_compare_result r;
	struct vhd_image *a, *b;
	struct chain_model m;
	struct marks k;

	twins(&m, exts[_i], 11);
	a = chain_model_open(&m, 1, 0);
	b = chain_model_open(&m, 2, 0);
	marks_make(&k, &m, 1, 2, 4096);
	o.stop_first = true;
	ck_assert_int_eq(vhd_compare(a, b, &o, &r, NULL), 0);
	ck_assert_uint_eq(r.first, k.first);
	ck_assert_uint_gt(r.differing, 0);
	ck_assert_uint_lt(r.differing, k.differing);
	/* And so is what the caller has seen. */
	o.stop_first = false;
	o.differ = on_differ;
	o.differ_arg = &k;
	k.limit = 2;
	ck_assert_int_eq(vhd_compare(a, b, &o, &r, NULL), 0);
	ck_assert_uint_eq(k.calls, 2);
	marks_free(&k);
	vhd_close(&a, NULL);
	vhd_close(&b, NULL);
	chain_model_free(&m);
}
END_TEST

static bool stop(void *arg, uint64_t done, uint64_t total)
{
	(void)arg;
	(void)total;
	return done == 0;
}

START_TEST(compare__can_be_cancelled_and_refuses_odd_granules)
{
	struct vhd_compare_opts o = VHD_COMPARE_OPTS_INIT;
	struct vhd_compare_result r;
	struct vhd_image *a;
	struct chain_model m;
	struct vhd_error err;

	twins(&m, "vhdx", 5);
	a = chain_model_open(&m, 1, 0);
	o.progress = stop;
	ck_assert_int_eq(vhd_compare(a, a, &o, &r, &err), VHD_E_CANCELLED);
	o.progress = NULL;
	for (size_t i = 0; i < 3; i++) {
		static const uint32_t odd[] = { 256, 3000, 2 << 20 };

		o.granule = odd[i];
		ck_assert_int_eq(vhd_compare(a, a, &o, &r, &err), VHD_E_INVAL);
	}
	vhd_close(&a, NULL);
	chain_model_free(&m);
}
END_TEST

/* For the walk: the bytes that are handed out, and ranges that were asked for. */
struct seen {
	const struct chain_model *m;
	uint64_t from, to;
	uint8_t *marks;
};

static int on_bytes(void *arg, uint64_t off, uint64_t len, const uint8_t *a,
		    const uint8_t *b, struct vhd_error *err)
{
	struct seen *s = arg;

	(void)err;
	ck_assert_uint_ge(off, s->from);
	ck_assert_uint_le(off + len, s->to);
	for (uint64_t i = 0; i < len; i++) {
		if ((a ? a[i] : 0) != byte_of(s->m, 1, off + i) ||
		    (b ? b[i] : 0) != byte_of(s->m, 2, off + i))
			ck_abort_msg("byte %#jx is wrong",
				     (uintmax_t)(off + i));
		s->marks[off + i] = 1;
	}
	return 0;
}

START_TEST(compare__ranges_may_be_any_and_bytes_come_with_them)
{
	struct vhd_compare_walk w = { .granule = granules[_i % 4] };
	struct chain_model m;
	struct seen s = { .m = &m };
	struct vhd_error err;
	size_t size;
	int i;

	twins(&m, exts[_i % 2], (uint64_t)_i + 100);
	size = m.size[2];
	s.marks = calloc(1, size);
	w.a = chain_model_open(&m, 1, 0);
	w.b = chain_model_open(&m, 2, 0);
	w.differ = on_bytes;
	w.arg = &s;
	ck_assert_int_eq(vhd_compare_begin(&w, &err), 0);
	for (i = 0; i < 60; i++) {
		s.from = base_rand_below(&m.seed, size);
		s.to = s.from + 1 + base_rand_below(&m.seed, size - s.from);
		if (i % 3)
			s.to = s.from + (s.to - s.from) / 200 + 1;
		memset(s.marks, 0, size);
		ck_assert_int_eq(vhd_compare_range(&w, s.from, s.to - s.from,
						   &err), 0);
		for (uint64_t off = s.from; off < s.to; off++) {
			if (!s.marks[off] &&
			    byte_of(&m, 1, off) != byte_of(&m, 2, off))
				ck_abort_msg("byte %#jx was missed",
					     (uintmax_t)off);
		}
	}
	vhd_compare_end(&w);
	vhd_close(&w.a, NULL);
	vhd_close(&w.b, NULL);
	free(s.marks);
	chain_model_free(&m);
}
END_TEST

START_TEST(compare__an_image_open_for_writing_is_seen_as_it_is)
{
	struct vhd_compare_result r;
	struct vhd_image *a, *b;
	struct chain_model m;
	uint8_t bytes[512];

	twins(&m, exts[_i], 21);
	a = chain_model_open(&m, 0, 0);
	b = chain_model_open(&m, 1, VHD_OPEN_RDWR);
	memset(bytes, 0x5a, sizeof(bytes));
	ck_assert_int_eq(vhd_pwrite(b, m.disk[0], DISK, 0, NULL), 0);
	ck_assert_int_eq(vhd_compare(a, b, NULL, &r, NULL), 0);
	ck_assert_uint_eq(r.first, VHD_NO_OFFSET);
	ck_assert_int_eq(vhd_pwrite(b, bytes, 512, DISK - 512, NULL), 0);
	ck_assert_int_eq(vhd_compare(a, b, NULL, &r, NULL), 0);
	ck_assert_uint_ge(r.first, DISK - 512);
	ck_assert_uint_eq(r.differing, 4096);
	vhd_close(&a, NULL);
	vhd_close(&b, NULL);
	chain_model_free(&m);
}
END_TEST

/* What layers [0, n) of the chain hold: marks of bytes. */
struct held {
	uint8_t *marks;
	uint64_t end;
	uint32_t layers;
};

static bool on_held(void *arg, const struct vhd_extent *e)
{
	struct held *h = arg;

	ck_assert_uint_ge(e->off, h->end);
	ck_assert_uint_lt(e->layer, h->layers);
	h->end = e->off + e->len;
	memset(h->marks + e->off, 1, (size_t)e->len);
	return true;
}

/*
 * Where the upper layers hold nothing, the disk is that of the layer below;
 * VHD-D-6 and VHDX-RD-03 included, where one of them ends early.
 */
static void expect_held(const struct chain_model *m, int top, uint32_t layers)
{
	struct vhd_image *img = chain_model_open(m, top, 0);
	int below = top - (int)layers;
	struct held h = { .layers = layers };
	struct vhd_error err;

	h.marks = calloc(1, m->size[top]);
	if (vhd_layer_changes(img, layers, on_held, &h, &err))
		ck_abort_msg("%s", err.msg);
	for (uint64_t off = 0; off < m->size[top]; off++) {
		uint8_t other = below >= 0 ? byte_of(m, below, off) : 0;

		if (!h.marks[off] && m->disk[top][off] != other)
			ck_abort_msg("byte %#jx was missed", (uintmax_t)off);
	}
	free(h.marks);
	vhd_close(&img, NULL);
}

START_TEST(changes__what_a_layer_does_not_hold_is_below_it)
{
	struct chain_model m;
	int i;

	chain_model_make(&m, exts[_i % 2], MIB, DISK, (uint64_t)_i + 50);
	chain_model_scribble(&m, 0, 20);
	for (i = 1; i < 5; i++) {
		chain_model_child(&m, i - 1, (char[]){ (char)('a' + i), 0 },
				  i == 3 ? MIB : 0);
		chain_model_scribble(&m, i, 5);
	}
	for (i = 1; i <= 5; i++)
		expect_held(&m, 4, (uint32_t)i);
	chain_model_free(&m);
}
END_TEST

static bool on_any(void *arg, const struct vhd_extent *e)
{
	(void)e;
	return ++*(int *)arg < 1;
}

START_TEST(changes__of_an_untouched_child_there_are_none)
{
	struct vhd_image *img;
	struct chain_model m;
	int calls = 0;

	chain_model_make(&m, exts[_i], MIB, DISK, 9);
	chain_model_scribble(&m, 0, 20);
	chain_model_child(&m, 0, "a", MIB);
	img = chain_model_open(&m, 1, 0);
	ck_assert_int_eq(vhd_layer_changes(img, 1, on_any, &calls, NULL), 0);
	ck_assert_int_eq(calls, 0);
	ck_assert_int_eq(vhd_layer_changes(img, 2, on_any, &calls, NULL), 0);
	ck_assert_int_eq(calls, 1);
	ck_assert_int_eq(vhd_layer_changes(img, 0, on_any, &calls, NULL),
			 VHD_E_INVAL);
	ck_assert_int_eq(vhd_layer_changes(img, 3, on_any, &calls, NULL),
			 VHD_E_INVAL);
	vhd_close(&img, NULL);
	chain_model_free(&m);
}
END_TEST

TEST_MAIN_ROWS("ops/compare",
	LOOP(compare__finds_what_the_model_finds, 8),
	LOOP(compare__what_two_images_share_is_not_read, 2),
	LOOP(compare__of_zeros_against_data_only_the_data_is_read, 2),
	ONCE(compare__holes_of_a_raw_file_are_zeros_unread),
	LOOP(compare__the_first_difference_is_enough_if_so_asked, 2),
	ONCE(compare__can_be_cancelled_and_refuses_odd_granules),
	LOOP(compare__ranges_may_be_any_and_bytes_come_with_them, 8),
	LOOP(compare__an_image_open_for_writing_is_seen_as_it_is, 2),
	LOOP(changes__what_a_layer_does_not_hold_is_below_it, 6),
	LOOP(changes__of_an_untouched_child_there_are_none, 2))
