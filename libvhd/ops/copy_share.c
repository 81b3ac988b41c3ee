/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes that need not be moved, because both files can have the same blocks. */
#include "base/ckd.h"
#include "io/share.h"
#include "ops/copy_priv.h"

/* What is shared was not read; a digest wants it all the same. */
static int add_digest(struct vhd_giver *g, struct vhd_piece *p, uint64_t len,
		      struct vhd_error *err)
{
	struct vhd_chunk all = p->chunk[0];
	int rc = 0;

	while (!rc && g->copy->digest && len) {
		p->chunk[0] = all;
		p->chunk[0].len = min_u64(len, COPY_BUFFER);
		rc = vhd_piece_read(g->copy, p, err);
		if (rc)
			break;
		vhd_piece_scan(g->copy, p);
		g->result.digest += p->sum;
		all.file_off += p->chunk[0].len;
		all.off += p->chunk[0].len;
		len -= p->chunk[0].len;
	}
	return rc;
}

int vhd_give_share(struct vhd_giver *g, struct vhd_piece *p,
		   struct vhd_share_end *end, struct vhd_error *err)
{
	const struct vhd_chunk c = p->chunk[0];
	enum vhd_share got = VHD_SHARE_DONE;
	uint64_t done = 0;
	int rc = 0;

	*end = (struct vhd_share_end){ .left = 0 };
	while (!rc && done < c.len && got == VHD_SHARE_DONE) {
		uint64_t file_off, n = c.len - done, some = 0;

		rc = vhd_give_place(g, c.off + done, &file_off, &n, err);
		if (rc)
			break;
		got = vhd_io_share(g->copy->into, file_off, c.io,
				   c.file_off + done, n, &some);
		if (got == VHD_SHARE_NOT_HERE)
			end->plain = vhd_io_share_skip(g->copy->into, file_off,
						       c.file_off + done, n);
		done += some;
		g->result.data_bytes += some;
		g->result.shared_bytes += some;
		rc = vhd_give_tell(g, some, err);
	}
	end->left = c.len - done;
	end->never = got == VHD_SHARE_NEVER;
	return rc ? rc : add_digest(g, p, done, err);
}
