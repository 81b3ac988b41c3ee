/* SPDX-License-Identifier: BSD-2-Clause */
/* `read`: what blocks of this one file hold. */
#include "classic/read.h"

#include <stdio.h>

static void put_unallocated(const struct read_job *job, uint64_t block)
{
	fputs("block ", stdout);
	read_number(job, stdout, block);
	fputs(" not allocated\n", stdout);
}

/* Copies the bitmaps or the data of blocks. */
static int copy_blocks(struct read_job *job, uint64_t block, bool data)
{
	uint64_t from, to, len;
	int rc = read_range(job, stderr, "block", block,
			    job->h.header.max_entries);

	for (uint64_t i = block; !rc && i - block < job->count; i++) {
		struct vhd_error err = { 0 };

		if (vhd_xen_block(job->img, i, &from, &to, &err))
			return classic_status(&err);
		if (from == VHD_NO_OFFSET) {
			put_unallocated(job, i);
			continue;
		}
		len = data ? job->sectors_per_block * READ_SECTOR : to - from;
		rc = read_copy(job, len, data ? to : from);
	}
	return rc;
}

int read_bitmaps(struct read_job *job, uint64_t block)
{
	return copy_blocks(job, block, false);
}

int read_block_data(struct read_job *job, uint64_t block)
{
	return copy_blocks(job, block, true);
}

static bool bit(const struct read_job *job, uint64_t at)
{
	return job->bits_there && (job->bits[at / 8] >> (7 - at % 8) & 1);
}

int read_sector_bits(struct read_job *job, uint64_t sector)
{
	int rc = read_range(job, stdout, "sector", sector, job->sectors);

	for (uint64_t i = sector; !rc && i - sector < job->count; i++) {
		uint64_t block = i / job->sectors_per_block;
		uint64_t in = i % job->sectors_per_block;

		rc = read_bits(job, block);
		if (rc)
			break;
		fputs("block ", stdout);
		read_number(job, stdout, block);
		fputs(": sec: ", stdout);
		read_number(job, stdout, in);
		printf(": %d\n", bit(job, in));
	}
	return rc;
}

/* How many bits from @at on are as the first one, before @end. */
static uint64_t bit_run(const struct read_job *job, uint64_t at, uint64_t end)
{
	bool set = bit(job, at);
	uint64_t n = at;

	if (!job->bits_there)
		return end - at;
	while (n < end) {
		if (n % 8 == 0 && end - n >= 8 &&
		    job->bits[n / 8] == (set ? 0xff : 0))
			n += 8;
		else if (bit(job, n) == set)
			n++;
		else
			break;
	}
	return n - at;
}

static void put_extent(const struct read_job *job, uint64_t first,
		       uint64_t end)
{
	if (first == end)
		return;
	read_number(job, stdout, first);
	putchar(' ');
	read_number(job, stdout, end - first);
	putchar('\n');
}

/* Runs go on from one block into the next. */
int read_extents(struct read_job *job, uint64_t sector)
{
	const uint64_t spb = job->sectors_per_block;
	uint64_t at = sector, first = sector, end = sector;
	int rc = read_range(job, stdout, "sector", sector, job->sectors);

	while (!rc && at - sector < job->count) {
		uint64_t in = at % spb, left = job->count - (at - sector), n;

		rc = read_bits(job, at / spb);
		if (rc)
			break;
		n = bit_run(job, in, left < spb - in ? in + left : spb);
		if (bit(job, in)) {
			end = at + n;
		} else {
			put_extent(job, first, end);
			first = end = at + n;
		}
		at += n;
	}
	if (!rc)
		put_extent(job, first, end);
	return rc;
}
