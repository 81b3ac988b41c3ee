/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one write path.  What the image itself stores already is overwritten in
 * place, without a look at anything but the table; the rest takes tickets
 * (write/writer.h).  This is the layer that knows the chain, so it copies what
 * a ticket needs from below.
 *
 * All of it happens inside vhd_writer_enter() and vhd_writer_leave(): between
 * the look and the write nobody else gets the space that was looked up.
 */
#include "image/write.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "image/rw.h"

/* Units of bitmaps are copied in pieces of at most so much. */
enum { FILL_CHUNK = 4096 };

int vhd_image_writer(struct vhd_image *img, uint64_t off, uint64_t len,
		     struct vhd_writer **w_out, struct vhd_error *err)
{
	struct vhd_writer *w = img->writer;
	int rc;

	if (!w)
		rc = vhd_fail(err, VHD_E_READONLY,
			      "the image is open for reading only");
	else
		rc = vhd_image_range(img, off, len, err);
	/* To write nothing is no change: the file stays as it is. */
	if (!rc && len)
		rc = vhd_writer_ready(w, err);
	if (rc)
		return vhd_err_file(err, rc, vhd_io_name(img->layers[0].io));
	*w_out = w;
	return 0;
}

int vhd_image_own_run(struct vhd_image *img, uint64_t off, uint64_t len,
		      struct vhd_run *out, struct vhd_error *err)
{
	return vhd_layer_run(&img->layers[0], true, off, len, out, err);
}

static int fill_copy(struct vhd_image *img, const struct vhd_fill *f,
		     struct vhd_error *err)
{
	uint8_t buf[FILL_CHUNK];
	uint64_t done = 0;
	int rc = 0;

	while (!rc && done < f->len) {
		size_t n = (size_t)min_u64(f->len - done, sizeof(buf));

		rc = vhd_image_read_below(img, buf, n, f->off + done, err);
		if (!rc)
			rc = vhd_io_write(img->layers[0].io, buf, n,
					  f->file_off + done, err);
		done += n;
	}
	return rc;
}

int vhd_image_ticket(struct vhd_image *img, struct vhd_writer *w, uint64_t off,
		     uint64_t len, bool held, struct vhd_ticket *t,
		     struct vhd_error *err)
{
	int rc = vhd_writer_begin(w, off, len, held, t, err);

	if (rc)
		return vhd_err_file(err, rc, vhd_io_name(img->layers[0].io));
	if (!t->fill_count)
		return 0;
	for (uint32_t i = 0; !rc && i < t->fill_count; i++)
		rc = fill_copy(img, &t->fill[i], err);
	if (rc)
		vhd_writer_end(w, t, false, NULL);
	else
		vhd_writer_filled(w, t);
	return rc;
}

/* Bytes that are new to this image. */
static int write_new(struct vhd_image *img, struct vhd_writer *w,
		     const uint8_t *buf, uint64_t len, uint64_t off,
		     uint64_t *done_out, struct vhd_error *err)
{
	struct vhd_ticket t;
	int rc, rc2;

	rc = vhd_image_ticket(img, w, off, len, false, &t, err);
	if (rc)
		return rc;
	rc = vhd_io_write(img->layers[0].io, buf, (size_t)t.len, t.file_off,
			  err);
	rc2 = vhd_writer_end(w, &t, !rc, rc ? NULL : err);
	*done_out = t.len;
	rc = rc ? rc : rc2;
	return rc ? vhd_err_file(err, rc, vhd_io_name(img->layers[0].io)) : 0;
}

/* The beginning of a range, as far as one look reaches. */
static int write_some(struct vhd_image *img, struct vhd_writer *w,
		      const uint8_t *buf, uint64_t len, uint64_t off,
		      uint64_t *done_out, struct vhd_error *err)
{
	struct vhd_run run;
	int rc = vhd_image_own_run(img, off, len, &run, err);

	if (rc)
		return rc;
	if (run.kind != VHD_RUN_DATA)
		return write_new(img, w, buf, run.len, off, done_out, err);
	*done_out = run.len;
	return vhd_io_write(img->layers[0].io, buf, (size_t)run.len,
			    run.file_off, err);
}

static int write_all(struct vhd_image *img, struct vhd_writer *w,
		     const void *buf, size_t len, uint64_t off,
		     struct vhd_error *err)
{
	struct vhd_grace_token token = vhd_writer_enter(w);
	const uint8_t *p = buf;
	int rc = 0;

	while (!rc && len) {
		uint64_t n = 0;

		rc = write_some(img, w, p, len, off, &n, err);
		p += n;
		off += n;
		len -= (size_t)n;
	}
	vhd_writer_leave(w, token);
	return rc;
}

int vhd_pwrite(struct vhd_image *img, const void *buf, size_t len, uint64_t off,
	       struct vhd_error *err)
{
	struct vhd_writer *w = NULL;
	int rc = vhd_image_writer(img, off, len, &w, err);

	return rc || !len ? rc : write_all(img, w, buf, len, off, err);
}

int vhd_pwritev(struct vhd_image *img, const struct vhd_iov *iov, int cnt,
		uint64_t off, struct vhd_error *err)
{
	struct vhd_writer *w = NULL;
	uint64_t total = 0;
	int rc;

	for (int i = 0; i < cnt; i++) {
		if (ckd_add(&total, total, (uint64_t)iov[i].len))
			return vhd_fail(err, VHD_E_RANGE,
					"the pieces are too long");
	}
	rc = vhd_image_writer(img, off, total, &w, err);
	for (int i = 0; !rc && i < cnt; i++) {
		rc = write_all(img, w, iov[i].base, iov[i].len, off, err);
		off += iov[i].len;
	}
	return rc;
}

static int commit(struct vhd_image *img, enum vhd_commit mode,
		  struct vhd_error *err)
{
	int rc;

	if (!img->writer)
		rc = vhd_fail(err, VHD_E_READONLY,
			      "the image is open for reading only");
	else
		rc = vhd_writer_commit(img->writer, mode, err);
	return rc ? vhd_err_file(err, rc, vhd_io_name(img->layers[0].io)) : 0;
}

int vhd_flush(struct vhd_image *img, struct vhd_error *err)
{
	return commit(img, VHD_COMMIT_SYNC, err);
}

int vhd_writeback(struct vhd_image *img, struct vhd_error *err)
{
	return commit(img, VHD_COMMIT_LAZY, err);
}
