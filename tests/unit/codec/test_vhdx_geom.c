/* SPDX-License-Identifier: BSD-2-Clause */
#include "codec/vhdx_geom.h"
#include "support/check_main.h"

struct worked {
	uint64_t disk_size;
	uint32_t logical_sector, block_mib;
	uint64_t ratio, blocks, chunks, entries, entries_diff, last_blk,
		 last_bitmap, bat_mib;
};

/* The table of vhdx.md 8.1; BAT lengths are those for differencing disks. */
static const struct worked worked_sizes[] = {
	{ 5 * MiB, 512, 32, 128, 1, 1, 1, 129, 0, 128, 1 },
	{ 4 * GiB, 512, 1, 4096, 4096, 1, 4096, 4097, 4095, 4096, 1 },
	{ 4 * GiB + 512, 512, 1, 4096, 4097, 2, 4098, 8194, 4097, 8193, 1 },
	{ 6 * GiB, 512, 2, 2048, 3072, 2, 3073, 4098, 3072, 4097, 1 },
	{ 10 * GiB, 512, 1, 4096, 10240, 3, 10242, 12291, 10241, 12290, 1 },
	{ 10 * GiB, 512, 2, 2048, 5120, 3, 5122, 6147, 5121, 6146, 1 },
	{ 10 * GiB, 512, 32, 128, 320, 3, 322, 387, 321, 386, 1 },
	{ 10 * GiB, 512, 256, 16, 40, 3, 42, 51, 41, 50, 1 },
	{ 10 * GiB, 4096, 32, 1024, 320, 1, 320, 1025, 319, 1024, 1 },
	{ 127 * GiB, 512, 1, 4096, 130048, 32, 130079, 131104, 130078, 131103,
	  2 },
	{ 127 * GiB, 512, 32, 128, 4064, 32, 4095, 4128, 4094, 4127, 1 },
	{ 256 * GiB, 512, 1, 4096, 262144, 64, 262207, 262208, 262206, 262207,
	  3 },
	{ TiB, 512, 1, 4096, 1048576, 256, 1048831, 1048832, 1048830, 1048831,
	  9 },
	{ TiB, 512, 32, 128, 32768, 256, 33023, 33024, 33022, 33023, 1 },
	{ TiB, 4096, 1, 32768, 1048576, 32, 1048607, 1048608, 1048606, 1048607,
	  9 },
	{ 2 * TiB, 512, 2, 2048, 1048576, 512, 1049087, 1049088, 1049086,
	  1049087, 9 },
	{ 64 * TiB, 512, 1, 4096, 67108864, 16384, 67125247, 67125248,
	  67125246, 67125247, 513 },
	{ 64 * TiB, 512, 2, 2048, 33554432, 16384, 33570815, 33570816,
	  33570814, 33570815, 257 },
	{ 64 * TiB, 512, 32, 128, 2097152, 16384, 2113535, 2113536, 2113534,
	  2113535, 17 },
	{ 64 * TiB, 512, 256, 16, 262144, 16384, 278527, 278528, 278526,
	  278527, 3 },
	{ 64 * TiB, 4096, 1, 32768, 67108864, 2048, 67110911, 67110912,
	  67110910, 67110911, 513 },
	{ 64 * TiB, 4096, 2, 16384, 33554432, 2048, 33556479, 33556480,
	  33556478, 33556479, 257 },
	{ 64 * TiB, 4096, 32, 1024, 2097152, 2048, 2099199, 2099200, 2099198,
	  2099199, 17 },
	{ 64 * TiB, 4096, 256, 128, 262144, 2048, 264191, 264192, 264190,
	  264191, 3 },
};

START_TEST(vhdx_geom__worked_sizes_are_as_listed)
{
	for (size_t i = 0; i < sizeof(worked_sizes) / sizeof(*worked_sizes);
	     i++) {
		const struct worked *w = &worked_sizes[i];
		struct vhdx_geom g;

		vhdx_geom_init(&g, w->disk_size, w->block_mib << 20,
			       w->logical_sector);
		ck_assert_uint_eq(g.chunk_ratio, w->ratio);
		ck_assert_uint_eq(g.blk_count, w->blocks);
		ck_assert_uint_eq(g.chunk_count, w->chunks);
		ck_assert_uint_eq(vhdx_geom_entries(&g, false), w->entries);
		ck_assert_uint_eq(vhdx_geom_entries(&g, true),
				  w->entries_diff);
		ck_assert_uint_eq(vhdx_bat_idx_of_blk(&g, w->blocks - 1),
				  w->last_blk);
		ck_assert_uint_eq(vhdx_bat_idx_of_chunk(&g, w->chunks - 1),
				  w->last_bitmap);
		ck_assert_uint_eq(vhdx_geom_bat_len(&g), w->bat_mib * MiB);
	}
}
END_TEST

/* vhdx.md 8.2 */
START_TEST(vhdx_geom__worked_translation_is_as_listed)
{
	uint64_t off = 5 * GiB + 3 * MiB + 4096;
	struct vhdx_geom g;
	uint64_t blk;

	vhdx_geom_init(&g, 10 * GiB, 2 << 20, 512);
	blk = vhdx_blk_of_off(&g, off);
	ck_assert_uint_eq(blk, 2561);
	ck_assert_uint_eq(vhdx_chunk_of_blk(&g, blk), 1);
	ck_assert_uint_eq(vhdx_bat_idx_of_blk(&g, blk), 2562);
	ck_assert_uint_eq(vhdx_bat_idx_of_chunk(&g, 1), 4097);
	ck_assert_uint_eq(vhdx_off_in_blk(&g, off), 1052672);
	ck_assert_uint_eq(vhdx_sec_of_off(&g, off), 10491912);
	ck_assert_uint_eq(vhdx_bitmap_bit_of_off(&g, off), 2103304);
	ck_assert_uint_eq(vhdx_bitmap_off_of_blk(&g, blk), 262656);
	ck_assert_uint_eq(vhdx_bitmap_len_of_blk(&g), 512);
}
END_TEST

START_TEST(vhdx_geom__the_last_byte_of_a_disk_is_in_its_last_block)
{
	struct vhdx_geom g;
	uint64_t blk;

	vhdx_geom_init(&g, 10 * GiB, 32 << 20, 512);
	blk = vhdx_blk_of_off(&g, 10 * GiB - 1);
	ck_assert_uint_eq(blk, 319);
	ck_assert_uint_eq(vhdx_bat_idx_of_blk(&g, blk), 321);
	ck_assert_uint_eq(vhdx_bat_idx_of_chunk(&g, vhdx_chunk_of_blk(&g, blk)),
			  386);
}
END_TEST

/* One payload slot; counted rather than asserted, there are millions. */
static unsigned int slot_wrong(const struct vhdx_geom *g, uint64_t idx,
			       uint64_t blk, uint64_t chunk)
{
	unsigned int bad = 0;

	bad += vhdx_bat_idx_is_bitmap(g, idx);
	bad += vhdx_blk_of_bat_idx(g, idx) != blk;
	bad += vhdx_chunk_of_bat_idx(g, idx) != chunk;
	if (blk * g->block_size < g->disk_size) {
		bad += vhdx_bat_idx_of_blk(g, blk) != idx;
		bad += vhdx_chunk_of_blk(g, blk) != chunk;
	}
	return bad;
}

/* The table laid out slot by slot, without a formula (VHDX-TST-03). */
static void enumerate(const struct vhdx_geom *g)
{
	uint64_t chunk_blks = (UINT64_C(1) << 23) * g->logical_sector /
			      g->block_size;
	uint64_t blk = 0, chunk = 0, idx = 0, last_blk_idx = 0;
	unsigned int bad = 0;

	while (blk * g->block_size < g->disk_size) {
		for (uint64_t i = 0; i < chunk_blks; i++, idx++, blk++) {
			bad += slot_wrong(g, idx, blk, chunk);
			if (blk * g->block_size < g->disk_size)
				last_blk_idx = idx;
		}
		ck_assert(vhdx_bat_idx_is_bitmap(g, idx));
		ck_assert_uint_eq(vhdx_bat_idx_of_chunk(g, chunk), idx);
		ck_assert_uint_eq(vhdx_first_blk_of_chunk(g, chunk),
				  chunk * chunk_blks);
		idx++;
		chunk++;
	}
	ck_assert_uint_eq(bad, 0);
	ck_assert_uint_eq(vhdx_geom_entries(g, true), idx);
	ck_assert_uint_eq(vhdx_geom_entries(g, false), last_blk_idx + 1);
	ck_assert_uint_eq(g->chunk_count, chunk);
}

START_TEST(vhdx_geom__formulas_agree_with_counting_slots)
{
	uint64_t x = 88172645463325252u;

	for (int i = 0; i < 60; i++) {
		uint32_t lss, bs;
		struct vhdx_geom g;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		lss = x & 1 ? 512 : 4096;
		bs = (1u << 20) << ((x >> 1) % 9);
		vhdx_geom_init(&g, ((x >> 8) % (200 * GiB) + lss) / lss * lss,
			       bs, lss);
		enumerate(&g);
	}
}
END_TEST

START_TEST(vhdx_geom__lengths_of_blocks_add_up_to_the_disk)
{
	struct vhdx_geom g;
	uint64_t sum = 0;

	vhdx_geom_init(&g, 4 * GiB + 512, 1 << 20, 512);
	for (uint64_t blk = 0; blk < g.blk_count; blk++)
		sum += vhdx_blk_len(&g, blk);
	ck_assert_uint_eq(sum, g.disk_size);
	ck_assert_uint_eq(vhdx_blk_len(&g, 4096), 512);
}
END_TEST

START_TEST(vhdx_geom__bitmap_bytes_are_as_listed)
{
	static const struct { uint32_t lss, mib, len; } t[] = {
		{ 512, 1, 256 }, { 512, 2, 512 }, { 512, 32, 8192 },
		{ 512, 64, 16384 }, { 512, 256, 65536 }, { 4096, 1, 32 },
		{ 4096, 2, 64 }, { 4096, 32, 1024 }, { 4096, 64, 2048 },
		{ 4096, 256, 8192 },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct vhdx_geom g;

		vhdx_geom_init(&g, TiB, t[i].mib << 20, t[i].lss);
		ck_assert_uint_eq(vhdx_bitmap_len_of_blk(&g), t[i].len);
		ck_assert_uint_eq(vhdx_bitmap_len_of_blk(&g) * g.chunk_ratio,
				  MiB);
	}
}
END_TEST

START_TEST(vhdx_geom__an_empty_disk_has_no_entries_and_a_table)
{
	struct vhdx_geom g;

	vhdx_geom_init(&g, 0, 1 << 20, 512);
	ck_assert_uint_eq(vhdx_geom_entries(&g, false), 0);
	ck_assert_uint_eq(vhdx_geom_entries(&g, true), 0);
	ck_assert_uint_eq(vhdx_geom_bat_len(&g), MiB);
}
END_TEST

TEST_MAIN("codec/vhdx_geom", vhdx_geom__worked_sizes_are_as_listed,
	  vhdx_geom__worked_translation_is_as_listed,
	  vhdx_geom__the_last_byte_of_a_disk_is_in_its_last_block,
	  vhdx_geom__formulas_agree_with_counting_slots,
	  vhdx_geom__lengths_of_blocks_add_up_to_the_disk,
	  vhdx_geom__bitmap_bytes_are_as_listed,
	  vhdx_geom__an_empty_disk_has_no_entries_and_a_table)
