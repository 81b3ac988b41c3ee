/* SPDX-License-Identifier: BSD-2-Clause */
/* Blocks, bitmaps and the table move, and what nothing needs is given up. */
#include <string.h>

#include "base/ckd.h"
#include "support/base_rand.h"
#include "support/vhdx_reshaping.h"

static const struct vhd_guid some_id = { { 9, 8, 7, 6, 5, 4, 3, 2, 1 } };
static const struct vhd_guid no_id;

/* VHDX-TRIM-02: only on request, and only where there is a parent. */
START_TEST(vhdx_pack__block_is_the_parents_again)
{
	static const enum vhd_unmap hows[] = { VHD_UNMAP_BELOW,
		VHD_UNMAP_DISCARD, VHD_UNMAP_ZERO, VHD_UNMAP_BELOW };

	make(GiB, MiB, _i);
	fill(0, MiB, 1);
	fill(MiB, 512, 1);
	for (size_t i = 0; i < 4; i++) {
		bool below = hows[i] == VHD_UNMAP_BELOW;

		for (uint64_t blk = 0; blk < 3; blk++)
			vhdx_writing_unmap(&t, blk, hows[i]);
		ck_assert(vhdx_writing_is(&t, 0, 3 * MiB, below && _i ?
					  VHDX_WRITING_PARENT : 0));
	}
	again();
	ck_assert(vhdx_writing_is(&t, 0, 3 * MiB,
				  _i ? VHDX_WRITING_PARENT : 0));
	vhdx_writing_shut(&t);
	end();
}
END_TEST

static uint64_t pack(void)
{
	uint64_t limit = 0;

	ck_assert_msg(!vhdx_engine.pack(t.x, &limit, &t.err), "%s",
		      t.err.msg);
	return limit;
}

/* As ops do it, until nothing moves any more. */
static void pack_all(void)
{
	bool any = true;

	for (int i = 0; any && i < 10; i++) {
		uint64_t limit = pack();

		any = false;
		for (uint64_t blk = 0; blk < t.x->geom.blk_count; blk++) {
			bool moved;

			ck_assert_msg(!vhd_writer_move(t.w, blk, limit, &moved,
						       &t.err), "%s",
				      t.err.msg);
			any |= moved;
		}
		vhdx_writing_commit(&t, VHD_COMMIT_SYNC);
		ck_assert_msg(!vhdx_engine.pack_rest(t.x, limit, &t.err),
			      "%s", t.err.msg);
		vhdx_writing_commit(&t, VHD_COMMIT_SYNC);
	}
	ck_assert(!any);
}

/* VHDX-CMP-01: the identity of the data stays. */
START_TEST(vhdx_pack__blocks_move_into_holes_and_the_file_is_cut)
{
	struct vhd_guid id;

	make(GiB, MiB, _i);
	for (uint64_t i = 0; i < 20; i++)
		fill(i * MiB, _i && i % 2 ? 512 : MiB, (uint8_t)(i + 1));
	for (uint64_t i = 0; i < 20; i += 3)
		vhdx_writing_unmap(&t, i, VHD_UNMAP_ZERO);
	vhdx_writing_shut_clean(&t);
	ck_assert_uint_ge(vhdx_writing_file_size(&t), 23 * MiB);
	vhdx_writing_again(&t);
	id = identity();
	ck_assert_int_eq(vhdx_engine.identify(t.x, &id, NULL), 0);
	pack_all();
	again();
	ck_assert(is_id(&id));
	ck_assert_uint_eq(vhdx_writing_file_size(&t),
			  (4u + 13u + (_i ? 1u : 0u)) * MiB);
	for (uint64_t i = 0; i < 20; i++) {
		uint8_t want = i % 3 ? (uint8_t)(i + 1) : 0;

		ck_assert(vhdx_writing_is(&t, i * MiB, 512, want));
		if (_i && i % 2 && i % 3)
			want = VHDX_WRITING_PARENT;
		ck_assert(vhdx_writing_is(&t, i * MiB + 512, MiB - 512, want));
	}
	vhdx_writing_shut(&t);
	end();
}
END_TEST

/* A packed file: nothing to do, and nothing is done. */
START_TEST(vhdx_pack__packing_twice_writes_nothing)
{
	uint64_t before;

	make(GiB, MiB, _i);
	for (uint64_t i = 0; i < 9; i++)
		fill(i * 3 * MiB, 4096, (uint8_t)(i + 1));
	again();
	pack_all();
	vhdx_writing_shut_clean(&t);
	before = writes();
	vhdx_writing_again(&t);
	ck_assert_uint_eq(pack(), vhdx_writing_file_size(&t));
	pack_all();
	vhdx_writing_shut_clean(&t);
	ck_assert_uint_eq(writes(), before);
	end();
}
END_TEST

/* VHDX-TRIM-13 with VHDX-LOG-45 */
START_TEST(vhdx_pack__bitmap_that_nothing_needs_is_given_up)
{
	make(9 * GiB, MiB, true);
	fill(0, 512, 1);
	fill(5 * GiB, 512, 2);
	fill(MiB, MiB, 3);
	vhdx_writing_unmap(&t, 5 * 1024, VHD_UNMAP_BELOW);
	pack_all();
	again();
	/* One bitmap, two blocks. */
	ck_assert_uint_eq(vhdx_writing_file_size(&t), (4 + 3) * MiB);
	ck_assert_uint_eq(vhdx_writing_entry(&t, 2 * 4096 + 1), 0);
	ck_assert(vhdx_writing_is(&t, 0, 512, 1));
	ck_assert(vhdx_writing_is(&t, 512, MiB - 512, VHDX_WRITING_PARENT));
	ck_assert(vhdx_writing_is(&t, MiB, MiB, 3));
	ck_assert(vhdx_writing_is(&t, 5 * GiB, MiB, VHDX_WRITING_PARENT));
	/* A new one finds no bits of the old one. */
	fill(5 * GiB + MiB / 2, 512, 4);
	ck_assert(vhdx_writing_is(&t, 5 * GiB, MiB / 2, VHDX_WRITING_PARENT));
	vhdx_writing_shut_clean(&t);
	end();
}
END_TEST

/*
 * VHDX-LOG-45: a block in the place of a bitmap that the log had changes of.  The
 * program ends without closing; what replays its log must not touch the block.
 */
START_TEST(vhdx_pack__log_does_not_reach_into_a_bitmaps_old_place)
{
	struct vhdx_writing later;
	uint64_t len, map;
	uint8_t *bytes;

	make(GiB, MiB, true);
	fill(512, 512, 1);
	vhdx_writing_commit(&t, VHD_COMMIT_SYNC);
	map = vhdx_writing_entry(&t, 4096) & ~UINT64_C(7);
	vhdx_writing_unmap(&t, 0, VHD_UNMAP_BELOW);
	vhdx_writing_commit(&t, VHD_COMMIT_SYNC);
	pack();
	ck_assert_uint_eq(vhdx_writing_entry(&t, 4096), 0);
	for (uint64_t i = 2; i < 4; i++)
		fill(i * MiB, MiB, 0x61);
	vhdx_writing_commit(&t, VHD_COMMIT_SYNC);
	ck_assert((vhdx_writing_entry(&t, 2) & ~UINT64_C(7)) == map ||
		  (vhdx_writing_entry(&t, 3) & ~UINT64_C(7)) == map);
	len = vhdx_writing_file_size(&t);
	bytes = malloc(len);
	ck_assert_int_eq(vhd_io_read(t.io, bytes, len, 0, NULL), 0);
	vhdx_image_free(&img);
	img = (struct vhdx_image){ .bytes = bytes, .len = len };
	vhdx_writing_begin(&later, &img);
	ck_assert_msg(!later.rc, "%s", later.err.msg);
	ck_assert(vhdx_writing_is(&later, 2 * MiB, 2 * MiB, 0x61));
	vhdx_writing_end(&later);
	end();
}
END_TEST

/* VHDX-RSZ-05 the other way: a table that growing had put behind the blocks. */
START_TEST(vhdx_pack__table_comes_down_again)
{
	struct vhd_engine_resize req = { .size = 200 * GiB };
	uint64_t at;

	make(100 * GiB, MiB, _i);
	for (uint64_t i = 0; i < 6; i++)
		fill(i * MiB, MiB, (uint8_t)(i + 1));
	ck_assert_int_eq(vhdx_engine.resize(t.x, &req, &t.err), 0);
	again();
	at = t.x->regions.bat.off;
	ck_assert_uint_ge(at, 10 * MiB);
	fill(150 * GiB, MiB, 9);
	fill(151 * GiB, 512, 8);
	vhdx_writing_unmap(&t, 2, VHD_UNMAP_ZERO);
	vhdx_writing_unmap(&t, 3, VHD_UNMAP_ZERO);
	pack_all();
	ck_assert_uint_lt(t.x->regions.bat.off, at);
	fill(0, 512, 7);
	fill(160 * GiB, 512, 6);
	again();
	/* 5 MiB of regions and 7 blocks; new blocks of a child need no bitmap. */
	ck_assert_uint_eq(vhdx_writing_file_size(&t), 12 * MiB);
	ck_assert(vhdx_writing_is(&t, 0, 512, 7));
	ck_assert(vhdx_writing_is(&t, 512, MiB - 512, 1));
	ck_assert(vhdx_writing_is(&t, MiB, MiB, 2));
	ck_assert(vhdx_writing_is(&t, 2 * MiB, 2 * MiB, 0));
	ck_assert(vhdx_writing_is(&t, 5 * MiB, MiB, 6));
	ck_assert(vhdx_writing_is(&t, 150 * GiB, MiB, 9));
	ck_assert(vhdx_writing_is(&t, 151 * GiB, 512, 8));
	ck_assert(vhdx_writing_is(&t, 160 * GiB, 512, 6));
	vhdx_writing_shut(&t);
	end();
}
END_TEST

/* PBS-01: their space is nobody's; what they say stays. */
START_TEST(vhdx_pack__soft_anchors_are_given_up)
{
	struct vhd_guid id;

	struct vhdx_image_spec spec = { .disk_size = GiB, .block_size = MiB };

	vhdx_image_init(&img, &spec);
	vhdx_image_add_block(&img, 0, 3, 0x11);
	vhdx_image_add_block(&img, 1, 1, 0x22);
	vhdx_image_add_block(&img, 2, 6, 0x33);
	begin();
	id = identity();
	pack_all();
	vhdx_writing_shut_check(&t, VHD_SEV_INFO);
	ck_assert_uint_eq(vhdx_writing_file_size(&t), 5 * MiB);
	vhdx_writing_again(&t);
	ck_assert_uint_eq(vhdx_writing_entry(&t, 0), 3);
	ck_assert_uint_eq(vhdx_writing_entry(&t, 1), 1);
	ck_assert_uint_eq(vhdx_writing_entry(&t, 2), 4 * MiB | 6);
	ck_assert(vhdx_writing_is(&t, 2 * MiB, MiB, 0x33));
	ck_assert(is_id(&id));
	vhdx_writing_shut(&t);
	end();
}
END_TEST

/* VHDX-ITEM-02 */
START_TEST(vhdx_pack__fixed_disk_is_not_packed)
{
	struct vhdx_image_spec spec = { .disk_size = GiB, .fixed = true };
	uint64_t limit;

	vhdx_image_init(&img, &spec);
	begin();
	ck_assert_int_eq(vhdx_engine.pack(t.x, &limit, &t.err),
			 VHD_E_UNSUPPORTED);
	vhdx_writing_shut(&t);
	end();
}
END_TEST

enum { MODEL_SECS = 24 * 2048, MODEL_STEPS = 400 };

static uint8_t model[MODEL_SECS];

static void expect_model(void)
{
	for (uint64_t sec = 0, n; sec < MODEL_SECS; sec += n) {
		for (n = 1; sec + n < MODEL_SECS &&
			    model[sec + n] == model[sec];)
			n++;
		ck_assert(vhdx_writing_is(&t, sec * 512, n * 512, model[sec]));
	}
}

static void model_unmap(uint64_t blk, enum vhd_unmap how)
{
	bool below = how == VHD_UNMAP_BELOW && t.x->meta.has_parent;

	vhdx_writing_unmap(&t, blk, how);
	memset(model + blk * 2048, below ? VHDX_WRITING_PARENT : 0, 2048);
}

static void model_step(uint64_t *seed)
{
	uint64_t sec = base_rand_below(seed, MODEL_SECS);
	uint64_t len = 1 + base_rand_below(seed, 3) *
			   base_rand_below(seed, 3000);
	uint8_t byte = (uint8_t)(1 + base_rand_below(seed, 250));

	switch (base_rand_below(seed, 14)) {
	case 0:
		model_unmap(sec / 2048, VHD_UNMAP_DISCARD);
		break;
	case 1:
		model_unmap(sec / 2048, VHD_UNMAP_BELOW);
		break;
	case 2:
		if (!base_rand_below(seed, 3))
			pack_all();
		break;
	case 3:
		if (t.x->meta.has_parent && base_rand_below(seed, 2))
			ck_assert_int_eq(vhdx_engine.link2(t.x, base_rand_below(
				seed, 2) ? &some_id : &no_id, NULL), 0);
		break;
	case 4:
		if (base_rand_below(seed, 2))
			break;
		vhdx_writing_shut_check(&t, VHD_SEV_WARNING);
		vhdx_writing_again(&t);
		break;
	default:
		len = min_u64(len, MODEL_SECS - sec);
		fill(sec * 512, len * 512, byte);
		memset(model + sec, byte, len);
	}
}

START_TEST(vhdx_pack__disk_agrees_with_a_model)
{
	uint64_t seed = 4000 + (uint64_t)_i;
	bool child = _i % 2;

	make((uint64_t)MODEL_SECS * 512, MiB, child);
	memset(model, child ? VHDX_WRITING_PARENT : 0, sizeof(model));
	for (int step = 0; step < MODEL_STEPS; step++) {
		model_step(&seed);
		if (step % 40 == 0)
			expect_model();
	}
	expect_model();
	vhdx_writing_shut_check(&t, VHD_SEV_WARNING);
	end();
}
END_TEST

TEST_MAIN_ROWS("vhdx/pack",
	       LOOP(vhdx_pack__block_is_the_parents_again, 2),
	       LOOP(vhdx_pack__blocks_move_into_holes_and_the_file_is_cut,
		    2),
	       LOOP(vhdx_pack__packing_twice_writes_nothing, 2),
	       ONCE(vhdx_pack__bitmap_that_nothing_needs_is_given_up),
	       ONCE(vhdx_pack__log_does_not_reach_into_a_bitmaps_old_place),
	       LOOP(vhdx_pack__table_comes_down_again, 2),
	       ONCE(vhdx_pack__soft_anchors_are_given_up),
	       ONCE(vhdx_pack__fixed_disk_is_not_packed),
	       LOOP(vhdx_pack__disk_agrees_with_a_model, 6))
