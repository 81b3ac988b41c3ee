/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ptable_dump [-s SECTOR] FILE: the partition table of a raw disk.  First a line
 * "KIND SECTOR primary|backup", then for each partition, between tabs: number,
 * first byte, bytes, type, unique id (or -), name.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/ptable.h"

static int read_fd(void *arg, void *buf, size_t len, uint64_t off)
{
	const int *fd = arg;
	ssize_t n = pread(*fd, buf, len, (off_t)off);

	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

static void print_part(const struct ptable *t, const struct part *p)
{
	char type[VHD_GUID_TEXT], id[VHD_GUID_TEXT] = "-";

	snprintf(type, sizeof(type), "%" PRIx32, p->mbr_type);
	if (t->kind == PTABLE_GPT) {
		vhd_guid_format(&p->type, type);
		vhd_guid_format(&p->id, id);
	}
	printf("%" PRIu32 "\t%" PRIu64 "\t%" PRIu64 "\t%s\t%s\t%s\n",
	       p->number, p->off, p->len, type, id, p->name);
}

static int dump(int fd, uint64_t size, uint32_t sector)
{
	struct ptable *t = malloc(sizeof(*t));
	int rc = -ENOMEM;
	size_t i;

	if (t)
		rc = ptable_read(read_fd, &fd, size, sector, t);
	if (rc) {
		fprintf(stderr, "ptable_dump: %s\n", strerror(-rc));
		free(t);
		return 1;
	}
	printf("%s %" PRIu32 " %s\n", ptable_kind_name(t->kind), t->sector,
	       t->backup ? "backup" : "primary");
	for (i = 0; i < t->count; i++)
		print_part(t, &t->parts[i]);
	free(t);
	return 0;
}

int main(int argc, char **argv)
{
	uint32_t sector = 512;
	struct stat st;
	int opt, fd, status;

	while ((opt = getopt(argc, argv, "s:")) == 's')
		sector = (uint32_t)strtoul(optarg, NULL, 10);
	if (opt != -1 || optind + 1 != argc) {
		fprintf(stderr, "usage: ptable_dump [-s SECTOR] FILE\n");
		return 2;
	}
	fd = open(argv[optind], O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st)) {
		fprintf(stderr, "ptable_dump: %s: %s\n", argv[optind],
			strerror(errno));
		return 1;
	}
	status = dump(fd, (uint64_t)st.st_size, sector);
	close(fd);
	return status;
}
