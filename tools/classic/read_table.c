/* SPDX-License-Identifier: BSD-2-Clause */
/* `read`: where blocks are, and which there are. */
#include "classic/read.h"

#include <errno.h>
#include <stdio.h>

static int block_at(struct read_job *job, uint64_t block, uint64_t *bitmap,
		    uint64_t *data)
{
	struct vhd_error err = { 0 };

	return vhd_xen_block(job->img, block, bitmap, data, &err)
		       ? classic_status(&err) : 0;
}

static void put_place(const struct read_job *job, uint64_t off)
{
	if (off == VHD_NO_OFFSET)
		fputs("not allocated", stdout);
	else
		read_number(job, stdout, off);
	putchar('\n');
}

int read_sector_place(struct read_job *job, uint64_t sector)
{
	int rc = read_range(job, stderr, "sector", sector, job->sectors);

	for (uint64_t i = 0; !rc && i < job->count; i++) {
		uint64_t block = (sector + i) / job->sectors_per_block;
		uint64_t in = (sector + i) % job->sectors_per_block;
		uint64_t bitmap, data;

		rc = block_at(job, block, &bitmap, &data);
		if (rc)
			break;
		fputs("logical sector ", stdout);
		read_number(job, stdout, sector + i);
		fputs(": block number: ", stdout);
		read_number(job, stdout, block);
		fputs(", sector offset: ", stdout);
		read_number(job, stdout, in);
		fputs(", file offset: ", stdout);
		if (data != VHD_NO_OFFSET)
			data += in * READ_SECTOR;
		put_place(job, data);
	}
	return rc;
}

int read_block_place(struct read_job *job, uint64_t block)
{
	int rc = read_range(job, stderr, "block", block,
			    job->h.header.max_entries);

	for (uint64_t i = 0; !rc && i < job->count; i++) {
		uint64_t bitmap, data;

		rc = block_at(job, block + i, &bitmap, &data);
		if (rc)
			break;
		fputs("block: ", stdout);
		read_number(job, stdout, block + i);
		fputs(": offset: ", stdout);
		put_place(job, bitmap);
	}
	return rc;
}

/* A bit for each whole block of the disk, in the order of the bitmaps. */
int read_blocks(struct read_job *job, uint64_t unused)
{
	uint64_t blocks = job->sectors / job->sectors_per_block;
	unsigned int byte = 0;
	int rc = 0;

	(void)unused;
	for (uint64_t i = 0; !rc && i < blocks; i++) {
		uint64_t bitmap, data;

		rc = block_at(job, i, &bitmap, &data);
		if (!rc && bitmap != VHD_NO_OFFSET)
			byte |= 0x80U >> i % 8;
		if (rc || (i % 8 != 7 && i + 1 != blocks))
			continue;
		putchar((int)byte);
		byte = 0;
	}
	return rc;
}

static int map_there(const struct read_job *job)
{
	if (job->h.have & VHD_XEN_BATMAP)
		return 0;
	fprintf(stderr, "%s has no batmap\n", job->name);
	return EINVAL;
}

int read_map(struct read_job *job, uint64_t unused)
{
	const struct vhd_xen_batmap *b = &job->h.batmap;
	uint64_t len = (uint64_t)b->map_sectors * READ_SECTOR;
	int rc = map_there(job);

	(void)unused;
	if (rc)
		return rc;
	/* Nothing is printed of a map that the file does not have. */
	if (len > job->h.file_size || b->map_off > job->h.file_size - len)
		return EINVAL;
	return read_copy(job, len, b->map_off);
}

int read_map_bits(struct read_job *job, uint64_t block)
{
	const struct vhd_xen_batmap *b = &job->h.batmap;
	uint64_t bits = (uint64_t)b->map_sectors * READ_SECTOR * 8;
	int rc = map_there(job);

	if (!rc)
		rc = read_range(job, stderr, "block", block,
				job->h.header.max_entries);
	for (uint64_t i = block; !rc && i - block < job->count; i++) {
		uint8_t byte = 0;

		if (i < bits)
			rc = read_file(job, &byte, 1, b->map_off + i / 8);
		if (rc)
			break;
		fputs("batmap for block ", stderr);
		read_number(job, stderr, i);
		fprintf(stderr, ": %d\n", byte >> (7 - i % 8) & 1);
	}
	return rc;
}
