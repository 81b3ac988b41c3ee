/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sharing blocks (FICLONERANGE) costs the same for a block and for a gigabyte, some
 * ten microseconds, in which 30 KiB could be copied.  So short ranges are left
 * to the caller, and so are the ends of a range that do not fill a block of the
 * file system: with both files at the same distance from a block, all between
 * is shared.
 *
 * Kernels and file systems refuse in many words, and a word may mean more than
 * one thing.  What is refused because of what the files are is refused for good
 * (SHARE_NEVER).  EINVAL may be that (Btrfs, one file without checksums; XFS, one
 * file on the real-time device; blocks that are larger than the system says),
 * but it is also what a program sees when only a part could be done; so the
 * smallest possible request tells these two apart.  ENOSPC is no failure: XFS says
 * so where just the table of references in one of its groups has no room.
 *
 * A server that copies knows no blocks, but each question goes over the network.
 *
 * The kernel writes back what is dirty of the range in both files before it shares
 * it, and locks out writers of both; so a source that was written a moment ago is
 * shared as it is now, and this takes as long as the disk needs.
 */
#include "io/share.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/fs.h>
#endif

#include "base/ckd.h"
#include "io/server_copy.h"

/* Written back on a slow disk in a time after which one may be asked again. */
#define STEP (64 * MiB)
/* After a refusal that may be one of the place only. */
#define SKIP MiB
/* Past the end of any file, and on no block. */
#define NOWHERE ((UINT64_C(1) << 62) + 1)

struct pair {
	int dst, src;
	uint64_t block;		/* of the file system of dst */
	uint64_t src_size;
	bool same_fs;
};

static uint64_t block_size(int fd)
{
#ifdef FIGETBSZ
	int n;

	if (fd >= 0 && ioctl(fd, FIGETBSZ, &n) == 0 && n >= 512 &&
	    (uint64_t)n <= STEP && is_pow2((uint64_t)n))
		return (uint64_t)n;
#else
	(void)fd;
#endif
	return 4096;
}

/* Devices, and what is no file at all, have no blocks to share. */
static bool find_pair(struct pair *p, const struct vhd_io *dst,
		      const struct vhd_io *src)
{
	struct stat d, s;

	p->dst = vhd_io_fd(dst);
	p->src = vhd_io_fd(src);
	if (p->dst < 0 || p->src < 0 || !vhd_io_writable(dst) ||
	    fstat(p->dst, &d) || fstat(p->src, &s) || !S_ISREG(d.st_mode) ||
	    !S_ISREG(s.st_mode))
		return false;
	p->block = block_size(p->dst);
	p->src_size = (uint64_t)s.st_size;
	p->same_fs = d.st_dev == s.st_dev;
	return true;
}

/* 0 or a negative errno. */
static int clone(const struct pair *p, uint64_t dst_off, uint64_t src_off,
		 uint64_t len)
{
#ifdef FICLONERANGE
	struct file_clone_range r = {
		.src_fd = p->src,
		.src_offset = src_off,
		.src_length = len,
		.dest_offset = dst_off,
	};

	return ioctl(p->dst, FICLONERANGE, &r) == 0 ? 0 : -errno;
#else
	(void)p;
	(void)dst_off;
	(void)src_off;
	(void)len;
	return -EOPNOTSUPP;
#endif
}

/* Bytes copied, or a negative errno. */
static int64_t server_copy(const struct pair *p, uint64_t dst_off,
			   uint64_t src_off, uint64_t len)
{
#ifdef __linux__
	off_t in = (off_t)src_off, out = (off_t)dst_off;
	ssize_t n = copy_file_range(p->src, &in, p->dst, &out, (size_t)len, 0);

	return n < 0 ? -errno : n;
#else
	(void)p;
	(void)dst_off;
	(void)src_off;
	(void)len;
	return -EOPNOTSUPP;
#endif
}

static enum vhd_share refusal(int rc)
{
	switch (-rc) {
	case EAGAIN:
	case EDQUOT:
	case EFBIG:
	case EINTR:
	case EIO:
	case ENOMEM:
	case ENOSPC:
		return VHD_SHARE_NOT_HERE;
	default:
		return VHD_SHARE_NEVER;
	}
}

/*
 * A request that no file system can fulfil, and none does in part: whether it says
 * that of this one, or of any, is the answer.
 */
bool vhd_io_may_share(const struct vhd_io *dst, const struct vhd_io *src)
{
	struct pair p;

	if (!find_pair(&p, dst, src))
		return false;
	return clone(&p, 1, NOWHERE, 1) == -EINVAL ||
	       (p.same_fs && vhd_server_copies(p.dst));
}

static enum vhd_share share_blocks(const struct pair *p, uint64_t dst_off,
				   uint64_t src_off, uint64_t len)
{
	int rc = clone(p, dst_off, src_off, len);

	if (rc == -EINVAL) {
		rc = clone(p, dst_off, src_off, p->block);
		if (!rc)
			return VHD_SHARE_NOT_HERE;
	}
	return rc ? refusal(rc) : VHD_SHARE_DONE;
}

/* Both starts lie on blocks, and enough of them follow. */
static bool fits(uint64_t block, uint64_t dst_off, uint64_t src_off,
		 uint64_t len)
{
	return (dst_off | src_off) % block == 0 && len >= block &&
	       len >= VHD_SHARE_LEAST;
}

/* What may be asked for at once; 0: nothing. */
static uint64_t clip(const struct pair *p, uint64_t dst_off, uint64_t src_off,
		     uint64_t len)
{
	if (src_off >= p->src_size || dst_off > INT64_MAX)
		return 0;
	len = min_u64(len, p->src_size - src_off);
	len = min_u64(len, INT64_MAX - dst_off);
	len = min_u64(len, STEP);
	return len < VHD_SHARE_LEAST ? 0 : len;
}

/* The file system shares no blocks, or not these: @how. */
static enum vhd_share try_server(const struct pair *p, uint64_t dst_off,
				 uint64_t src_off, uint64_t len,
				 enum vhd_share how, uint64_t *done)
{
	int64_t n;

	if (!p->same_fs || !vhd_server_copies(p->dst))
		return how;
	n = server_copy(p, dst_off, src_off, len);
	if (n < 0)
		return refusal((int)n);
	*done = min_u64((uint64_t)n, len);
	return *done ? VHD_SHARE_DONE : VHD_SHARE_NOT_HERE;
}

enum vhd_share vhd_io_share(struct vhd_io *dst, uint64_t dst_off,
			    struct vhd_io *src, uint64_t src_off, uint64_t len,
			    uint64_t *done_out)
{
	enum vhd_share how = VHD_SHARE_NOT_HERE;
	struct pair p;
	uint64_t whole;
	bool fit;

	*done_out = 0;
	if (!find_pair(&p, dst, src))
		return VHD_SHARE_NEVER;
	len = clip(&p, dst_off, src_off, len);
	if (!len)
		return VHD_SHARE_NOT_HERE;
	whole = align_down(len, p.block);
	fit = fits(p.block, dst_off, src_off, whole);
	if (fit)
		how = share_blocks(&p, dst_off, src_off, whole);
	if (how == VHD_SHARE_DONE)
		*done_out = whole;
	else if (!fit || how == VHD_SHARE_NEVER)
		how = try_server(&p, dst_off, src_off, len, how, done_out);
	if (*done_out)
		vhd_io_saw_end(dst, dst_off + *done_out);
	return how;
}

uint64_t vhd_io_share_skip(const struct vhd_io *dst, uint64_t dst_off,
			   uint64_t src_off, uint64_t len)
{
	uint64_t block = block_size(vhd_io_fd(dst));
	uint64_t head = (block - src_off % block) % block;

	if ((dst_off ^ src_off) % block)
		return len;
	if (!head)
		head = SKIP;
	if (len <= head || !fits(block, 0, 0, len - head))
		return len;
	return head;
}
