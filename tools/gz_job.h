/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_GZ_JOB_H
#define VHD_TOOLS_GZ_JOB_H

/* One piece of a gzip stream that is packed on its own. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

enum {
	GZ_DICT = 32 << 10,	/* as far back as deflate looks */
	GZ_PIECE = 256 << 10,
	/* What does not get smaller grows by 5 bytes in 16 KiB, and a marker. */
	GZ_PACKED = GZ_PIECE + GZ_PIECE / 1024 + 64
};

/*
 * Pieces end at a byte (Z_SYNC_FLUSH), so that they can be put one after the
 * other; each may refer to the last bytes of the one before, which it has a copy
 * of, and so packing them apart costs a thousandth or less.
 */
struct gz_job {
	uint8_t *in;		/* GZ_DICT of the piece before, then GZ_PIECE */
	size_t dict;		/* how much of that there is, right before */
	size_t len;
	uint8_t *out;		/* GZ_PACKED */
	size_t out_len;
	uint32_t crc;
	uint64_t zeros;		/* whole units of zeros behind it */
	bool done;		/* these two under the owner's lock */
	int rc;
};

/* Returns 0 or -errno. */
int gz_job_init(struct gz_job *job);
void gz_job_free(struct gz_job *job);

/* A packer of one thread: deflate without a header; returns 0 or -errno. */
int gz_packer_init(z_stream *z, int level);
int gz_pack(z_stream *z, struct gz_job *job);

#endif
