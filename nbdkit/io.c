/* SPDX-License-Identifier: BSD-2-Clause */
#include "io.h"

#include <fcntl.h>

#include <vhd/write.h>

#include "export.h"
#include "fail.h"
#include "zeroing.h"

int io_pread(void *handle, void *buf, uint32_t count, uint64_t off,
	     uint32_t flags)
{
	struct export *ex = handle;
	struct vhd_error err;

	(void)flags;
	if (vhd_pread(ex->img, buf, count, ex->off + off, &err))
		return fail_io(&err);
	return 0;
}

int io_flush(void *handle, uint32_t flags)
{
	struct export *ex = handle;
	struct vhd_error err;

	(void)flags;
	return vhd_flush(ex->img, &err) ? fail_io(&err) : 0;
}

/* The end of every change: with FUA it has to be durable. */
static int changed(struct export *ex, uint32_t flags, int rc,
		   const struct vhd_error *err)
{
	if (rc)
		return fail_io(err);
	return flags & NBDKIT_FLAG_FUA ? io_flush(ex, 0) : 0;
}

int io_pwrite(void *handle, const void *buf, uint32_t count, uint64_t off,
	      uint32_t flags)
{
	struct export *ex = handle;
	struct vhd_error err;
	int rc = vhd_pwrite(ex->img, buf, count, ex->off + off, &err);

	return changed(ex, flags, rc, &err);
}

int io_trim(void *handle, uint32_t count, uint64_t off, uint32_t flags)
{
	struct export *ex = handle;
	struct vhd_error err;
	int rc = vhd_discard(ex->img, ex->off + off, count, &err);

	return changed(ex, flags, rc, &err);
}

int io_zero(void *handle, uint32_t count, uint64_t off, uint32_t flags)
{
	struct export *ex = handle;
	bool may_trim = flags & NBDKIT_FLAG_MAY_TRIM;
	struct vhd_error err;
	int rc;

	off += ex->off;
	if (flags & NBDKIT_FLAG_FAST_ZERO &&
	    !zeroing_is_fast(&ex->disk->zeroing, ex->img, off, count,
			     may_trim)) {
		/* No error: the client will write. */
		nbdkit_set_error(EOPNOTSUPP);
		errno = EOPNOTSUPP;
		return -1;
	}
	rc = vhd_write_zeroes(ex->img, off, count,
			      may_trim ? 0 : VHD_ZERO_KEEP, &err);
	return changed(ex, flags, rc, &err);
}

static void prefetch(struct vhd_image *img, const struct vhd_extent *ext,
		     size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int fd;

		if (ext[i].kind != VHD_EXTENT_DATA)
			continue;
		fd = vhd_layer_fd(img, ext[i].layer);
		if (fd >= 0)
			posix_fadvise(fd, (off_t)ext[i].file_off,
				      (off_t)ext[i].len, POSIX_FADV_WILLNEED);
	}
}

int io_cache(void *handle, uint32_t count, uint64_t off, uint32_t flags)
{
	struct export *ex = handle;
	uint64_t pos = ex->off + off, end = pos + count;

	(void)flags;
	while (pos < end) {
		struct vhd_extent ext[32];
		struct vhd_move *move = NULL;
		struct vhd_error err;
		size_t n;

		if (vhd_read_begin(ex->img, pos, end - pos, ext, 32, &n, &move,
				   &err))
			return fail_io(&err);
		prefetch(ex->img, ext, n);
		vhd_read_end(ex->img, &move);
		pos = ext[n - 1].off + ext[n - 1].len;
	}
	return 0;
}
