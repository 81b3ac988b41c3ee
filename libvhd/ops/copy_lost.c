/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pieces of a damaged disk.  Losses are as small as can be found out: a page of
 * the file where it cannot be read, what lies behind the end of the file, the
 * block where its place is not known, what a missing parent alone holds.
 */
#include "base/ckd.h"
#include "base/fail.h"
#include "io/io.h"
#include "ops/copy_priv.h"

static int give_part(struct vhd_giver *g, struct vhd_piece *p,
		     struct vhd_error *err)
{
	int rc;

	vhd_piece_scan(g->copy, p);
	rc = vhd_give(g, p, err);
	return rc ? rc : vhd_give_write(g->copy, p, err);
}

static int give_lost(struct vhd_giver *g, const struct vhd_chunk *c,
		     const struct vhd_error *why, struct vhd_error *err)
{
	int rc = g->copy->lost(g->copy->arg, c->len, c->off, why, err);

	return rc ? rc : vhd_give_tell(g, c->len, err);
}

/* The same bytes again, page by page of the file; some cannot be read. */
static int give_pages(struct vhd_giver *g, struct vhd_piece *p,
		      struct vhd_error *err)
{
	struct vhd_chunk all = p->chunk[0];
	int rc = 0;

	while (!rc && all.len) {
		struct vhd_error why = { .code = VHD_OK };
		struct vhd_chunk *c = &p->chunk[0];

		*c = all;
		c->len = min_u64(COPY_GRAIN - all.file_off % COPY_GRAIN,
				 all.len);
		p->stored = p->length = c->len;
		rc = vhd_piece_read(g->copy, p, &why);
		if (!rc)
			rc = give_part(g, p, err);
		else if (vhd_copy_is_loss(g->copy, rc))
			rc = give_lost(g, c, &why, err);
		else if (err)
			*err = why;
		all.file_off += p->length;
		all.off += p->length;
		all.len -= p->length;
	}
	return rc;
}

int vhd_give_salvaged(struct vhd_giver *g, const struct vhd_cutter *c,
		      struct vhd_piece *p, struct vhd_error *err)
{
	int rc;

	if (p->chunk[0].kind == VHD_CHUNK_LOST)
		return give_lost(g, &p->chunk[0], &c->why, err);
	rc = vhd_piece_read(g->copy, p, err);
	if (vhd_copy_is_loss(g->copy, rc))
		return give_pages(g, p, err);
	return rc ? rc : give_part(g, p, err);
}
