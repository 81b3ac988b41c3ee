/* SPDX-License-Identifier: BSD-2-Clause */
#include "io/nameless.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/guid.h"
#include "io/io_posix_fd.h"

enum { MAX_TRIES = 16, NAME_ROOM = VHD_GUID_TEXT + 16 };

static int make_named(int dir_fd)
{
	char text[VHD_GUID_TEXT], name[NAME_ROOM];
	struct vhd_guid g;
	int fd = -1;

	errno = EAGAIN;
	for (int i = 0; i < MAX_TRIES && fd < 0; i++) {
		if (!vhd_guid_random(&g))
			return -1;
		vhd_guid_format(&g, text);
		snprintf(name, sizeof(name), ".vhd-%s.tmp", text);
		fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL |
			    O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0 && errno != EEXIST)
			return -1;
	}
	if (fd >= 0 && unlinkat(dir_fd, name, 0)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int make_file(int dir_fd)
{
	int fd = -1;

#ifdef O_TMPFILE
	fd = openat(dir_fd, ".", O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC,
		    0600);
#endif
	return fd < 0 ? make_named(dir_fd) : fd;
}

int vhd_io_new_nameless(const char *dir, const char *name,
			struct vhd_io **io_out, struct vhd_error *err)
{
	int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = dir_fd < 0 ? -1 : make_file(dir_fd);
	int rc = 0;

	if (fd < 0) {
		rc = vhd_fail_errno(err, errno, VHD_NO_OFFSET,
				    "cannot make a temporary file there");
		rc = vhd_err_file(err, rc, dir);
	}
	if (dir_fd >= 0)
		close(dir_fd);
	return rc ? rc : vhd_io_new_fd(fd, name, true, io_out, err);
}
