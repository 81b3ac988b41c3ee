/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading.  Large reads are answered with places in the image's files, so that
 * the kernel moves pages from one file to the other and no byte passes through
 * this process; small ones are quicker copied.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/status.h"
#include "fs.h"
#include "wire.h"

/* More pieces than this, or smaller ones than that, are copied. */
#define PIECES 16u
#define PIECE_MIN (16u << 10)

/*
 * Never less in the file than the extent says, or the kernel sees an end.  Asked
 * each time: somebody may have cut the file.
 */
static bool in_file(int fd, uint64_t end)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       end <= (uint64_t)st.st_size;
}

/* One element per extent; false when copying is better or needed. */
static bool describe(const struct fs *fs, const struct view *v,
		     const struct vhd_extent *ext, size_t n, size_t size,
		     struct fuse_bufvec *vec)
{
	uint32_t first = fs->disk.img == v->img
				 ? 0
				 : fs->fd_count - vhd_layers(v->img);
	size_t sum = 0;

	memset(vec, 0, sizeof(*vec));
	vec->count = n;
	for (size_t i = 0; i < n; i++) {
		struct fuse_buf *b = &vec->buf[i];
		int fd = fs->fds[first + ext[i].layer];

		memset(b, 0, sizeof(*b));
		b->size = ext[i].len;
		sum += ext[i].len;
		if (ext[i].kind == VHD_EXTENT_ZERO) {
			b->mem = (void *)(uintptr_t)fs->zeros;
			continue;
		}
		if ((n > 1 && ext[i].len < PIECE_MIN) ||
		    !in_file(fd, ext[i].file_off + ext[i].len))
			return false;
		b->flags = FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK |
			   FUSE_BUF_FD_RETRY;
		b->fd = fd;
		b->pos = (off_t)ext[i].file_off;
	}
	return sum == size;
}

/* True when the request was answered. */
static bool read_spliced(fuse_req_t req, const struct view *v, size_t size,
			 uint64_t off)
{
	struct fs *fs = fs_of(req);
	union {
		struct fuse_bufvec vec;
		uint8_t room[sizeof(struct fuse_bufvec) +
			     PIECES * sizeof(struct fuse_buf)];
	} u;
	struct vhd_extent ext[PIECES];
	struct vhd_move *move = NULL;
	bool ok;
	size_t n;

	/* Held until the kernel has the pages: nobody reuses the space. */
	if (vhd_read_begin(v->img, off, size, ext, PIECES, &n, &move, NULL))
		return false;
	if (n == 1 && ext[0].kind == VHD_EXTENT_ZERO && ext[0].len == size) {
		fuse_reply_buf(req, (const char *)fs->zeros, size);
		ok = true;
	} else {
		ok = describe(fs, v, ext, n, size, &u.vec);
		if (ok)
			wire_reply_pages(req, &u.vec, off);
	}
	vhd_read_end(v->img, &move);
	return ok;
}

/* The thread's own buffer. */
static void *buffer(struct fs *fs)
{
	void *buf = pthread_getspecific(fs->buffers);

	if (buf == NULL && posix_memalign(&buf, 4096, fs->max_read) == 0)
		pthread_setspecific(fs->buffers, buf);
	return buf;
}

static void read_copied(fuse_req_t req, const struct view *v, size_t size,
			uint64_t off)
{
	void *buf = buffer(fs_of(req));
	struct vhd_error err;

	if (buf == NULL)
		fuse_reply_err(req, ENOMEM);
	else if (vhd_pread(v->img, buf, size, off, &err))
		fs_fail(req, "read", off, &err);
	else
		fuse_reply_buf(req, buf, size);
}

void fs_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
	     struct fuse_file_info *fi)
{
	const struct fs *fs = fs_of(req);
	/* A copy: with the answer the node of a partition may go. */
	const struct view v = node_of(fi)->view;
	uint64_t at = (uint64_t)off;

	(void)ino;
	if (at >= v.len) {
		fuse_reply_buf(req, NULL, 0);
		return;
	}
	if (size > v.len - at)
		size = v.len - at;
	if (size > fs->max_read)
		size = fs->max_read;
	if (fs->splice && size >= SPLICE_MIN &&
	    read_spliced(req, &v, size, v.off + at))
		return;
	read_copied(req, &v, size, v.off + at);
}
