/* SPDX-License-Identifier: BSD-2-Clause */
#include "classic/read.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

void read_number(const struct read_job *job, FILE *out, uint64_t value)
{
	fprintf(out, job->hex ? "%#" PRIx64 : "%" PRIu64, value);
}

int read_file(struct read_job *job, void *buf, size_t len, uint64_t off)
{
	int fd = vhd_layer_fd(job->img, 0);
	uint8_t *to = buf;

	if (off > INT64_MAX)
		return EINVAL;
	while (len) {
		ssize_t got = pread(fd, to, len, (off_t)off);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? errno : EINVAL;
		to += got;
		off += (uint64_t)got;
		len -= (size_t)got;
	}
	return 0;
}

int read_copy(struct read_job *job, uint64_t len, uint64_t off)
{
	uint8_t buf[32 << 10];

	while (len) {
		size_t some = len < sizeof(buf) ? (size_t)len : sizeof(buf);
		int rc = read_file(job, buf, some, off);

		if (rc)
			return rc;
		if (fwrite(buf, 1, some, stdout) != some)
			return errno;
		off += some;
		len -= some;
	}
	return 0;
}

int read_range(struct read_job *job, FILE *out, const char *what,
	       uint64_t first, uint64_t limit)
{
	if (job->count <= limit && first <= limit - job->count)
		return 0;
	fprintf(out, "%s ", what);
	read_number(job, out, first < limit ? limit : first);
	fputs(" past end of file\n", out);
	return ERANGE;
}

int read_bits(struct read_job *job, uint64_t block)
{
	struct vhd_error err = { 0 };
	uint64_t at, data;
	int rc;

	if (job->bits && job->bits_block == block)
		return 0;
	if (vhd_xen_block(job->img, block, &at, &data, &err))
		return classic_status(&err);
	job->bits_there = at != VHD_NO_OFFSET;
	job->bits_block = VHD_NO_OFFSET;
	if (!job->bits) {
		/* At most 64 KiB: the largest block has 256 MiB. */
		job->bits_len = (size_t)((job->sectors_per_block + 7) / 8);
		job->bits = calloc(1, job->bits_len ? job->bits_len : 1);
	}
	if (!job->bits)
		return ENOMEM;
	rc = job->bits_there ? read_file(job, job->bits, job->bits_len, at)
			     : 0;
	if (!rc)
		job->bits_block = block;
	return rc;
}
