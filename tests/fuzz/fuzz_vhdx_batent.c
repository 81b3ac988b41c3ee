/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Input: size of the disk (8), block size as a power of two (1), logical sector
 * as a power of two (1), has parent (1), guest offset (8), then entries (8).
 */
#include "codec/vhdx_batent.h"
#include "codec/vhdx_geom.h"
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_cursor.h"

static void check_block(const struct vhdx_geom *g, uint64_t off)
{
	uint64_t blk = vhdx_blk_of_off(g, off);
	uint64_t chunk = vhdx_chunk_of_blk(g, blk);
	uint64_t idx = vhdx_bat_idx_of_blk(g, blk);
	uint64_t slot = vhdx_bat_idx_of_chunk(g, chunk);

	FUZZ_CHECK(blk < g->blk_count && chunk < g->chunk_count);
	FUZZ_CHECK(vhdx_off_of_blk(g, blk) + vhdx_off_in_blk(g, off) == off);
	FUZZ_CHECK(vhdx_blk_len(g, blk) > vhdx_off_in_blk(g, off));
	FUZZ_CHECK(!vhdx_bat_idx_is_bitmap(g, idx));
	FUZZ_CHECK(vhdx_blk_of_bat_idx(g, idx) == blk);
	FUZZ_CHECK(vhdx_bat_idx_is_bitmap(g, slot));
	FUZZ_CHECK(idx < slot && slot - idx <= g->chunk_ratio);
	FUZZ_CHECK(vhdx_chunk_of_bat_idx(g, idx) == chunk);
	FUZZ_CHECK(vhdx_chunk_of_bat_idx(g, slot) == chunk);
	FUZZ_CHECK(slot < vhdx_geom_entries(g, true));
	FUZZ_CHECK(idx < vhdx_geom_entries(g, false));
	FUZZ_CHECK(vhdx_geom_bat_len(g) >= 8 * vhdx_geom_entries(g, true));
	FUZZ_CHECK(vhdx_bat_idx_of_off(vhdx_bat_off_of_idx(idx)) == idx);
	FUZZ_CHECK(vhdx_first_blk_of_chunk(g, chunk) <= blk);
	FUZZ_CHECK(vhdx_bitmap_bit_of_off(g, off) / 8 >=
		   vhdx_bitmap_off_of_blk(g, blk));
	FUZZ_CHECK(vhdx_bitmap_bit_of_off(g, off) / 8 <
		   vhdx_bitmap_off_of_blk(g, blk) + vhdx_bitmap_len_of_blk(g));
}

static void check_entry(uint64_t raw)
{
	struct vhdx_batent ent = vhdx_batent_unpack(raw);
	uint64_t again = vhdx_batent_pack(ent.state, ent.file_off);
	struct vhdx_batent back = vhdx_batent_decode(le64_make(again));

	FUZZ_CHECK(ent.file_off % MiB == 0 && (unsigned)ent.state < 8);
	FUZZ_CHECK(ent.reserved_set || again == raw);
	FUZZ_CHECK(back.file_off == ent.file_off && back.state == ent.state);
	FUZZ_CHECK(!back.reserved_set);
	if (vhdx_batent_is_anchor(&ent))
		FUZZ_CHECK(ent.file_off && !vhdx_state_has_data(ent.state));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_cursor c = { data, len };
	uint64_t size, off, block, sector;
	struct vhdx_geom g;
	bool has_parent;

	fuzz_memory_reset();
	size = fuzz_take_u64(&c);
	block = UINT64_C(1) << fuzz_take_u8(&c) % 64;
	sector = UINT64_C(1) << fuzz_take_u8(&c) % 64;
	has_parent = fuzz_take_u8(&c);
	off = fuzz_take_u64(&c);
	while (c.len)
		check_entry(fuzz_take_u64(&c));
	if (!vhdx_block_size_ok(block) || !vhdx_sector_size_ok(sector) ||
	    !vhdx_disk_size_ok(size, (uint32_t)sector))
		return 0;
	vhdx_geom_init(&g, size, (uint32_t)block, (uint32_t)sector);
	FUZZ_CHECK(g.blk_count == div_ceil(size, block));
	FUZZ_CHECK(vhdx_geom_entries(&g, has_parent) >= g.blk_count);
	if (size)
		check_block(&g, off % size);
	return 0;
}
