/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_CLASSIC_READ_H
#define VHD_TOOLS_CLASSIC_READ_H

/* What `read` can show of an image; each returns a status. */

#include "classic/classic.h"

enum { READ_SECTOR = 512 };

struct read_job {
	const char *name;
	bool hex;		/* numbers as 0x... */
	uint64_t count;		/* of sectors, blocks or bytes */
	struct vhd_image *img;	/* this file alone */
	struct vhd_xen_headers h;
	uint64_t sectors;	/* of the disk */
	uint64_t sectors_per_block;
	/* A bitmap, and of which block it is. */
	uint8_t *bits;
	size_t bits_len;
	uint64_t bits_block;
	bool bits_there;	/* the block has space */
};

/* read_number - a number as it is to be shown */
void read_number(const struct read_job *job, FILE *out, uint64_t value);

/*
 * read_file - bytes of the image's file; EINVAL when it ends before
 * read_copy - the same to standard output
 */
int read_file(struct read_job *job, void *buf, size_t len, uint64_t off);
int read_copy(struct read_job *job, uint64_t len, uint64_t off);

/* read_range - 0 if [first, first + count) ends at @limit or before; else ERANGE,
 * and a line about the @what that does not */
int read_range(struct read_job *job, FILE *out, const char *what,
	       uint64_t first, uint64_t limit);

/* read_bits - have the bitmap of a block in @job */
int read_bits(struct read_job *job, uint64_t block);

/* Places: read_table.c. */
int read_sector_place(struct read_job *job, uint64_t sector);
int read_block_place(struct read_job *job, uint64_t block);
int read_blocks(struct read_job *job, uint64_t unused);
int read_map(struct read_job *job, uint64_t unused);
int read_map_bits(struct read_job *job, uint64_t block);

/* What blocks hold: read_block.c. */
int read_bitmaps(struct read_job *job, uint64_t block);
int read_sector_bits(struct read_job *job, uint64_t sector);
int read_extents(struct read_job *job, uint64_t sector);
int read_block_data(struct read_job *job, uint64_t block);

#endif
