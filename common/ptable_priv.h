/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_COMMON_PTABLE_PRIV_H
#define VHD_COMMON_PTABLE_PRIV_H

#include "common/ptable.h"

enum {
	PTABLE_MBR_LEN = 512,	/* whatever the size of a sector is */
	PTABLE_SMALL = 512,
	PTABLE_LARGE = 4096
};

/* One run of ptable_read(). */
struct ptable_scan {
	ptable_read_fn read;
	void *arg;
	uint64_t size;
	struct ptable *out;
};

/* One entry of an MBR or of a link of its chain; sectors. */
struct mbr_entry {
	uint8_t boot;		/* 0x80: active; 0: not; else this is no table */
	uint8_t type;
	uint32_t start;
	uint32_t count;
};

enum { MBR_ENTRIES = 4, MBR_TYPE_PROTECTIVE = 0xee };

/* Does the disk hold @count sectors of @sector bytes from sector @start on? */
bool scan_holds(const struct ptable_scan *s, uint32_t sector, uint64_t start,
		uint64_t count);

/*
 * Reads a range that lies inside the disk.  It belongs to the table's ranges
 * from here on, so that these hold all that the answer depends on.
 */
int scan_read(struct ptable_scan *s, void *buf, size_t len, uint64_t off);

/* A place for the next partition, cleared; NULL when there are too many. */
struct part *scan_part(struct ptable_scan *s, uint32_t number, uint64_t off,
		       uint64_t len);

/* Takes a sector apart; false when it lacks the signature of an MBR. */
bool mbr_decode(const uint8_t *raw, struct mbr_entry entry[MBR_ENTRIES]);

/* Partitions of the MBR in @raw, which has the signature. */
int mbr_scan(struct ptable_scan *s, const uint8_t *raw, uint32_t sector);

/* Partitions of a GPT, if a copy of it is sound. */
int gpt_scan(struct ptable_scan *s, uint32_t sector);

/* What is needed of a GPT's header; places are sectors. */
struct gpt_header {
	uint32_t len;		/* bytes that the checksum covers */
	uint32_t crc;
	uint64_t self;
	uint64_t other;		/* the other copy */
	uint64_t first, last;	/* what partitions may use */
	uint64_t array;
	uint32_t count;
	uint32_t entry_len;
	uint32_t array_crc;
};

/* Of a header of @len bytes, its own field taken as 0. */
uint32_t gpt_header_crc(const uint8_t *raw, uint32_t len);

/* Of the entries of a table. */
uint32_t gpt_array_crc(const uint8_t *entries, size_t len);

/* False when a sector does not hold a header with a right checksum. */
bool gpt_header_decode(const uint8_t *raw, uint32_t sector,
		       struct gpt_header *h);

/* Is it one that belongs in sector @self of a disk of @size bytes? */
bool gpt_header_fits(uint64_t size, uint32_t sector, uint64_t self,
		     const struct gpt_header *h);

static inline uint32_t get_le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

static inline uint64_t get_le64(const uint8_t *p)
{
	return get_le32(p) | (uint64_t)get_le32(p + 4) << 32;
}

/* The size that is tried after @sector. */
static inline uint32_t other_sector(uint32_t sector)
{
	return sector == PTABLE_SMALL ? PTABLE_LARGE : PTABLE_SMALL;
}

#endif
