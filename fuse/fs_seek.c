/* SPDX-License-Identifier: BSD-2-Clause */
/* Where data is and where none: SEEK_DATA and SEEK_HOLE, from the map. */
#include <errno.h>
#include <unistd.h>

#include "fs.h"

#define PIECES 64u

/* The first byte from @at on that is data, or not; the end if there is none. */
static int find(const struct view *v, uint64_t at, bool data, uint64_t *out,
		struct vhd_error *err)
{
	/* Mostly one of the first two pieces is it. */
	size_t most = 2;

	*out = v->len;
	while (at < v->len) {
		struct vhd_extent ext[PIECES];
		size_t n;
		int rc = vhd_resolve(v->img, v->off + at, v->len - at, ext,
				     most, &n, err);

		if (rc)
			return rc;
		most = most * 2 < PIECES ? most * 2 : PIECES;
		for (size_t i = 0; i < n; i++) {
			if ((ext[i].kind == VHD_EXTENT_DATA) == data) {
				*out = ext[i].off - v->off;
				return 0;
			}
		}
		at = ext[n - 1].off + ext[n - 1].len - v->off;
	}
	return 0;
}

void fs_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence,
	      struct fuse_file_info *fi)
{
	struct node *n = node_of(fi);
	const struct view *v = &n->view;
	struct vhd_error err;
	uint64_t found;

	(void)ino;
	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		fuse_reply_err(req, EINVAL);
	else if (off < 0 || (uint64_t)off >= v->len)
		fuse_reply_err(req, ENXIO);
	else if (atomic_load(&n->dirty) != 0)
		/* The kernel has data that it has not told us of. */
		fuse_reply_lseek(req, whence == SEEK_DATA ? off
							  : (off_t)v->len);
	else if (find(v, (uint64_t)off, whence == SEEK_DATA, &found, &err))
		fs_fail(req, "lookup", v->off + (uint64_t)off, &err);
	else if (whence == SEEK_DATA && found == v->len)
		fuse_reply_err(req, ENXIO);
	else
		fuse_reply_lseek(req, (off_t)found);
}
