/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an image is made of, for people who look into one and for storage managers
 * that want its headers or its blocks.  What was asked for is shown in an order
 * of its own, up to the first thing that fails.
 */
#include "classic/read.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "classic/headers_text.h"

static int read_headers(struct read_job *job, uint64_t unused)
{
	(void)unused;
	headers_text(stdout, &job->h, job->hex);
	return 0;
}

static int read_disk(struct read_job *job, uint64_t off, uint64_t len)
{
	struct vhd_error err = { 0 };
	struct vhd_image *chain = NULL;
	uint8_t buf[64 << 10];
	int rc;

	rc = vhd_open(job->name, &classic_open_opts, &chain, &err);
	if (!rc && (len > vhd_size(chain) || off > vhd_size(chain) - len)) {
		vhd_close(&chain, NULL);
		return ERANGE;
	}
	while (!rc && len) {
		size_t some = len < sizeof(buf) ? (size_t)len : sizeof(buf);

		rc = vhd_pread(chain, buf, some, off, &err);
		if (!rc && fwrite(buf, 1, some, stdout) != some)
			break;
		off += some;
		len -= some;
	}
	vhd_close(&chain, NULL);
	if (!rc)
		return len ? errno : 0;
	rc = classic_status(&err);
	fprintf(stderr, "error reading %s: %d\n", job->name, -rc);
	return rc;
}

static int read_sectors(struct read_job *job, uint64_t sector)
{
	if (job->count > job->sectors || sector > job->sectors - job->count)
		return ERANGE;
	return read_disk(job, sector * READ_SECTOR, job->count * READ_SECTOR);
}

static int read_bytes(struct read_job *job, uint64_t off)
{
	return read_disk(job, off, job->count);
}

/* In the order in which they are shown.  @blocks: of images that have some. */
static const struct action {
	char option;
	bool blocks;
	int (*show)(struct read_job *job, uint64_t value);
} actions[] = {
	{ 'p', false, read_headers },
	{ 't', true, read_sector_place },
	{ 'b', true, read_block_place },
	{ 'B', true, read_blocks },
	{ 'm', true, read_bitmaps },
	{ 'i', true, read_sector_bits },
	{ 'e', true, read_extents },
	{ 'a', true, read_map },
	{ 'j', true, read_map_bits },
	{ 'd', true, read_block_data },
	{ 'r', false, read_sectors },
	{ 'R', false, read_bytes },
};

enum { ACTIONS = sizeof(actions) / sizeof(actions[0]) };

struct wish {
	bool wanted;
	uint64_t value;
};

static bool wish_for(struct wish *wish, int option)
{
	for (size_t i = 0; i < ACTIONS; i++) {
		if (actions[i].option != option)
			continue;
		wish[i].wanted = true;
		return !optarg ||
		       classic_number(optarg, UINT64_MAX, &wish[i].value);
	}
	return false;
}

static bool parse(struct read_job *job, struct wish *wish, int argc,
		  char **argv, bool *help)
{
	int c;

	job->count = 1;
	*help = false;
	while ((c = getopt(argc, argv, "n:pt:b:Bm:i:e:aj:d:r:R:c:xCh")) != -1) {
		switch (c) {
		case 'n': job->name = optarg; break;
		case 'x': job->hex = true; break;
		case 'C': break;	/* a cache is always used */
		case 'h': *help = true; return true;
		case '?': return false;
		case 'c':
			if (!classic_number(optarg, UINT64_MAX, &job->count))
				return false;
			break;
		default:
			if (!wish_for(wish, c))
				return false;
		}
	}
	return job->name && classic_no_operands(argc);
}

/* Whatever there is of an image that cannot be opened. */
static int dump(const struct read_job *job, const struct vhd_error *why)
{
	struct vhd_xen_headers h = { .size = sizeof(h) };
	int status = classic_status(why);

	printf("Failed to open %s: %d\n\n", job->name, -status);
	printf("%s appears invalid; dumping headers\n\n", job->name);
	if (vhd_xen_headers(job->name, 0, 0, 0, &h, NULL) == 0)
		headers_text(stdout, &h, job->hex);
	return status;
}

static int open_image(struct read_job *job)
{
	struct vhd_error err = { 0 };

	if (vhd_open(job->name, &classic_alone_opts, &job->img, &err))
		return dump(job, &err);
	job->h.size = sizeof(job->h);
	if (vhd_xen_layer_headers(job->img, 0, 0, &job->h, &err))
		return dump(job, &err);
	job->sectors = vhd_size(job->img) / READ_SECTOR;
	job->sectors_per_block = job->h.header.block_size / READ_SECTOR;
	job->bits_block = VHD_NO_OFFSET;
	return 0;
}

static int show(struct read_job *job, const struct wish *wish)
{
	bool blocks = (job->h.have & VHD_XEN_HEADER) && job->sectors_per_block;
	int rc = 0;

	for (size_t i = 0; !rc && i < ACTIONS; i++) {
		if (!wish[i].wanted)
			continue;
		if (actions[i].blocks && !blocks) {
			printf("Failed to get bat for %s: %d\n", job->name,
			       -EINVAL);
			return EINVAL;
		}
		rc = actions[i].show(job, wish[i].value);
	}
	return rc;
}

static int run(const struct classic_verb *verb, int argc, char **argv)
{
	struct wish wish[ACTIONS] = { { 0 } };
	struct read_job job = { 0 };
	bool help;
	int rc;

	if (!parse(&job, wish, argc, argv, &help))
		return classic_usage(verb);
	if (help)
		return classic_help(verb);
	rc = open_image(&job);
	if (!rc)
		rc = show(&job, wish);
	free(job.bits);
	vhd_close(&job.img, NULL);
	return rc;
}

const struct classic_verb classic_read = {
	.name = "read",
	.usage = "-n NAME [-p] [-t SECTOR] [-b BLOCK] [-B] [-m BLOCK] [-i "
		 "SECTOR] [-e SECTOR] [-a] [-j BLOCK] [-d BLOCK] [-r SECTOR] "
		 "[-R BYTE] [-c COUNT] [-x] [-C]",
	.options = "  -n NAME    the image\n"
		"  -p         footer, header, parent locators and batmap as text\n"
		"  -t SECTOR  where in the file this sector of the disk is\n"
		"  -b BLOCK   where in the file this block is\n"
		"  -B         a bit for each block, set for those that have data\n"
		"  -m BLOCK   the bitmap of this block, as it is\n"
		"  -i SECTOR  the bit of this sector\n"
		"  -e SECTOR  runs of sectors that this file has, from this one on\n"
		"  -a         the batmap, as it is\n"
		"  -j BLOCK   the bit of this block in the batmap\n"
		"  -d BLOCK   the data of this block in this file\n"
		"  -r SECTOR  data of the disk, through the chain\n"
		"  -R BYTE    the same from this byte on\n"
		"  -c COUNT   how many sectors, blocks or bytes; 1 else\n"
		"  -x         numbers as 0x...\n"
		"  -C         accepted, and without effect\n",
	.help_status = 22,
	.run = run,
};
