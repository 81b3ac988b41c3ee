/* SPDX-License-Identifier: BSD-2-Clause */
#include "io/attr.h"

#include <errno.h>
#ifdef __linux__
#include <sys/xattr.h>
#endif

#include "base/fail.h"

#ifdef __linux__
static bool get(int fd, const char *name, void *buf, size_t len)
{
	return fgetxattr(fd, name, buf, len) == (ssize_t)len;
}

static int set(int fd, const char *name, const void *buf, size_t len)
{
	return fsetxattr(fd, name, buf, len, 0) ? errno : 0;
}
#else
static bool get(int fd, const char *name, void *buf, size_t len)
{
	(void)fd;
	(void)name;
	(void)buf;
	(void)len;
	return false;
}

static int set(int fd, const char *name, const void *buf, size_t len)
{
	(void)fd;
	(void)name;
	(void)buf;
	(void)len;
	return ENOTSUP;
}
#endif

bool vhd_io_attr_get(const struct vhd_io *io, const char *name, void *buf,
		     size_t len)
{
	int fd = vhd_io_fd(io);

	return fd >= 0 && get(fd, name, buf, len);
}

int vhd_io_attr_set(struct vhd_io *io, const char *name, const void *buf,
		    size_t len, struct vhd_error *err)
{
	int fd = vhd_io_fd(io);
	int rc = fd < 0 ? ENOTSUP : set(fd, name, buf, len);

	if (!rc)
		return 0;
	return vhd_fail_errno(err, rc, VHD_NO_OFFSET,
			      "cannot set the attribute %s of the file", name);
}
