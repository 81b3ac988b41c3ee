/* SPDX-License-Identifier: BSD-2-Clause */
/* Rounds of a repair, with engines that behave as badly as they can. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "io/io_mem.h"
#include "ops/mend.h"

enum { PAGE = 4096 };

struct scene {
	struct vhd_io *io;
	struct vhd_grants grants;
	struct vhd_mend m;
	struct vhd_engine engine;
	uint64_t told;
};

static void on_step(void *arg, const struct vhd_repair_step *step)
{
	uint64_t *told = arg;

	ck_assert_str_eq(step->file, "image");
	(*told)++;
}

static void begin(struct scene *s,
		  int (*repair)(const struct vhd_engine_repair *req,
				struct vhd_error *err))
{
	memset(s, 0, sizeof(*s));
	ck_assert_int_eq(vhd_io_open_mem("x", 1, &s->io, NULL), 0);
	vhd_io_set_size(s->io, GiB, NULL);
	vhd_grants_init(&s->grants);
	s->engine.repair = repair;
	s->m = (struct vhd_mend){ .engine = &s->engine, .grants = &s->grants,
				  .file = "image", .step = on_step,
				  .step_arg = &s->told };
	s->m.told = vhd_told_new();
	ck_assert_int_eq(vhd_patch_new(s->io, &s->m.patch, NULL), 0);
}

static void end(struct scene *s)
{
	vhd_patch_free(s->m.patch);
	vhd_told_free(s->m.told);
	vhd_io_close(&s->io, NULL);
}

/* Cures nothing: the same step each time, and one that is not allowed. */
static int cures_nothing(const struct vhd_engine_repair *req,
			 struct vhd_error *err)
{
	(void)err;
	vhd_mend_may(&req->mender, RULE_VHDX_BLOCK_OVERLAP, 7, "ask");
	ck_assert(vhd_mend_may(&req->mender, RULE_VHDX_HDR_TWINS, 5, "do"));
	return 0;
}

START_TEST(mend__a_step_that_cures_nothing_ends)
{
	struct scene s;

	begin(&s, cures_nothing);
	ck_assert_int_eq(vhd_mend_run(&s.m, NULL), 0);
	ck_assert_uint_eq(s.m.steps, 1);
	ck_assert_uint_eq(s.m.possible, 1);
	ck_assert_uint_eq(s.told, 2);
	ck_assert(!s.m.full);
	end(&s);
}
END_TEST

/* Mends a page after the other until it is stopped. */
static int mends_much(const struct vhd_engine_repair *req,
		      struct vhd_error *err)
{
	uint8_t page[PAGE], have;

	memset(page, 1, sizeof(page));
	for (uint64_t i = 0; i < 40000; i++) {
		if (vhd_io_read(req->io, &have, 1, i * PAGE, err))
			return VHD_E_IO;
		if (have == 1)
			continue;
		if (vhd_mend_may(&req->mender, RULE_VHDX_HDR_TWINS, i, "do") &&
		    vhd_io_write(req->io, page, PAGE, i * PAGE, err))
			return VHD_E_IO;
	}
	return 0;
}

/* In parts, each no larger than it may be, until all is done. */
START_TEST(mend__a_full_plan_goes_on_after_it_was_applied)
{
	struct scene s;
	int parts = 0;

	begin(&s, mends_much);
	do {
		ck_assert_int_eq(vhd_mend_run(&s.m, NULL), 0);
		ck_assert_uint_le(vhd_patch_bytes(s.m.patch),
				  VHD_MEND_BUDGET + MiB);
		ck_assert_int_eq(vhd_patch_apply(s.m.patch, s.io, NULL), 0);
		vhd_patch_free(s.m.patch);
		ck_assert_int_eq(vhd_patch_new(s.io, &s.m.patch, NULL), 0);
		parts++;
	} while (s.m.full);
	ck_assert_int_eq(parts, 3);
	ck_assert_uint_eq(s.m.steps, 40000);
	end(&s);
}
END_TEST

START_TEST(mend__consents_are_words_that_exist)
{
	const struct vhd_consent good[] = {
		{ "all", NULL }, { "vhdx-chk-58", "first" },
		{ "VHDX_BITMAP_MISSING", "parent" },
	};
	const struct vhd_consent bad[] = {
		{ "nothing", NULL }, { NULL, NULL }, { "all", "first" },
		{ "VHDX_BLOCK_OVERLAP", "fir" }, { "VHD1_SPLIT", NULL },
		{ "VHDX_BLOCK_OVERLAP", "copy first" },
		{ "VHDX_HDR_TWINS", "first" },
	};
	struct vhd_grants g;

	vhd_grants_init(&g);
	ck_assert_str_eq(g.choice[RULE_VHDX_HDR_TWINS], "");
	ck_assert_ptr_null(g.choice[RULE_VHDX_BLOCK_OVERLAP]);
	ck_assert_int_eq(vhd_grants_add(&g, good, 3, NULL), 0);
	ck_assert_str_eq(g.choice[RULE_VHDX_BLOCK_OVERLAP], "first");
	ck_assert_str_eq(g.choice[RULE_VHDX_BITMAP_MISSING], "parent");
	ck_assert_str_eq(g.choice[RULE_VHD1_BLOCK_OVERLAP], "");
	ck_assert_ptr_null(g.choice[RULE_VHD1_SPLIT]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_int_eq(vhd_grants_add(&g, &bad[i], 1, NULL),
				 VHD_E_INVAL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mend");
	TCase *tc = tcase_create("mend");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, mend__a_step_that_cures_nothing_ends);
	tcase_add_test(tc, mend__a_full_plan_goes_on_after_it_was_applied);
	tcase_add_test(tc, mend__consents_are_words_that_exist);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
