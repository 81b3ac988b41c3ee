/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <string.h>

#include "fs.h"

/* Newer than the oldest kernel headers and libfuse we build with. */
#ifndef FOPEN_PARALLEL_DIRECT_WRITES
#define FOPEN_PARALLEL_DIRECT_WRITES (1 << 6)
#endif

static void closed(struct fs *fs, struct node *n, uint64_t flags)
{
	if ((flags & FH_DIRTY) != 0)
		atomic_fetch_sub(&n->dirty, 1);
	if ((flags & FH_DIRECT) == 0)
		atomic_fetch_sub(&n->cached, 1);
	tree_release(&fs->tree, n, (flags & FH_WRITING) != 0);
}

/*
 * Who opens with O_DIRECT (losetup --direct-io, QEMU with cache=none, fio) has a
 * cache of his own: his requests come to us as they are, and writes beside each
 * other.  The answer is put together here, because libfuse 3.14 has no field for
 * that flag.
 */
static void reply(fuse_req_t req, struct node *n, uint64_t flags,
		  const struct tree_grant *grant)
{
	struct fuse_open_out out;

	memset(&out, 0, sizeof(out));
	out.fh = (uint64_t)(uintptr_t)n | flags;
	if ((flags & FH_DIRTY) != 0)
		atomic_fetch_add(&n->dirty, 1);
	if ((flags & FH_DIRECT) == 0)
		atomic_fetch_add(&n->cached, 1);
	if (grant->keep_cache)
		out.open_flags |= FOPEN_KEEP_CACHE;
	if ((flags & FH_DIRECT) != 0)
		out.open_flags |= FOPEN_DIRECT_IO |
				  FOPEN_PARALLEL_DIRECT_WRITES;
	if (fuse_reply_buf(req, (const char *)&out, sizeof(out)) == 0)
		return;
	/* Interrupted: there will be no release. */
	closed(fs_of(req), n, flags);
}

/*
 * Who only writes (cat, cp, dd) wants to hear that the disk has come to its end,
 * which a kernel that writes back would tell nobody before the last close.
 */
static bool wants_direct(const struct fs *fs, int flags)
{
	return (flags & O_DIRECT) != 0 || fs->opts->cache == CACHE_NONE ||
	       (fs->opts->cache == CACHE_WRITEBACK &&
		(flags & O_ACCMODE) == O_WRONLY);
}

void fs_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct node *n = tree_find(&fs->tree, ino);
	bool writing = (fi->flags & O_ACCMODE) != O_RDONLY, direct;
	uint64_t fh = writing ? FH_WRITING : 0;
	struct tree_grant grant;
	int rc;

	if (n == NULL || n->kind != NODE_FILE) {
		fuse_reply_err(req, n == NULL ? ENOENT : EISDIR);
		return;
	}
	if (writing && n->view.read_only) {
		fuse_reply_err(req, EROFS);
		return;
	}
	rc = tree_open(&fs->tree, n, writing, &grant);
	if (rc != 0) {
		fuse_reply_err(req, rc);
		return;
	}
	direct = grant.direct || wants_direct(fs, fi->flags);
	if (direct)
		fh |= FH_DIRECT;
	else if (writing && fs->opts->cache == CACHE_WRITEBACK)
		fh |= FH_DIRTY;
	reply(req, n, fh, &grant);
}

void fs_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	closed(fs_of(req), node_of(fi), fi->fh);
	fuse_reply_err(req, 0);
}
