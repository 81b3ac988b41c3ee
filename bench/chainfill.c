/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chainfill IMAGE PERCENT SEED: writes so much of the disk, in pieces of 64 KiB
 * at scattered places, as a guest would between two snapshots.  100 writes all
 * of it, front to back.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vhd/vhd.h>

enum { PIECE = 65536 };

static uint64_t state;

static uint64_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static int fill(struct vhd_image *img, uint64_t percent, struct vhd_error *err)
{
	uint64_t pieces = vhd_size(img) / PIECE, i;
	uint64_t count = pieces * percent / 100;
	static uint8_t buf[PIECE];
	int rc = 0;

	for (i = 0; rc == 0 && i < count; i++) {
		uint64_t at = percent < 100 ? next() % pieces : i;
		uint64_t word = next();
		size_t k;

		for (k = 0; k < PIECE; k += 8, word += 0x9e3779b97f4a7c15u)
			memcpy(buf + k, &word, 8);
		rc = vhd_pwrite(img, buf, PIECE, at * PIECE, err);
	}
	return rc;
}

int main(int argc, char **argv)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_error err = { .code = VHD_OK };
	struct vhd_image *img = NULL;
	int rc, rc2 = 0;

	if (argc != 4) {
		fprintf(stderr, "usage: chainfill IMAGE PERCENT SEED\n");
		return 2;
	}
	state = strtoull(argv[3], NULL, 10) * 2654435761u + 1;
	o.flags = VHD_OPEN_RDWR;
	rc = vhd_open(argv[1], &o, &img, &err);
	if (rc == 0)
		rc = fill(img, strtoull(argv[2], NULL, 10), &err);
	if (img != NULL)
		rc2 = vhd_close(&img, rc ? NULL : &err);
	if (rc || rc2)
		fprintf(stderr, "chainfill: %s: %s\n", argv[1], err.msg);
	return rc || rc2;
}
