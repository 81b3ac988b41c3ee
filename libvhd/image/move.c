/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For callers that move bytes themselves: the same begin and end that the
 * library's own reads and writes go through, in two calls.
 */
#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "image/rw.h"
#include "image/write.h"

struct vhd_move {
	struct vhd_grace_token token;
	bool inside;			/* of the writer's grace */
	bool has_ticket;
	struct vhd_ticket ticket;
};

static void move_end(struct vhd_image *img, struct vhd_move **move)
{
	if ((*move)->inside)
		vhd_writer_leave(img->writer, (*move)->token);
	vhd_free(*move);
	*move = NULL;
}

static struct vhd_move *move_new(struct vhd_image *img)
{
	struct vhd_move *m = vhd_alloc(sizeof(*m));

	if (m && img->writer) {
		m->token = vhd_writer_enter(img->writer);
		m->inside = true;
	}
	return m;
}

int vhd_read_begin(struct vhd_image *img, uint64_t off, uint64_t len,
		   struct vhd_extent *ext, size_t max, size_t *n_out,
		   struct vhd_move **move_out, struct vhd_error *err)
{
	struct vhd_move *m = move_new(img);
	int rc;

	if (!m)
		return vhd_fail_nomem(err);
	rc = vhd_image_resolve(img, true, off, len, ext, max, n_out, err);
	if (rc)
		move_end(img, &m);
	else
		*move_out = m;
	return rc;
}

void vhd_read_end(struct vhd_image *img, struct vhd_move **move)
{
	if (*move)
		move_end(img, move);
}

static int write_begin(struct vhd_image *img, struct vhd_move *m, uint64_t off,
		       uint64_t len, struct vhd_extent *ext_out,
		       struct vhd_error *err)
{
	struct vhd_extent ext = {
		.off = off,
		.kind = VHD_EXTENT_DATA,
		.flags = VHD_EXTENT_ALLOCATED,
	};
	struct vhd_run run;
	int rc = vhd_image_own_run(img, off, len, &run, err);

	if (rc)
		return rc;
	ext.len = run.len;
	ext.file_off = run.file_off;
	if (run.kind != VHD_RUN_DATA) {
		rc = vhd_image_ticket(img, img->writer, off, run.len,
				      true, &m->ticket, err);
		if (rc)
			return rc;
		m->has_ticket = true;
		ext.len = m->ticket.len;
		ext.file_off = m->ticket.file_off;
	}
	*ext_out = ext;
	return 0;
}

int vhd_write_begin(struct vhd_image *img, uint64_t off, uint64_t len,
		    struct vhd_extent *ext_out, struct vhd_move **move_out,
		    struct vhd_error *err)
{
	struct vhd_writer *w = NULL;
	struct vhd_move *m;
	int rc;

	if (!len)
		return vhd_fail(err, VHD_E_INVAL, "nothing to write");
	rc = vhd_image_writer(img, off, len, &w, err);
	if (rc)
		return rc;
	m = move_new(img);
	if (!m)
		return vhd_fail_nomem(err);
	rc = write_begin(img, m, off, len, ext_out, err);
	if (rc)
		move_end(img, &m);
	else
		*move_out = m;
	return rc;
}

int vhd_write_end(struct vhd_image *img, struct vhd_move **move, bool ok,
		  struct vhd_error *err)
{
	int rc = 0;

	if (!*move)
		return 0;
	if ((*move)->has_ticket)
		rc = vhd_writer_end(img->writer, &(*move)->ticket, ok, err);
	move_end(img, move);
	return rc ? vhd_err_file(err, rc, vhd_layer_path(img, 0)) : 0;
}
