/* SPDX-License-Identifier: BSD-2-Clause */
#include "codec/vhd1_header.h"

#include <string.h>

#include "base/ckd.h"
#include "support/check_main.h"

/* vhd.md 16.1 */
static const uint8_t golden[VHD1_HEADER_LEN] = {
	0x63, 0x78, 0x73, 0x70, 0x61, 0x72, 0x73, 0x65,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x06, 0x00,
	0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x14, 0x00,
	0x00, 0x20, 0x00, 0x00, 0xff, 0xff, 0xf4, 0x63,
};

START_TEST(vhd1_header__recipe_decodes_and_encodes)
{
	struct vhd1_header h;
	uint8_t raw[VHD1_HEADER_LEN];

	ck_assert_int_eq(vhd1_header_seal(golden), VHD1_SEAL_OK);
	vhd1_header_decode(golden, &h);
	ck_assert_uint_eq(h.max_entries, 5120);
	ck_assert_uint_eq(h.table_off, 1536);
	ck_assert_uint_eq(h.block_size, 2 << 20);
	ck_assert_int_eq(vhd1_header_judge(&h, 512, 22016), VHD_RULE_NONE);
	vhd1_header_encode(&h, raw);
	ck_assert_mem_eq(raw, golden, sizeof(raw));
}
END_TEST

START_TEST(vhd1_header__any_bytes_survive_a_round_trip)
{
	uint8_t raw[VHD1_HEADER_LEN], again[VHD1_HEADER_LEN];
	struct vhd1_header h;
	uint64_t seed = 7;
	int i;

	for (i = 0; i < 100; i++) {
		size_t j;

		for (j = 0; j < sizeof(raw); j++) {
			seed = seed * UINT64_C(6364136223846793005) + 1;
			raw[j] = (uint8_t)(seed >> 56);
		}
		vhd1_header_decode(raw, &h);
		(void)vhd1_header_judge(&h, 512, seed);
		vhd1_header_encode(&h, again);
		ck_assert_int_eq(vhd1_header_seal(again), VHD1_SEAL_OK);
		memcpy(raw, again, 8);
		memcpy(raw + 36, again + 36, 4);
		ck_assert_mem_eq(raw, again, sizeof(raw));
	}
}
END_TEST

static enum vhd_rule_idx judge(uint32_t version, uint32_t block_size,
			       uint32_t entries, uint64_t table_off)
{
	struct vhd1_header h;

	vhd1_header_decode(golden, &h);
	h.version = version;
	h.block_size = block_size;
	h.max_entries = entries;
	h.table_off = table_off;
	return vhd1_header_judge(&h, 512, 22016);
}

START_TEST(vhd1_header__judge_names_the_rule)
{
	const uint32_t v = VHD1_VERSION_1_0;

	ck_assert_int_eq(judge(0x00020000, 2 << 20, 1, 1536),
			 RULE_VHD1_HDR_VERSION);
	ck_assert_int_eq(judge(v, 3 << 19, 1, 1536), RULE_VHD1_BLOCK_SIZE);
	ck_assert_int_eq(judge(v, 256, 1, 1536), RULE_VHD1_BLOCK_SIZE);
	ck_assert_int_eq(judge(v, 512 << 20, 1, 1536), RULE_VHD1_BLOCK_SIZE);
	ck_assert_int_eq(judge(v, 0, 1, 1536), RULE_VHD1_BLOCK_SIZE);
	ck_assert_int_eq(judge(v, 2 << 20, 5121, 1536), RULE_VHD1_BAT_PLACE);
	ck_assert_int_eq(judge(v, 2 << 20, UINT32_MAX, 1536),
			 RULE_VHD1_BAT_PLACE);
	ck_assert_int_eq(judge(v, 2 << 20, 1, UINT64_MAX - 1),
			 RULE_VHD1_BAT_PLACE);
	ck_assert_int_eq(judge(v, 2 << 20, 1, 0), RULE_VHD1_BAT_OVERLAP);
	ck_assert_int_eq(judge(v, 2 << 20, 1, 1532), RULE_VHD1_BAT_OVERLAP);
}
END_TEST

/* VHD-S-1, VHD-H-6 */
START_TEST(vhd1_header__bitmap_takes_whole_sectors)
{
	ck_assert_uint_eq(vhd1_bitmap_len(512), 512);
	ck_assert_uint_eq(vhd1_bitmap_len(4096), 512);
	ck_assert_uint_eq(vhd1_bitmap_len(512 << 10), 512);
	ck_assert_uint_eq(vhd1_bitmap_len(2 << 20), 512);
	ck_assert_uint_eq(vhd1_bitmap_len(4 << 20), 1024);
	ck_assert_uint_eq(vhd1_bitmap_len(16 << 20), 4096);
	ck_assert_uint_eq(vhd1_bitmap_len(256 << 20), 65536);
}
END_TEST

/* VHD-B-2 */
START_TEST(vhd1_header__table_is_padded_to_sectors)
{
	ck_assert_uint_eq(vhd1_table_space(0), 0);
	ck_assert_uint_eq(vhd1_table_space(1), 512);
	ck_assert_uint_eq(vhd1_table_space(128), 512);
	ck_assert_uint_eq(vhd1_table_space(129), 1024);
	ck_assert_uint_eq(vhd1_table_space(1044480), 4177920);
	ck_assert_uint_eq(vhd1_table_space(UINT32_MAX), 16 * GiB);
}
END_TEST

TEST_MAIN("codec/vhd1_header",
	  vhd1_header__recipe_decodes_and_encodes,
	  vhd1_header__any_bytes_survive_a_round_trip,
	  vhd1_header__judge_names_the_rule,
	  vhd1_header__bitmap_takes_whole_sectors,
	  vhd1_header__table_is_padded_to_sectors)
