/* SPDX-License-Identifier: BSD-2-Clause */
/* A child's disk is the same under any parent, and so are its children's. */
#include <check.h>
#include <unistd.h>

#include "ops/kin.h"
#include "ops/reparent.h"
#include "support/chain_model.h"
#include "support/check_main.h"

#define MIB (UINT64_C(1) << 20)

static const char *const exts[] = { "vhd", "vhdx" };

enum { BASE, A, B, CHILD, GRAND, LAYERS };

/* A and B are children of the base, CHILD one of A, GRAND one of CHILD. */
static void tree(struct chain_model *m, const char *ext, uint64_t seed)
{
	chain_model_make(m, ext, MIB, 5 * MIB, seed);
	chain_model_scribble(m, BASE, 20);
	chain_model_child(m, BASE, "a", 0);
	chain_model_child(m, BASE, "b", (seed & 1) * 512 * 3);
	chain_model_scribble(m, A, 8);
	chain_model_scribble(m, B, 8);
	chain_model_child(m, A, "child", 512 * 1024 + 512);
	chain_model_scribble(m, CHILD, 6);
	chain_model_child(m, CHILD, "grand", 0);
	chain_model_scribble(m, GRAND, 4);
}

static void expect_all(const struct chain_model *m)
{
	for (int i = 0; i < LAYERS; i++) {
		struct vhd_image *img = chain_model_open(m, i, 0);

		chain_model_expect(img, m->disk[i], m->size[i]);
		vhd_close(&img, NULL);
	}
}

static void sound(const char *path)
{
	struct vhd_check_opts o = VHD_CHECK_OPTS_INIT;
	struct vhd_check_result r;

	o.flags = VHD_CHECK_CHAIN | VHD_CHECK_DEEP;
	ck_assert_int_eq(vhd_check(path, &o, &r, NULL), 0);
	ck_assert_uint_eq(r.count[VHD_SEV_ERROR] + r.count[VHD_SEV_FATAL], 0);
}

static uint64_t rebase(const struct chain_model *m, int layer, int parent,
		       uint32_t flags)
{
	struct vhd_rebase_opts o = VHD_REBASE_OPTS_INIT;
	struct vhd_rebase_result r;
	struct vhd_error err;

	o.flags = flags;
	if (vhd_rebase(m->path[layer], m->path[parent], &o, &r, &err))
		ck_abort_msg("%s", err.msg);
	return r.copied_bytes;
}

/* _i: format and seed */
START_TEST(rebase__keeps_every_disk)
{
	struct chain_model m;
	uint64_t planned;

	tree(&m, exts[_i & 1], (uint64_t)_i);
	planned = rebase(&m, CHILD, B, VHD_CHANGE_DRY_RUN);
	expect_all(&m);
	ck_assert_uint_gt(planned, 0);
	ck_assert_uint_eq(rebase(&m, CHILD, B, 0), planned);
	expect_all(&m);
	sound(m.path[GRAND]);
	ck_assert_uint_eq(rebase(&m, CHILD, B, 0), 0);
	/* Down to the base, which B is a child of; and up again: all that B
	 * has is in the child. */
	rebase(&m, CHILD, BASE, 0);
	expect_all(&m);
	ck_assert_int_eq(unlink(m.path[A]), 0);
	rebase(&m, CHILD, B, 0);
	rebase(&m, GRAND, B, 0);
	sound(m.path[GRAND]);
	for (int i = CHILD; i < LAYERS; i++) {
		struct vhd_image *img = chain_model_open(&m, i, 0);

		chain_model_expect(img, m.disk[i], m.size[i]);
		vhd_close(&img, NULL);
	}
	chain_model_free(&m);
}
END_TEST

static bool stop(void *arg, uint64_t done, uint64_t total)
{
	unsigned *left = arg;

	(void)done;
	(void)total;
	return (*left)-- > 0;
}

START_TEST(rebase__cancelled_leaves_the_old_parent)
{
	struct vhd_rebase_opts o = VHD_REBASE_OPTS_INIT;
	struct chain_model m;

	tree(&m, exts[_i], 3);
	o.progress = stop;
	for (unsigned n = 0; n < 40; n++) {
		struct vhd_error err;
		unsigned left = n;
		int rc;

		o.progress_arg = &left;
		rc = vhd_rebase(m.path[CHILD], m.path[B], &o, NULL, &err);
		if (!rc)
			break;
		ck_assert_int_eq(rc, VHD_E_CANCELLED);
		expect_all(&m);
	}
	expect_all(&m);
	sound(m.path[GRAND]);
	chain_model_free(&m);
}
END_TEST

START_TEST(reparent__works_when_the_present_parent_is_lost)
{
	struct chain_model m;
	bool changed = false;
	char moved[600];

	tree(&m, exts[_i], 5);
	snprintf(moved, sizeof(moved), "%s.%s", m.path[A], m.ext);
	ck_assert_int_eq(rename(m.path[A], moved), 0);
	ck_assert_int_eq(vhd_reparent(m.path[CHILD], moved, NULL, 0, &changed,
				      NULL), 0);
	ck_assert(changed);
	ck_assert_int_eq(vhd_reparent(m.path[CHILD], moved, NULL, 0, &changed,
				      NULL), 0);
	ck_assert(!changed);
	ck_assert_int_eq(rename(moved, m.path[A]), 0);
	ck_assert_int_eq(vhd_reparent(m.path[CHILD], m.path[A], NULL, 0,
				      &changed, NULL), 0);
	expect_all(&m);
	/* VHD-D-9, VHDX-PAR-20 */
	ck_assert_int_eq(vhd_reparent(m.path[A], m.path[GRAND], NULL, 0, NULL,
				      NULL), VHD_E_INVAL);
	chain_model_free(&m);
}
END_TEST

START_TEST(kin__counts_children_but_those_that_are_excepted)
{
	struct chain_model m;
	struct vhd_image *img, *child;
	struct vhd_error err;
	struct vhd_kin kin;

	tree(&m, exts[_i], 5);
	img = chain_model_open(&m, BASE, 0);
	child = chain_model_open(&m, A, 0);
	ck_assert_int_eq(vhd_kin_find(img, NULL, 0, &kin, NULL), 0);
	ck_assert_uint_eq(kin.count, 2);
	ck_assert_int_eq(vhd_kin_find(img, &child->layers[0].file_id, 1, &kin,
				      NULL), 0);
	ck_assert_uint_eq(kin.count, 1);
	ck_assert_ptr_nonnull(strstr(kin.first, "b."));
	ck_assert_int_eq(vhd_kin_refuse(img, 0, &err), VHD_E_REFUSED);
	ck_assert_ptr_nonnull(strstr(err.msg, "2 images"));
	ck_assert_int_eq(vhd_kin_refuse(img, VHD_CHANGE_ORPHAN, &err), 0);
	vhd_close(&child, NULL);
	vhd_close(&img, NULL);
	chain_model_free(&m);
}
END_TEST

TEST_MAIN_ROWS("ops/rebase",
	LOOP(rebase__keeps_every_disk, 12),
	LOOP(rebase__cancelled_leaves_the_old_parent, 2),
	LOOP(reparent__works_when_the_present_parent_is_lost, 2),
	LOOP(kin__counts_children_but_those_that_are_excepted, 2))
