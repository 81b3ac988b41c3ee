/* SPDX-License-Identifier: BSD-2-Clause */
#include "ops/undo_pen.h"

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/crc32c.h"
#include "base/fail.h"
#include "base/zero.h"

enum { CRCS_MAX = UNDO_NEW_MAX / UNDO_SECTOR };

struct pen {
	struct undo_pen *p;
	uint8_t *buf;		/* UNDO_DATA_MAX bytes */
	le32 *crcs;		/* CRCS_MAX */
	struct undo_rec open;	/* a run that may go on; len 0: none */
};

/* @data is what belongs to a record of the kind. */
static int put_rec(struct pen *pen, enum undo_kind kind, uint64_t off,
		   uint64_t len, const void *data, struct vhd_error *err)
{
	struct undo_pen *p = pen->p;
	size_t n = (size_t)vhd_undo_rec_data(kind, len);
	struct undo_rec_disk r = {
		.kind = le32_make(kind),
		.off = le64_make(off),
		.len = le64_make(len),
	};
	const struct undo_rec rec = { .kind = kind };
	int rc;

	if (n)
		r.data_crc = le32_make(vhd_crc32c(0, data, n));
	r.crc = le32_make(vhd_undo_rec_crc(&r));
	p->records += vhd_undo_is_old(&rec);
	rc = vhd_io_write(p->out, &r, sizeof(r), p->pos, err);
	p->pos += sizeof(r);
	if (!rc && n)
		rc = vhd_io_write(p->out, data, n, p->pos, err);
	p->pos += n;
	return rc;
}

static int end_run(struct pen *p, struct vhd_error *err)
{
	uint64_t len = p->open.len;

	p->open.len = 0;
	return len ? put_rec(p, p->open.kind, p->open.off, len, p->crcs, err) :
		     0;
}

/* Runs of one kind become one record, if there is room in it. */
static int add_run(struct pen *p, enum undo_kind kind, uint64_t off,
		   uint64_t len, struct vhd_error *err)
{
	int rc = 0;

	if (p->open.len && (p->open.kind != kind ||
			    p->open.off + p->open.len != off ||
			    (kind == UNDO_NEW && p->open.len + len >
						 UNDO_NEW_MAX)))
		rc = end_run(p, err);
	if (!p->open.len)
		p->open = (struct undo_rec){ .kind = kind, .off = off };
	p->open.len += len;
	return rc;
}

static int add_data(struct pen *p, uint64_t off, uint64_t end,
		    struct vhd_error *err)
{
	int rc = 0;

	while (!rc && off < end) {
		uint64_t n = min_u64(end - off, UNDO_DATA_MAX);

		rc = vhd_io_read(p->p->image, p->buf, (size_t)n, off, err);
		if (rc)
			break;
		if (n >= UNDO_WITNESS_LEN && vhd_is_zero(p->buf, (size_t)n)) {
			rc = add_run(p, UNDO_ZERO, off, n, err);
		} else {
			rc = end_run(p, err);
			if (!rc)
				rc = put_rec(p, UNDO_DATA, off, n, p->buf, err);
		}
		off += n;
	}
	return rc;
}

/* A range of the image that will be overwritten; it begins with a sector. */
static int add_old(void *arg, uint64_t off, uint64_t len,
		   struct vhd_error *err)
{
	struct pen *p = arg;
	uint64_t end = off + len, start, stop;
	int rc = 0;

	while (!rc && off < end) {
		rc = vhd_io_next_data(p->p->image, off, end, &start, &stop,
				      err);
		if (rc)
			break;
		/* Holes may end and begin in the midst of a sector. */
		if (start < end)
			start = align_down(start, UNDO_SECTOR);
		stop = min_u64(align_up(stop, UNDO_SECTOR), end);
		if (start > off)
			rc = add_run(p, UNDO_HOLE, off, start - off, err);
		if (!rc && start < end)
			rc = add_data(p, start, stop, err);
		off = stop;
	}
	return rc;
}

/* One sector of what will be written. */
static int add_sector(struct pen *p, uint64_t off, const uint8_t *data,
		      struct vhd_error *err)
{
	uint32_t crc = vhd_crc32c(0, data, UNDO_SECTOR);
	int rc = add_run(p, UNDO_NEW, off, UNDO_SECTOR, err);

	p->crcs[p->open.len / UNDO_SECTOR - 1] = le32_make(crc);
	return rc;
}

static int add_new(void *arg, uint64_t off, uint64_t len, const uint8_t *data,
		   struct vhd_error *err)
{
	struct pen *p = arg;
	int rc = 0;

	if (!data)
		return add_run(p, UNDO_BLANK, off, len, err);
	for (uint64_t at = 0; !rc && at < len; at += UNDO_SECTOR)
		rc = add_sector(p, off + at, data + at, err);
	return rc;
}

static int add_edge(void *arg, uint64_t off, struct vhd_error *err)
{
	return put_rec(arg, UNDO_EDGE, off, UNDO_SECTOR, NULL, err);
}

static int put_all(struct pen *p, const struct vhd_patch *patch,
		   struct vhd_error *err)
{
	uint64_t least, most;
	int rc = vhd_patch_each_old(patch, add_old, p, err);

	vhd_patch_sizes(patch, &least, &most);
	if (!rc)
		rc = end_run(p, err);
	if (!rc)
		rc = put_rec(p, UNDO_SPAN, least, most - least, NULL, err);
	if (!rc)
		rc = vhd_patch_each_new(patch, add_new, p, err);
	if (!rc)
		rc = end_run(p, err);
	return rc ? rc : vhd_patch_each_edge(patch, add_edge, p, err);
}

int vhd_undo_pen_part(struct undo_pen *pen, const struct vhd_patch *patch,
		      struct vhd_error *err)
{
	struct pen p = { .p = pen };
	int rc = 0;

	p.buf = vhd_alloc(UNDO_DATA_MAX);
	p.crcs = vhd_alloc_array(CRCS_MAX, sizeof(*p.crcs));
	if (!p.buf || !p.crcs)
		rc = vhd_fail_nomem(err);
	if (!rc)
		rc = put_all(&p, patch, err);
	vhd_free(p.buf);
	vhd_free(p.crcs);
	return rc;
}
