/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_CODEC_VHDX_GEOM_H
#define VHD_CODEC_VHDX_GEOM_H

/*
 * Where things are counted (vhdx.md 8).  A disk is cut into payload blocks; a
 * chunk is 2^23 logical sectors, so chunk_ratio blocks; the table holds, chunk
 * by chunk, the entries of its blocks and then the one of its sector bitmap.
 * That slot is there in every type of file, and in the last chunk it stands
 * after the nominal number of blocks (VHDX-BAT-01, VHDX-BAT-05).
 *
 * Everything is a power of two but the size of the disk, so this is all shifts,
 * and it is the only place where they are.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/ckd.h"

#define VHDX_DISK_SIZE_MAX (64 * TiB)

enum {
	VHDX_BLOCK_SIZE_MIN = 1 << 20,
	VHDX_BLOCK_SIZE_MAX = 1 << 28,
	VHDX_CHUNK_SECTORS_SHIFT = 23
};

struct vhdx_geom {
	uint64_t disk_size;
	uint64_t blk_count;		/* payload blocks */
	uint64_t chunk_count;		/* = sector bitmaps of a full table */
	uint32_t block_size;
	uint32_t logical_sector;
	uint32_t chunk_ratio;		/* payload blocks in a chunk */
	uint8_t block_shift;
	uint8_t sector_shift;
	uint8_t ratio_shift;
};

bool vhdx_block_size_ok(uint64_t block_size);		/* VHDX-ITEM-01 */
bool vhdx_sector_size_ok(uint64_t sector_size);		/* VHDX-ITEM-05 */
/* @logical_sector is a valid one (VHDX-ITEM-04). */
bool vhdx_disk_size_ok(uint64_t disk_size, uint32_t logical_sector);

/* The three numbers passed the tests above. */
void vhdx_geom_init(struct vhdx_geom *g, uint64_t disk_size,
		    uint32_t block_size, uint32_t logical_sector);

/* Entries that a table must have; the last of them is the last in use. */
uint64_t vhdx_geom_entries(const struct vhdx_geom *g, bool has_parent);
/* Bytes of a table with room for either kind of file (VHDX-BAT-04). */
uint64_t vhdx_geom_bat_len(const struct vhdx_geom *g);

static inline uint64_t vhdx_blk_of_off(const struct vhdx_geom *g, uint64_t off)
{
	return off >> g->block_shift;
}

static inline uint64_t vhdx_off_of_blk(const struct vhdx_geom *g, uint64_t blk)
{
	return blk << g->block_shift;
}

static inline uint64_t vhdx_off_in_blk(const struct vhdx_geom *g, uint64_t off)
{
	return off & (g->block_size - 1);
}

/* Bytes of the disk in a block; less than block_size for the last at most. */
static inline uint64_t vhdx_blk_len(const struct vhdx_geom *g, uint64_t blk)
{
	return min_u64(g->block_size,
		       g->disk_size - vhdx_off_of_blk(g, blk));
}

static inline uint64_t vhdx_chunk_of_blk(const struct vhdx_geom *g,
					 uint64_t blk)
{
	return blk >> g->ratio_shift;
}

static inline uint64_t vhdx_first_blk_of_chunk(const struct vhdx_geom *g,
					       uint64_t chunk)
{
	return chunk << g->ratio_shift;
}

static inline uint64_t vhdx_bat_idx_of_blk(const struct vhdx_geom *g,
					   uint64_t blk)
{
	return blk + vhdx_chunk_of_blk(g, blk);
}

/* The slot of a chunk's sector bitmap. */
static inline uint64_t vhdx_bat_idx_of_chunk(const struct vhdx_geom *g,
					     uint64_t chunk)
{
	return ((chunk + 1) << g->ratio_shift) + chunk;
}

/* The chunk in whose part of the table an entry stands. */
uint64_t vhdx_chunk_of_bat_idx(const struct vhdx_geom *g, uint64_t idx);
bool vhdx_bat_idx_is_bitmap(const struct vhdx_geom *g, uint64_t idx);
/* The block of an entry that is no bitmap's; may be >= blk_count. */
uint64_t vhdx_blk_of_bat_idx(const struct vhdx_geom *g, uint64_t idx);

/* Bytes from the start of the table; entries in a table of some length. */
static inline uint64_t vhdx_bat_off_of_idx(uint64_t idx)
{
	return idx * 8;
}

static inline uint64_t vhdx_bat_idx_of_off(uint64_t bat_off)
{
	return bat_off / 8;
}

static inline uint64_t vhdx_sec_of_off(const struct vhdx_geom *g, uint64_t off)
{
	return off >> g->sector_shift;
}

/* Bit of a guest byte's sector in the bitmap of its chunk (VHDX-SB-01). */
static inline uint64_t vhdx_bitmap_bit_of_off(const struct vhdx_geom *g,
					      uint64_t off)
{
	return vhdx_sec_of_off(g, off) &
	       ((UINT64_C(1) << VHDX_CHUNK_SECTORS_SHIFT) - 1);
}

/* Bytes of bitmap that a block has, and where they begin in its chunk's. */
static inline uint64_t vhdx_bitmap_len_of_blk(const struct vhdx_geom *g)
{
	return g->block_size >> g->sector_shift >> 3;
}

static inline uint64_t vhdx_bitmap_off_of_blk(const struct vhdx_geom *g,
					      uint64_t blk)
{
	return (blk & (g->chunk_ratio - 1)) * vhdx_bitmap_len_of_blk(g);
}

#endif
