/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tools/gz_out.c on its own: whatever is written, in whatever pieces and by
 * however many threads, comes out of zlib again; and a target that fails ends
 * it.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "tools/gz_out.h"

/* A target in memory. */
struct heap {
	unsigned char *bytes;
	size_t fill, room;
	int calls, fail_at;
};

static int put(void *arg, const void *buf, size_t len)
{
	struct heap *h = arg;

	if (++h->calls == h->fail_at)
		return -ENOSPC;
	if (h->fill + len > h->room) {
		h->room = 2 * (h->fill + len);
		h->bytes = realloc(h->bytes, h->room);
		ck_assert_ptr_nonnull(h->bytes);
	}
	if (len > 0)
		memcpy(h->bytes + h->fill, buf, len);
	h->fill += len;
	return 0;
}

static unsigned rnd(unsigned *seed, unsigned below)
{
	*seed = *seed * 1103515245u + 12345u;
	return (*seed >> 8) % below;
}

/* Noise, text, or almost nothing. */
static size_t make_bytes(unsigned *seed, unsigned char *buf, size_t room)
{
	unsigned kind = rnd(seed, 3);
	size_t len = rnd(seed, (unsigned)room);

	for (size_t i = 0; i < len; i++) {
		if (kind == 0)
			buf[i] = (unsigned char)rnd(seed, 256);
		else if (kind == 1)
			buf[i] = (unsigned char)"the disk"[rnd(seed, 8)];
		else
			buf[i] = (unsigned char)(i / 300);
	}
	return len;
}

/* Writes something; the same is put into @plain. */
static int produce(struct gz_out *gz, unsigned seed, struct heap *plain)
{
	static unsigned char buf[700000], zeros[1 << 16];
	int rc = 0;

	for (int i = 0; rc == 0 && i < 40; i++) {
		size_t len = rnd(&seed, i % 2 ? 4000000 : 100000);

		if (rnd(&seed, 3) != 0) {
			len = make_bytes(&seed, buf, sizeof(buf));
			rc = gz_out_write(gz, buf, len);
			put(plain, buf, len);
			continue;
		}
		rc = gz_out_zero(gz, len);
		while (len > 0) {
			size_t n = len < sizeof(zeros) ? len : sizeof(zeros);

			put(plain, zeros, n);
			len -= n;
		}
	}
	return rc;
}

static int pack(unsigned seed, int level, unsigned threads, struct heap *gz,
		struct heap *plain)
{
	struct gz_out *out = NULL;
	int rc = gz_out_new(put, gz, level, threads, &out);

	if (rc == 0)
		rc = produce(out, seed, plain);
	if (rc == 0)
		rc = gz_out_end(out);
	gz_out_free(out);
	return rc;
}

static void expect_unpacked(const struct heap *gz, const struct heap *plain)
{
	unsigned char *back = malloc(plain->fill + 1);
	z_stream z = { 0 };

	ck_assert_ptr_nonnull(back);
	/* 16: with the header and the sums of gzip. */
	ck_assert_int_eq(inflateInit2(&z, MAX_WBITS + 16), Z_OK);
	z.next_in = gz->bytes;
	z.avail_in = (uInt)gz->fill;
	z.next_out = back;
	z.avail_out = (uInt)plain->fill + 1;
	ck_assert_int_eq(inflate(&z, Z_FINISH), Z_STREAM_END);
	ck_assert_uint_eq(z.avail_in, 0);
	ck_assert_uint_eq(z.total_out, plain->fill);
	if (plain->fill > 0)
		ck_assert_int_eq(memcmp(back, plain->bytes, plain->fill), 0);
	inflateEnd(&z);
	free(back);
}

START_TEST(gz_out__what_goes_in_comes_out)
{
	struct heap gz = { 0 }, plain = { 0 };
	struct heap one = { 0 }, again = { 0 };
	unsigned seed = (unsigned)_i + 1;
	int level = _i % 4 * 3;

	ck_assert_int_eq(pack(seed, level, (unsigned)_i, &gz, &plain), 0);
	expect_unpacked(&gz, &plain);
	/* The number of threads does not show. */
	ck_assert_int_eq(pack(seed, level, 1, &one, &again), 0);
	ck_assert_uint_eq(one.fill, gz.fill);
	ck_assert_int_eq(memcmp(one.bytes, gz.bytes, gz.fill), 0);
	free(gz.bytes);
	free(plain.bytes);
	free(one.bytes);
	free(again.bytes);
}
END_TEST

START_TEST(gz_out__of_nothing_is_a_gzip_file)
{
	struct heap gz = { 0 }, plain = { 0 };
	struct gz_out *out = NULL;

	ck_assert_int_eq(gz_out_new(put, &gz, 0, (unsigned)_i, &out), 0);
	ck_assert_int_eq(gz_out_zero(out, 0), 0);
	ck_assert_int_eq(gz_out_end(out), 0);
	gz_out_free(out);
	put(&plain, "", 0);
	expect_unpacked(&gz, &plain);
	free(gz.bytes);
	free(plain.bytes);
}
END_TEST

START_TEST(gz_out__a_target_that_fails_ends_it)
{
	for (int n = 1; n < 12; n++) {
		struct heap gz = { .fail_at = n }, plain = { 0 };

		ck_assert_int_eq(pack(5, 1, (unsigned)_i, &gz, &plain),
				 -ENOSPC);
		ck_assert_int_eq(gz.calls, n);
		free(gz.bytes);
		free(plain.bytes);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tools/gz_out");
	TCase *tc = tcase_create("gz_out");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 200);
	tcase_add_loop_test(tc, gz_out__what_goes_in_comes_out, 0, 8);
	tcase_add_loop_test(tc, gz_out__of_nothing_is_a_gzip_file, 1, 4);
	tcase_add_loop_test(tc, gz_out__a_target_that_fails_ends_it, 1, 4);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
