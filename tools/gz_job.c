/* SPDX-License-Identifier: BSD-2-Clause */
#include "gz_job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int gz_job_init(struct gz_job *job)
{
	memset(job, 0, sizeof(*job));
	job->in = malloc(GZ_DICT + GZ_PIECE);
	job->out = malloc(GZ_PACKED);
	return job->in != NULL && job->out != NULL ? 0 : -ENOMEM;
}

void gz_job_free(struct gz_job *job)
{
	free(job->in);
	free(job->out);
	job->in = NULL;
	job->out = NULL;
}

int gz_packer_init(z_stream *z, int level)
{
	memset(z, 0, sizeof(*z));
	if (level == 0)
		level = Z_DEFAULT_COMPRESSION;
	return deflateInit2(z, level, Z_DEFLATED, -MAX_WBITS, 8,
			    Z_DEFAULT_STRATEGY) == Z_OK ? 0 : -ENOMEM;
}

int gz_pack(z_stream *z, struct gz_job *job)
{
	uint8_t *piece = job->in + GZ_DICT;

	job->crc = (uint32_t)crc32(0, piece, (uInt)job->len);
	job->out_len = 0;
	if (job->len == 0)
		return 0;
	deflateReset(z);
	if (job->dict > 0)
		deflateSetDictionary(z, piece - job->dict, (uInt)job->dict);
	z->next_in = piece;
	z->avail_in = (uInt)job->len;
	z->next_out = job->out;
	z->avail_out = GZ_PACKED;
	if (deflate(z, Z_SYNC_FLUSH) != Z_OK || z->avail_in != 0 ||
	    z->avail_out == 0)
		return -EIO;
	job->out_len = GZ_PACKED - z->avail_out;
	return 0;
}
