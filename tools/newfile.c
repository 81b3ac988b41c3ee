/* SPDX-License-Identifier: BSD-2-Clause */
#include "newfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vhd/vhd.h>

#include "dirsync.h"

enum { PROC_ROOM = 40 };

#define CREATE "cannot create the file"
#define FINISH "cannot finish the file"

/* Says what is wrong with @path and returns @code. */
static int fail(struct vhd_error *err, const char *path, int code, int errnum,
		const char *text)
{
	memset(err, 0, sizeof(*err));
	err->code = code;
	err->os_errno = errnum;
	err->off = VHD_NO_OFFSET;
	snprintf(err->file, sizeof(err->file), "%s", path);
	snprintf(err->msg, sizeof(err->msg), "%s", text);
	return code;
}

static int fail_exists(struct vhd_error *err, const char *path)
{
	return fail(err, path, VHD_E_EXISTS, 0, "the target exists already");
}

/* @what could not be done, as in "cannot create the file". */
static int fail_errno(struct vhd_error *err, const char *path, int errnum,
		      const char *what)
{
	bool full = errnum == ENOSPC || errnum == EDQUOT;
	char text[160];

	/* Another program was faster. */
	if (errnum == EEXIST)
		return fail_exists(err, path);
	snprintf(text, sizeof(text), "%s: %s", what, strerror(errnum));
	return fail(err, path, full ? VHD_E_NOSPACE : VHD_E_IO, errnum, text);
}

static bool in_chain(const struct vhd_image *img, const struct stat *st)
{
	for (uint32_t i = 0; i < vhd_layers(img); i++) {
		int fd = vhd_layer_fd(img, i);
		struct stat layer;

		if (fd >= 0 && fstat(fd, &layer) == 0 &&
		    layer.st_dev == st->st_dev && layer.st_ino == st->st_ino)
			return true;
	}
	return false;
}

/* The same is asked of images that vhd_create() replaces. */
static int spare_parent(const char *path, struct vhd_error *err)
{
	struct vhd_open_opts opts = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img = NULL;
	int rc;

	opts.flags = VHD_OPEN_NO_LOCK | VHD_OPEN_NO_PARENT | VHD_OPEN_ALLOW_RAW;
	if (vhd_open(path, &opts, &img, NULL) != 0)
		return 0;
	rc = vhd_refuse_children(img, err);
	vhd_close(&img, NULL);
	return rc;
}

/*
 * A file that somebody has open is not taken away from under them: a machine
 * that runs would go on with what has no name any more.  It stays open, and so
 * locked, until the new one is in its place.  The lock is a writer's, as
 * vhd_create()'s: of two that replace one file, the second one is refused.
 */
static int lock_old(struct newfile *file, const char *path,
		    struct vhd_error *err)
{
	struct vhd_open_opts opts = VHD_OPEN_OPTS_INIT;

	int rc;

	opts.format = VHD_FORMAT_RAW;
	opts.flags = VHD_OPEN_RDWR;
	rc = vhd_open(path, &opts, &file->old, NULL);
	/* One that we may replace but not write to: readers do not mind us. */
	if (rc != 0 && rc != VHD_E_BUSY) {
		opts.flags = 0;
		rc = vhd_open(path, &opts, &file->old, NULL);
	}
	/* One that may not even be read is nobody's we know of. */
	if (rc != VHD_E_BUSY)
		return 0;
	return fail(err, path, VHD_E_BUSY, 0,
		    "another program has the target open");
}

/* What is there already, if anything, may it go? */
static int judge(struct newfile *file, const char *path, bool force,
		 const struct vhd_image *img, struct vhd_error *err)
{
	struct stat st;
	int rc;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? 0 : fail_errno(err, path, errno,
							 CREATE);
	/* A link that leads nowhere is no place for a file either. */
	if (stat(path, &st) != 0)
		return fail_errno(err, path, errno, CREATE);
	if (!S_ISREG(st.st_mode))
		return fail(err, path, VHD_E_NOTFILE, 0,
			    "the target exists and is not a regular file");
	if (in_chain(img, &st))
		return fail(err, path, VHD_E_INVAL, 0,
			    "the target is a file of the image that is read");
	if (!force)
		return fail_exists(err, path);
	rc = lock_old(file, path, err);
	return rc != 0 || file->orphan ? rc : spare_parent(path, err);
}

/* The directory part of @path and a name in it. */
static char *hidden_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	int len = slash == NULL ? 0 : (int)(slash - path) + 1;
	char *name = NULL;

	if (asprintf(&name, "%.*s.vhd-util-%ld.tmp", len, path,
		     (long)getpid()) < 0)
		return NULL;
	return name;
}

/* Names the file, and its neighbour; a link stays, its target is replaced. */
static bool set_names(struct newfile *file, const char *path)
{
	file->path = realpath(path, NULL);
	if (file->path == NULL)
		file->path = strdup(path);
	if (file->path != NULL)
		file->tmp = hidden_name(file->path);
	return file->tmp != NULL;
}

static void proc_name(int fd, char *name, size_t size)
{
	snprintf(name, size, "/proc/self/fd/%d", fd);
}

/* -1 where there is no such thing, or no way to name the file later. */
static int open_nameless(struct newfile *file)
{
	char *dir = dirsync_dir(file->path), proc[PROC_ROOM];
	int fd = -1;
	struct stat st;

	if (dir != NULL)
		fd = open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
	free(dir);
	if (fd < 0)
		return -1;
	proc_name(fd, proc, sizeof(proc));
	if (stat(proc, &st) != 0) {
		close(fd);
		return -1;
	}
	file->nameless = true;
	return fd;
}

/*
 * Who may read and write the file that is replaced may do so with the new one,
 * nobody else, as far as the system lets us.
 */
static int keep_owner(const struct newfile *file)
{
	struct stat st, now;
	mode_t mode;

	if (!file->force || stat(file->path, &st) != 0)
		return 0;
	if (fchown(file->fd, geteuid() == 0 ? st.st_uid : (uid_t)-1,
		   st.st_gid) != 0 && errno != EPERM && errno != EINVAL &&
	    errno != ENOSYS && errno != EOPNOTSUPP)
		return -1;
	if (fstat(file->fd, &now) != 0)
		return -1;
	mode = (st.st_mode & 0666) | 0600;
	if (now.st_gid != st.st_gid)
		mode = (mode & ~(mode_t)0060) | (mode & mode << 3 & 0060);
	if (fchmod(file->fd, mode) != 0 && errno != EPERM &&
	    errno != EOPNOTSUPP && errno != ENOSYS)
		return -1;
	return 0;
}

int newfile_open(struct newfile *file, const char *path, bool force,
		 const struct vhd_image *img, struct vhd_error *err)
{
	int rc = judge(file, path, force, img, err);

	if (rc != 0)
		return rc;
	file->force = force;
	if (!set_names(file, path))
		return fail(err, path, VHD_E_NOMEM, 0, "there is no memory");
	file->fd = open_nameless(file);
	if (file->fd < 0)
		file->fd = open(file->tmp, O_WRONLY | O_CREAT | O_EXCL |
				O_CLOEXEC | O_NOFOLLOW, 0666);
	if (file->fd < 0 || keep_owner(file) != 0)
		return fail_errno(err, path, errno, CREATE);
	return 0;
}

/* Not every file system can rename without replacing, or link. */
static int rename_tmp(const struct newfile *file)
{
	if (file->force)
		return rename(file->tmp, file->path);
	if (renameat2(AT_FDCWD, file->tmp, AT_FDCWD, file->path,
		      RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL || link(file->tmp, file->path) != 0)
		return -1;
	unlink(file->tmp);
	return 0;
}

/* What has no name gets its own at once, or, to replace a file, the hidden one. */
static int link_nameless(const struct newfile *file)
{
	char proc[PROC_ROOM];

	proc_name(file->fd, proc, sizeof(proc));
	return linkat(AT_FDCWD, proc, AT_FDCWD,
		      file->force ? file->tmp : file->path, AT_SYMLINK_FOLLOW);
}

/* Everything but the directory.  What a full disk did not report so far, it
 * does when the file is closed. */
static int give_name(struct newfile *file)
{
	bool placed = file->nameless && !file->force;
	int fd = file->fd;

	if (file->sync && fsync(fd) != 0)
		return -1;
	if (file->nameless && link_nameless(file) != 0)
		return -1;
	file->fd = -1;
	if (close(fd) != 0) {
		if (placed)
			unlink(file->path);
		return -1;
	}
	return placed ? 0 : rename_tmp(file);
}

int newfile_commit(struct newfile *file, struct vhd_error *err)
{
	int errnum;

	if (give_name(file) == 0) {
		if (!file->sync || dirsync_name(file->path) == 0)
			return 0;
		return fail_errno(err, file->path, errno, FINISH);
	}
	errnum = errno;
	if (!file->nameless || file->force)
		unlink(file->tmp);
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
	return fail_errno(err, file->path, errnum, FINISH);
}

void newfile_discard(struct newfile *file)
{
	vhd_close(&file->old, NULL);
	if (file->fd >= 0) {
		if (!file->nameless)
			unlink(file->tmp);
		close(file->fd);
		file->fd = -1;
	}
	free(file->tmp);
	free(file->path);
	file->tmp = NULL;
	file->path = NULL;
}
