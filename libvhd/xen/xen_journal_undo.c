/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Putting an image back.
 *
 *	footers marked, flush		it may be whole and larger already
 *	all notes but those of footers, flush
 *	the copy in front, flush
 *	the footer where it was, flush
 *	the file ends behind it, flush
 *
 * Until the last step that there is, the file ends in a marked footer, so nobody
 * uses it, and all of it can be done again: the journal does not change, and what
 * it puts back does not depend on what is there.
 */
#include "xen/xen_journal.h"

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "xen/xen_poison.h"

enum { PIECE = 64 << 10 };

struct undo {
	struct vhd_io *io, *image;
	uint8_t *buf;
	uint32_t only;		/* one type; 0: all but footers */
};

static int put_back(void *arg, const struct xen_note *n, struct vhd_error *err)
{
	const struct undo *u = arg;
	bool footer = n->type == XEN_NOTE_FOOTER || n->type == XEN_NOTE_COPY;
	uint32_t pos, some;
	int rc = 0;

	if (u->only ? n->type != u->only : footer)
		return 0;
	for (pos = 0; !rc && pos < n->len; pos += some) {
		some = (uint32_t)min_u64(PIECE, n->len - pos);
		rc = vhd_io_read(u->io, u->buf, some, n->at + pos, err);
		if (!rc)
			rc = vhd_io_write(u->image, u->buf, some, n->off + pos,
					  err);
	}
	return rc;
}

static int put_all(struct undo *u, const struct xen_journal_head *h,
		   uint32_t only, struct vhd_error *err)
{
	int rc;

	u->only = only;
	rc = vhd_xen_journal_walk(u->io, h, put_back, u, err);
	return rc ? rc : vhd_io_flush(u->image, err);
}

static int cut(struct vhd_io *image, uint64_t end, struct vhd_error *err)
{
	uint64_t size = 0;
	int rc = vhd_io_size(image, &size, err);

	if (rc || size <= end)
		return rc;
	rc = vhd_io_set_size(image, end, err);
	return rc ? rc : vhd_io_flush(image, err);
}

int vhd_xen_journal_undo(struct vhd_io *io, const struct xen_journal_head *h,
		     struct vhd_io *image, bool device, struct vhd_error *err)
{
	struct undo u = { .io = io, .image = image };
	int rc;

	u.buf = vhd_alloc(PIECE);
	if (!u.buf)
		return vhd_fail_nomem(err);
	rc = vhd_xen_poison(image, err);
	if (!rc)
		rc = put_all(&u, h, 0, err);
	if (!rc)
		rc = put_all(&u, h, XEN_NOTE_COPY, err);
	if (!rc)
		rc = put_all(&u, h, XEN_NOTE_FOOTER, err);
	if (!rc && !device)
		rc = cut(image, h->footer_off + VHD1_FOOTER_LEN, err);
	vhd_free(u.buf);
	return rc;
}
