/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fs_dump [-s SECTOR] [-l FILE] [-r FILE | -o SEED] IMAGE: what a raw disk's file systems
 * do not use.  A line for each partition on stdout, tabs between the fields:
 *
 *	number off len type understood used unused block_size uuid label why
 *
 * and before these one with the kind of table and why the disk was left alone.
 * -r writes the ranges to a file, "off len" on each line; -o overwrites every
 * unused byte with noise, which no file system may notice.  -l lists what was
 * read, in the form of -r.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fs/fs.h"

enum { PIECE = 1 << 18 };

struct job {
	int fd;
	FILE *ranges;
	FILE *reads;
	bool spoil;
	uint64_t seed;
	uint64_t end;		/* of the last range */
	bool wrong;
	uint8_t noise[PIECE];
};

static int disk_read(void *arg, void *buf, size_t len, uint64_t off)
{
	struct job *j = arg;
	ssize_t n;

	if (j->reads)
		fprintf(j->reads, "%" PRIu64 " %zu\n", off, len);
	while (len) {
		n = pread(j->fd, buf, len, (off_t)off);
		if (n <= 0)
			return n ? -errno : -EIO;
		buf = (uint8_t *)buf + n;
		len -= (size_t)n;
		off += (uint64_t)n;
	}
	return 0;
}

static void make_noise(struct job *j)
{
	size_t i;

	for (i = 0; i < PIECE; i++) {
		j->seed = j->seed * 6364136223846793005u + 1442695040888963407u;
		j->noise[i] = (uint8_t)(j->seed >> 56);
	}
}

static bool spoil(struct job *j, uint64_t off, uint64_t len)
{
	make_noise(j);
	while (len) {
		size_t n = len < PIECE ? (size_t)len : PIECE;

		if (pwrite(j->fd, j->noise, n, (off_t)off) != (ssize_t)n)
			return false;
		off += n;
		len -= n;
	}
	return true;
}

static bool emit(void *arg, uint64_t off, uint64_t len)
{
	struct job *j = arg;

	if (!len || (j->end && off <= j->end)) {
		fprintf(stderr, "range at %" PRIu64 " after %" PRIu64 "\n", off,
			j->end);
		j->wrong = true;
	}
	j->end = off + len;
	if (j->ranges)
		fprintf(j->ranges, "%" PRIu64 " %" PRIu64 "\n", off, len);
	if (j->spoil && !spoil(j, off, len)) {
		perror("write");
		j->wrong = true;
	}
	return !j->wrong;
}

static void print(const struct fs_report *rep)
{
	size_t i;

	printf("%s\t%s\n", ptable_kind_name(rep->table), rep->why);
	for (i = 0; i < rep->count; i++) {
		const struct fs_part *p = &rep->part[i];

		printf("%" PRIu32 "\t%" PRIu64 "\t%" PRIu64 "\t%s\t%d\t%" PRIu64
		       "\t%" PRIu64 "\t%" PRIu32 "\t%s\t%s\t%s\n",
		       p->number, p->off, p->len, p->type, p->understood,
		       p->used, p->unused, p->block_size, p->uuid, p->label,
		       p->why);
	}
}

static int run(struct job *j, uint32_t sector)
{
	struct fs_report *rep = malloc(sizeof(*rep));
	struct fs_disk disk = { disk_read, j, 0, sector };
	struct stat st;
	int rc;

	if (!rep || fstat(j->fd, &st))
		return 1;
	disk.size = (uint64_t)st.st_size;
	rc = fs_unused(&disk, j->ranges || j->spoil ? emit : NULL, j, rep);
	if (rc)
		fprintf(stderr, "fs_unused: %s\n", strerror(-rc));
	else
		print(rep);
	free(rep);
	return rc || j->wrong ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct job *j = calloc(1, sizeof(*j));
	uint32_t sector = 512;
	int opt, rc;

	if (!j)
		return 1;
	while ((opt = getopt(argc, argv, "s:r:o:l:")) != -1) {
		if (opt == 's')
			sector = (uint32_t)strtoul(optarg, NULL, 10);
		else if (opt == 'r')
			j->ranges = fopen(optarg, "w");
		else if (opt == 'l')
			j->reads = fopen(optarg, "w");
		else if (opt == 'o')
			j->seed = strtoul(optarg, NULL, 10);
		else
			return 2;
		j->spoil = j->spoil || opt == 'o';
	}
	if (optind + 1 != argc)
		return 2;
	j->fd = open(argv[optind], j->spoil ? O_RDWR : O_RDONLY);
	if (j->fd < 0) {
		perror(argv[optind]);
		return 1;
	}
	rc = run(j, sector);
	close(j->fd);
	if ((j->ranges && fclose(j->ranges)) || (j->reads && fclose(j->reads)))
		rc = 1;
	free(j);
	return rc;
}
