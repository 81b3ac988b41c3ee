/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files and block devices of the system.
 *
 * The descriptor's own position is never used, except that asking for holes
 * moves it; nobody looks at it.  Reading never depends on what a file is
 * called or what it was when its name was looked up: the kind is looked at
 * before opening, because opening a tape or a watchdog does something, and
 * again afterwards, because the name may mean something else by then.
 */

#include "io/io_posix.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#ifdef SYS_openat2
#include <linux/openat2.h>
#endif
#endif

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "io/io_lock.h"
#include "io/io_posix_fd.h"

_Static_assert(sizeof(off_t) == 8, "build with _FILE_OFFSET_BITS=64");

/* The kernel moves no more than this at once, and a ssize_t holds it. */
#define MAX_TRANSFER ((size_t)0x7ffff000)

struct posix_file {
	int fd;
	bool device;
	pthread_mutex_t lock;		/* guards mode */
	enum vhd_lock_mode mode;	/* the advisory lock held */
};

static size_t transfer(size_t len)
{
	return len < MAX_TRANSFER ? len : MAX_TRANSFER;
}

static int64_t posix_pread(void *h, void *buf, size_t len, uint64_t off)
{
	struct posix_file *f = h;
	ssize_t n = pread(f->fd, buf, transfer(len), (off_t)off);

	return n < 0 ? -errno : n;
}

static int64_t posix_pwrite(void *h, const void *buf, size_t len, uint64_t off)
{
	struct posix_file *f = h;
	ssize_t n = pwrite(f->fd, buf, transfer(len), (off_t)off);

	return n < 0 ? -errno : n;
}

static int posix_flush(void *h)
{
	struct posix_file *f = h;

	return fdatasync(f->fd) < 0 ? -errno : 0;
}

static int64_t posix_get_size(void *h)
{
	struct posix_file *f = h;
	struct stat st;
	off_t n;

	if (!f->device)
		return fstat(f->fd, &st) < 0 ? -errno : st.st_size;
	n = lseek(f->fd, 0, SEEK_END);
	return n < 0 ? -errno : n;
}

static int posix_set_size(void *h, uint64_t size)
{
	struct posix_file *f = h;
	int64_t have;

	if (!f->device)
		return ftruncate(f->fd, (off_t)size) < 0 ? -errno : 0;
	have = posix_get_size(h);
	if (have < 0)
		return (int)have;
	if (size > (uint64_t)have)
		return -ENOSPC;
	return size == (uint64_t)have ? 0 : -EOPNOTSUPP;
}

#ifdef FALLOC_FL_PUNCH_HOLE
/* File systems and devices refuse what they cannot do in many words. */
static int posix_fallocate_mode(int fd, int mode, uint64_t len, uint64_t off)
{
	if (fallocate(fd, mode, (off_t)off, (off_t)len) == 0)
		return 0;
	switch (errno) {
	case EINVAL:
	case ENOSYS:
	case ENODEV:
	case ENOTTY:
	case EOPNOTSUPP:
		return -EOPNOTSUPP;
	default:
		return -errno;
	}
}
#endif

static int posix_zero_range(void *h, uint64_t len, uint64_t off)
{
#ifdef FALLOC_FL_ZERO_RANGE
	struct posix_file *f = h;

	return posix_fallocate_mode(f->fd, FALLOC_FL_ZERO_RANGE, len, off);
#else
	(void)h;
	(void)len;
	(void)off;
	return -EOPNOTSUPP;
#endif
}

static int posix_punch_hole(void *h, uint64_t len, uint64_t off)
{
#ifdef FALLOC_FL_PUNCH_HOLE
	struct posix_file *f = h;

	return posix_fallocate_mode(f->fd, FALLOC_FL_PUNCH_HOLE |
				    FALLOC_FL_KEEP_SIZE, len, off);
#else
	(void)h;
	(void)len;
	(void)off;
	return -EOPNOTSUPP;
#endif
}

static int posix_next_data(void *h, uint64_t off, uint64_t *start_out,
			   uint64_t *end_out)
{
#ifdef SEEK_DATA
	struct posix_file *f = h;
	off_t start, end;

	if (f->device)
		return -EOPNOTSUPP;
	start = lseek(f->fd, (off_t)off, SEEK_DATA);
	if (start < 0)
		return errno == EINVAL ? -EOPNOTSUPP : -errno;
	end = lseek(f->fd, start, SEEK_HOLE);
	/* The file was cut, or the run became a hole, just now. */
	if (end < 0 && errno != ENXIO)
		return errno == EINVAL ? -EOPNOTSUPP : -errno;
	if (end <= start)
		return -EOPNOTSUPP;
	*start_out = (uint64_t)start;
	*end_out = (uint64_t)end;
	return 0;
#else
	(void)h;
	(void)off;
	(void)start_out;
	(void)end_out;
	return -EOPNOTSUPP;
#endif
}

static int posix_lock(void *h, enum vhd_lock_mode mode)
{
	struct posix_file *f = h;
	int rc;

	pthread_mutex_lock(&f->lock);
	rc = vhd_lock_fd(f->fd, f->mode, mode);
	if (!rc)
		f->mode = mode;
	pthread_mutex_unlock(&f->lock);
	return rc;
}

static int posix_fd(void *h)
{
	struct posix_file *f = h;

	return f->fd;
}

static int posix_close(void *h)
{
	struct posix_file *f = h;
	int rc = close(f->fd) < 0 ? -errno : 0;

	pthread_mutex_destroy(&f->lock);
	vhd_free(f);
	return rc;
}

/* A file opened for reading has no slots that change it. */
static const struct vhd_io_ops posix_read_ops = {
	.size = sizeof(struct vhd_io_ops),
	.pread = posix_pread,
	.get_size = posix_get_size,
	.next_data = posix_next_data,
	.lock = posix_lock,
	.fd = posix_fd,
	.close = posix_close,
};

static const struct vhd_io_ops posix_write_ops = {
	.size = sizeof(struct vhd_io_ops),
	.pread = posix_pread,
	.pwrite = posix_pwrite,
	.flush = posix_flush,
	.get_size = posix_get_size,
	.set_size = posix_set_size,
	.zero_range = posix_zero_range,
	.punch_hole = posix_punch_hole,
	.next_data = posix_next_data,
	.lock = posix_lock,
	.fd = posix_fd,
	.close = posix_close,
};

int vhd_io_new_fd(int fd, const char *name, bool writable,
		  struct vhd_io **io_out, struct vhd_error *err)
{
	struct posix_file *f;
	struct stat st;
	int rc;

	f = vhd_alloc(sizeof(*f));
	if (!f) {
		close(fd);
		return vhd_err_file(err, vhd_fail_nomem(err), name);
	}
	if (fstat(fd, &st) == 0)
		f->device = S_ISBLK(st.st_mode);
	f->fd = fd;
	rc = pthread_mutex_init(&f->lock, NULL);
	if (rc) {
		close(fd);
		vhd_free(f);
		rc = vhd_fail_errno(err, rc, VHD_NO_OFFSET,
				    "cannot make a lock");
		return vhd_err_file(err, rc, name);
	}
	return vhd_io_new(writable ? &posix_write_ops : &posix_read_ops, f,
			  name, io_out, err);
}

static int check_kind(mode_t mode, uint32_t flags, struct vhd_error *err)
{
	const char *kind;

	if (S_ISREG(mode))
		return 0;
	if (S_ISBLK(mode) && !(flags & VHD_POSIX_NO_DEVICE))
		return 0;
	if (S_ISDIR(mode))
		kind = "directory";
	else if (S_ISFIFO(mode))
		kind = "FIFO";
	else if (S_ISSOCK(mode))
		kind = "socket";
	else if (S_ISLNK(mode))
		kind = "symbolic link";
	else if (S_ISCHR(mode))
		kind = "character device";
	else
		kind = "block device";
	return vhd_fail(err, VHD_E_NOTFILE, "this is a %s and not a file",
			kind);
}

static int fail_open(int os_errno, uint32_t flags, struct vhd_error *err)
{
	const char *how = flags & VHD_POSIX_WRITE ? " for writing" : "";

	/* With O_NONBLOCK, this is how a lease shows. */
	if (os_errno == EWOULDBLOCK) {
		vhd_fail(err, VHD_E_BUSY,
			 "another program holds a lease on the file");
		if (err)
			err->os_errno = os_errno;
		return VHD_E_BUSY;
	}
	return vhd_fail_errno(err, os_errno, VHD_NO_OFFSET,
			      "cannot open the file%s", how);
}

/*
 * With @nofollow, the kernel is asked to follow no link anywhere in the path:
 * whoever resolved the path and then judged it gets that file, even if somebody
 * puts a link in its way meanwhile.  Old kernels look at the last component.
 */
static int open_path(const char *path, int how, bool nofollow)
{
#ifdef SYS_openat2
	struct open_how all = {
		.flags = (unsigned int)how,
		.resolve = RESOLVE_NO_SYMLINKS,
	};

	if (nofollow) {
		long fd = syscall(SYS_openat2, AT_FDCWD, path, &all,
				  sizeof(all));

		if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
			return (int)fd;
	}
#endif
	return open(path, nofollow ? how | O_NOFOLLOW : how);
}

/* Opens what check_kind() accepts, without ever waiting for anything. */
static int open_file(const char *path, uint32_t flags, int *fd_out,
		     struct vhd_error *err)
{
	bool nofollow = flags & VHD_POSIX_NO_SYMLINK;
	int how = flags & VHD_POSIX_WRITE ? O_RDWR : O_RDONLY;
	struct stat st;
	int fd, rc;

	if (fstatat(AT_FDCWD, path, &st, nofollow ? AT_SYMLINK_NOFOLLOW : 0))
		return fail_open(errno, flags, err);
	rc = check_kind(st.st_mode, flags, err);
	if (rc)
		return rc;
	do {
		fd = open_path(path, how | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
			       nofollow);
	} while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return fail_open(errno, flags, err);
	if (fstat(fd, &st))
		rc = fail_open(errno, flags, err);
	else
		rc = check_kind(st.st_mode, flags, err);
	/* Nobody who borrows the descriptor is to see this flag. */
	if (!rc && fcntl(fd, F_SETFL, 0) < 0)
		rc = fail_open(errno, flags, err);
	if (rc)
		close(fd);
	else
		*fd_out = fd;
	return rc;
}

int vhd_io_open_posix(const char *path, uint32_t flags, struct vhd_io **io_out,
		      struct vhd_error *err)
{
	int fd = -1;
	int rc;

	rc = open_file(path, flags, &fd, err);
	if (rc)
		return vhd_err_file(err, rc, path);
	return vhd_io_new_fd(fd, path, flags & VHD_POSIX_WRITE, io_out, err);
}
