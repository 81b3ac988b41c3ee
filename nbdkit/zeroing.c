/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When is zeroing faster than writing zeros?
 *
 * A client that asks for a fast zero wants a refusal rather than a write in
 * disguise.  Zeroing changes the map, which is cheap, and for parts of blocks
 * and for images that keep their space (fixed ones, or when the client says so)
 * it has the file system make a hole or a range of zeros, which is cheap where
 * it can.  Zeros that hide a parent's bytes are a hole in new space.
 *
 * Whether the file system can is tried on a file without a name beside the
 * image.  Where none can be made the answer is no, and clients write.
 */
#include "zeroing.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api.h"

/* Extents looked at before the answer is no. */
enum { STEPS = 64 };

static int open_nameless(const char *path)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t len = slash != NULL ? (size_t)(slash - path) + 1 : 0;

	if (len == 0 || len >= sizeof(dir))
		return -1;
	memcpy(dir, path, len);
	dir[len] = '\0';
	return open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

static bool same_file_system(int fd, int other)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && fstat(other, &b) == 0 &&
	       a.st_dev == b.st_dev;
}

static bool can(int fd, int mode)
{
	if (fallocate(fd, mode, 0, 4096) == 0)
		return true;
	/* That is full is no lack of ability. */
	return errno == ENOSPC || errno == EDQUOT;
}

void zeroing_probe(struct zeroing *z, struct vhd_image *img, const char *path)
{
	struct vhd_info info = { .size = sizeof(info) };
	int fd = open_nameless(path);

	memset(z, 0, sizeof(*z));
	z->keeps = vhd_layer_info(img, 0, &info, NULL) ||
		   info.type == VHD_TYPE_FIXED;
	if (fd >= 0 && same_file_system(fd, vhd_layer_fd(img, 0)) &&
	    ftruncate(fd, 8192) == 0) {
		z->punch = can(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
		z->range = can(fd, FALLOC_FL_ZERO_RANGE);
	}
	if (fd >= 0)
		close(fd);
	nbdkit_debug("file system: holes: %s, ranges of zeros: %s",
		     z->punch ? "yes" : "no", z->range ? "yes" : "no");
}

/* Nothing has to be done for what reads as zeros. */
static bool all_zeros(struct vhd_image *img, uint64_t off, uint64_t len)
{
	struct vhd_extent ext[STEPS];
	size_t n;

	if (vhd_resolve(img, off, len, ext, STEPS, &n, NULL))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (ext[i].kind != VHD_EXTENT_ZERO)
			return false;
		len -= ext[i].len;
	}
	return len == 0;
}

bool zeroing_is_fast(const struct zeroing *z, struct vhd_image *img,
		     uint64_t off, uint64_t len, bool may_trim)
{
	bool makes_hole = may_trim && !z->keeps;

	return (makes_hole ? z->punch : z->range) || all_zeros(img, off, len);
}
