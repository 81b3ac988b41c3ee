/* SPDX-License-Identifier: BSD-2-Clause */
/* New files: who may read them, and keeping them open. */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "io/io_posix_fd.h"
#include "io/outfile.h"

static int fail_sys(struct vhd_error *err, const char *what)
{
	return vhd_fail_errno(err, errno, VHD_NO_OFFSET, "cannot %s", what);
}

/*
 * A group that the file cannot be given to gets what everybody gets, so that
 * another one in its place may do no more.
 */
static int make_like(int fd, const struct stat *st, struct vhd_error *err)
{
	struct stat now;
	mode_t mode;

	if (fchown(fd, geteuid() ? (uid_t)-1 : st->st_uid, st->st_gid) &&
	    errno != EPERM && errno != EINVAL && errno != ENOSYS &&
	    errno != EOPNOTSUPP)
		return fail_sys(err, "give the file to its group");
	if (fstat(fd, &now))
		return fail_sys(err, "see who may read the file");
	mode = (st->st_mode & 0666) | 0600;
	if (now.st_gid != st->st_gid)
		mode = (mode & ~(mode_t)0060) | (mode & mode << 3 & 0060);
	/* A file system that knows no modes has nothing to forbid. */
	if (fchmod(fd, mode) && errno != EPERM && errno != EOPNOTSUPP &&
	    errno != ENOSYS)
		return fail_sys(err, "say who may read the file");
	return 0;
}

int vhd_outfile_like(struct vhd_outfile *of, const struct vhd_io *io,
		     struct vhd_error *err)
{
	int from = vhd_io_fd(vhd_io_file(io));
	struct stat st;

	/* No file at all: then it stays the owner's. */
	if (from < 0)
		return 0;
	if (fstat(from, &st))
		return fail_sys(err, "see who may read the file");
	return make_like(vhd_io_fd(vhd_outfile_io(of)), &st, err);
}

int vhd_outfile_like_old(struct vhd_outfile *of, int dir_fd, const char *name,
			 struct vhd_error *err)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 :
			fail_sys(err, "see who may read the old file");
	return make_like(vhd_io_fd(vhd_outfile_io(of)), &st, err);
}

int vhd_io_again(const struct vhd_io *io, struct vhd_io **io_out,
		 struct vhd_error *err)
{
	int fd = fcntl(vhd_io_fd(io), F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return fail_sys(err, "keep the file open");
	return vhd_io_new_fd(fd, vhd_io_name(io), true, io_out, err);
}

int vhd_outfile_keep(struct vhd_outfile *of, struct vhd_io **io_out,
		     struct vhd_error *err)
{
	return vhd_io_again(vhd_outfile_io(of), io_out, err);
}
