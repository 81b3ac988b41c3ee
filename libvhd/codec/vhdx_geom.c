/* SPDX-License-Identifier: BSD-2-Clause */
#include "codec/vhdx_geom.h"

bool vhdx_block_size_ok(uint64_t block_size)
{
	return is_pow2(block_size) && block_size >= VHDX_BLOCK_SIZE_MIN &&
	       block_size <= VHDX_BLOCK_SIZE_MAX;
}

bool vhdx_sector_size_ok(uint64_t sector_size)
{
	return sector_size == 512 || sector_size == 4096;
}

bool vhdx_disk_size_ok(uint64_t disk_size, uint32_t logical_sector)
{
	return disk_size <= VHDX_DISK_SIZE_MAX &&
	       !(disk_size & (logical_sector - 1));
}

void vhdx_geom_init(struct vhdx_geom *g, uint64_t disk_size,
		    uint32_t block_size, uint32_t logical_sector)
{
	g->disk_size = disk_size;
	g->block_size = block_size;
	g->logical_sector = logical_sector;
	g->block_shift = (uint8_t)__builtin_ctz(block_size);
	g->sector_shift = (uint8_t)__builtin_ctz(logical_sector);
	g->ratio_shift = (uint8_t)(VHDX_CHUNK_SECTORS_SHIFT + g->sector_shift -
				   g->block_shift);
	g->chunk_ratio = 1u << g->ratio_shift;
	g->blk_count = div_ceil(disk_size, block_size);
	g->chunk_count = div_ceil(g->blk_count, g->chunk_ratio);
}

uint64_t vhdx_geom_entries(const struct vhdx_geom *g, bool has_parent)
{
	if (!g->blk_count)
		return 0;
	if (has_parent)
		return vhdx_bat_idx_of_chunk(g, g->chunk_count - 1) + 1;
	return vhdx_bat_idx_of_blk(g, g->blk_count - 1) + 1;
}

uint64_t vhdx_geom_bat_len(const struct vhdx_geom *g)
{
	uint64_t len = vhdx_bat_off_of_idx(vhdx_geom_entries(g, true));

	return len ? align_up(len, MiB) : MiB;
}

uint64_t vhdx_chunk_of_bat_idx(const struct vhdx_geom *g, uint64_t idx)
{
	return idx / (g->chunk_ratio + 1);
}

bool vhdx_bat_idx_is_bitmap(const struct vhdx_geom *g, uint64_t idx)
{
	return idx % (g->chunk_ratio + 1) == g->chunk_ratio;
}

uint64_t vhdx_blk_of_bat_idx(const struct vhdx_geom *g, uint64_t idx)
{
	return idx - vhdx_chunk_of_bat_idx(g, idx);
}
