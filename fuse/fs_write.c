/* SPDX-License-Identifier: BSD-2-Clause */
/* Writing, zeroing, preallocating, flushing. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>

#include "common/status.h"
#include "fs.h"

static void set(atomic_bool *flag)
{
	/* Threads that write beside each other share the flag's cache line. */
	if (!atomic_load_explicit(flag, memory_order_relaxed))
		atomic_store(flag, true);
}

/* Everybody who knows something of these bytes hears that they changed. */
static void changed(struct fs *fs, struct node *n, uint64_t fh, uint64_t off,
		    uint64_t len)
{
	/* Kernels before 6.6 keep what others have cached of the same file. */
	if ((fh & FH_DIRECT) != 0) {
		set(&n->bypassed);
		if (atomic_load_explicit(&n->cached, memory_order_relaxed) != 0)
			fs_ask(fs, FS_PAGES_OLD);
	}
	set(&n->wrote);
	set(&n->used_changed);
	if (atomic_load_explicit(&n->watched, memory_order_relaxed))
		fs_ask(fs, FS_PAGES_OLD);
	fs_parts_wrote(fs, off, len);
}

/*
 * As on a block device.  A kernel that writes back took the bytes long ago, and
 * believes that the file has grown by them: life.c puts that right.
 */
static void past_end(fuse_req_t req, struct node *n)
{
	set(&n->grown);
	fs_ask(fs_of(req), FS_SIZE_WRONG);
	fuse_reply_err(req, ENOSPC);
}

void fs_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size,
	      off_t off, struct fuse_file_info *fi)
{
	struct node *n = node_of(fi);
	const struct view *v = &n->view;
	uint64_t at = (uint64_t)off;
	size_t inside = at >= v->len ? 0 : size;
	struct vhd_error err;

	(void)ino;
	if (v->read_only) {
		fuse_reply_err(req, EROFS);
		return;
	}
	if (inside > v->len - at)
		inside = v->len - at;
	if (inside != 0 &&
	    vhd_pwrite(v->img, buf, inside, v->off + at, &err)) {
		fs_fail(req, "write", v->off + at, &err);
		return;
	}
	changed(fs_of(req), n, fi->fh, v->off + at, inside);
	if (inside < size && (inside == 0 || fi->writepage))
		past_end(req, n);
	else
		fuse_reply_write(req, inside);
}

static void flush(fuse_req_t req)
{
	struct fs *fs = fs_of(req);
	struct vhd_error err;

	if (!fs->read_only && vhd_flush(fs->disk.img, &err))
		fs_fail(req, "flush", 0, &err);
	else
		fuse_reply_err(req, 0);
}

void fs_fsync(fuse_req_t req, fuse_ino_t ino, int datasync,
	      struct fuse_file_info *fi)
{
	(void)ino, (void)datasync, (void)fi;
	flush(req);
}

void fs_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync,
		 struct fuse_file_info *fi)
{
	(void)ino, (void)datasync, (void)fi;
	flush(req);
}

/* close(2) is not a promise of anything. */
void fs_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino, (void)fi;
	fuse_reply_err(req, 0);
}

/* Plain reservation: it takes no byte away that somebody writes meanwhile. */
static int reserve_place(struct vhd_image *img, uint64_t file_off, uint64_t len,
			 struct vhd_error *err)
{
	if (fallocate(vhd_layer_fd(img, 0), FALLOC_FL_KEEP_SIZE,
		      (off_t)file_off, (off_t)len) == 0)
		return 0;
	memset(err, 0, sizeof(*err));
	err->code = errno == ENOSPC ? VHD_E_NOSPACE : VHD_E_IO;
	err->os_errno = errno;
	strcpy(err->msg, "space cannot be reserved");
	return err->code;
}

/*
 * A block that has no place gets one by a write of one sector, which is not
 * written: where only a part of a block is asked for, its place reads as zeros.
 * The rest of the block lies behind it in the file.  That holds for blocks that
 * had no place: where one is only partly present, nobody knows what lies under
 * the other bits.
 */
static int reserve_new(struct vhd_image *img, const struct vhd_extent *ext,
		       uint64_t end, uint32_t sector, struct vhd_error *err)
{
	uint64_t unit = ext->len < sector ? ext->len : sector;
	struct vhd_extent to;
	struct vhd_move *move;
	int rc, rc2;

	if ((ext->flags & VHD_EXTENT_ALLOCATED) != 0)
		return 0;
	rc = vhd_write_begin(img, ext->off, unit, &to, &move, err);
	/* Somebody is writing there: then it gets its place from him. */
	if (rc == VHD_E_BUSY)
		return 0;
	if (rc)
		return rc;
	rc = reserve_place(img, to.file_off, end - to.off, err);
	rc2 = vhd_write_end(img, &move, true, rc ? NULL : err);
	return rc ? rc : rc2;
}

/* What of a block has no space gets some. */
static int reserve_block(struct vhd_image *img, uint64_t off, uint64_t len,
			 uint32_t sector, struct vhd_error *err)
{
	uint64_t end = off + len;

	while (off < end) {
		struct vhd_extent ext;
		size_t n;
		int rc = vhd_resolve(img, off, end - off, &ext, 1, &n, err);

		if (rc == 0 && ext.kind == VHD_EXTENT_ZERO)
			return reserve_new(img, &ext, end, sector, err);
		if (rc == 0)
			rc = reserve_place(img, ext.file_off, ext.len, err);
		if (rc)
			return rc;
		off += ext.len;
	}
	return 0;
}

static int reserve(struct vhd_image *img, uint64_t off, uint64_t len,
		   struct vhd_error *err)
{
	struct vhd_info info = { .size = sizeof(info) };
	uint64_t block;
	int rc = vhd_layer_info(img, 0, &info, err);

	block = info.block_size != 0 ? info.block_size : 2u << 20;
	while (rc == 0 && len != 0) {
		uint64_t n = block - off % block;

		if (n > len)
			n = len;
		rc = reserve_block(img, off, n, info.logical_sector, err);
		off += n;
		len -= n;
	}
	return rc;
}

/*
 * The loop driver turns both discard and "write zeroes, may unmap" into a hole
 * punch, so zeros are what it has to leave, not merely anything.
 */
static int fallocate_range(struct vhd_image *img, int mode, uint64_t off,
			   uint64_t len, struct vhd_error *err)
{
	switch (mode & ~FALLOC_FL_KEEP_SIZE) {
	case FALLOC_FL_PUNCH_HOLE:
		return vhd_write_zeroes(img, off, len, 0, err);
	case FALLOC_FL_ZERO_RANGE:
		return vhd_write_zeroes(img, off, len, VHD_ZERO_KEEP, err);
	default:
		return reserve(img, off, len, err);
	}
}

void fs_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off,
		  off_t len, struct fuse_file_info *fi)
{
	const int known = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE |
			  FALLOC_FL_ZERO_RANGE;
	struct node *n = node_of(fi);
	const struct view *v = &n->view;
	uint64_t at = (uint64_t)off, size = (uint64_t)len;
	bool inside = at <= v->len && size <= v->len - at;
	struct vhd_error err;

	(void)ino;
	if (v->read_only || (mode & ~known) != 0 ||
	    (!inside && (mode & FALLOC_FL_PUNCH_HOLE) == 0)) {
		fuse_reply_err(req, v->read_only ? EROFS
			       : (mode & ~known) != 0 ? EOPNOTSUPP : EFBIG);
		return;
	}
	/* Over a parent space comes with bytes: libc writes them then. */
	if ((mode & ~FALLOC_FL_KEEP_SIZE) == 0 && vhd_layers(v->img) > 1) {
		fuse_reply_err(req, EOPNOTSUPP);
		return;
	}
	/* Holes may be asked for past the end, as in any file. */
	if (at > v->len)
		at = v->len;
	if (size > v->len - at)
		size = v->len - at;
	if (size != 0 &&
	    fallocate_range(v->img, mode, v->off + at, size, &err)) {
		fs_fail(req, "fallocate", v->off + at, &err);
		return;
	}
	changed(fs_of(req), n, fi->fh, v->off + at, size);
	fuse_reply_err(req, 0);
}
