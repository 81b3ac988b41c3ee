/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is in the system's cache is what was written: it says nothing of the disk.
 * So everything is made durable first and dropped from the cache, where the
 * system lets us.
 */
#include "ops/readback.h"

#include "base/fail.h"
#include "image/image_priv.h"
#include "image/rw.h"
#include "io/cachehint.h"
#include "ops/copy.h"

/* What is left of the file is not the disk's. */
struct part {
	struct vhd_image *img;
	uint64_t next, size;
};

static int part_next(void *arg, struct vhd_extent *ext, size_t max,
		     size_t *n_out, struct vhd_error *err)
{
	struct part *p = arg;
	int rc;

	*n_out = 0;
	if (p->next >= p->size)
		return 0;
	rc = vhd_image_resolve(p->img, true, p->next, p->size - p->next, ext,
			       max, n_out, err);
	if (!rc)
		p->next = ext[*n_out - 1].off + ext[*n_out - 1].len;
	return rc;
}

static int compare(struct vhd_image *img, const struct vhd_readback *how,
		   struct vhd_error *err)
{
	struct part part = {
		.img = img,
		.size = how->size ? how->size : vhd_size(img),
	};
	struct vhd_copy_feed feed = { part_next, &part };
	struct vhd_copy copy = {
		.src = img,
		.feed = &feed,
		.digest = true,
		.forget = how->forget,
		.progress = how->progress,
		.progress_arg = how->progress_arg,
	};
	struct vhd_copy_result found;
	int rc = vhd_copy_run(&copy, &found, err);

	if (rc || found.digest == how->digest)
		return rc;
	return vhd_fail(err, VHD_E_IO, "what was read back is not what was "
			"written (sum %016llx, not %016llx): this disk, its "
			"cable or the machine's memory cannot be trusted",
			(unsigned long long)found.digest,
			(unsigned long long)how->digest);
}

int vhd_readback_run(const struct vhd_readback *how, struct vhd_error *err)
{
	struct vhd_open_opts opts;
	struct vhd_image *img = NULL;
	int rc = vhd_open_opts_get(NULL, &opts, err);

	if (!rc)
		rc = vhd_io_flush(how->io, err);
	if (!rc)
		rc = vhd_io_forget(how->io, 0, 0, err);
	if (rc) {
		struct vhd_io *io = how->io;

		vhd_io_close(&io, NULL);
		return rc;
	}
	opts.format = how->format;
	rc = vhd_image_open(how->io, &opts, NULL, 0, &img, err);
	if (!rc)
		rc = compare(img, how, err);
	vhd_close(&img, NULL);
	return rc;
}
