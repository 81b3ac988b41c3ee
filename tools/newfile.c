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

static int fail_errno(struct vhd_error *err, const char *path, int errnum)
{
	int code = VHD_E_IO;

	if (errnum == EEXIST)
		code = VHD_E_EXISTS;
	else if (errnum == ENOSPC || errnum == EDQUOT)
		code = VHD_E_NOSPACE;
	return fail(err, path, code, errnum, strerror(errnum));
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

/* What is there already, if anything, may it go? */
static int judge(const char *path, bool force, const struct vhd_image *img,
		 struct vhd_error *err)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? 0 : fail_errno(err, path, errno);
	/* A link that leads nowhere is no place for a file either. */
	if (stat(path, &st) != 0)
		return fail_errno(err, path, errno);
	if (!S_ISREG(st.st_mode))
		return fail(err, path, VHD_E_NOTFILE, 0,
			    "exists and is not a regular file");
	if (in_chain(img, &st))
		return fail(err, path, VHD_E_INVAL, 0,
			    "is a file of the image that is read");
	if (!force)
		return fail(err, path, VHD_E_EXISTS, 0, "exists already");
	return 0;
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

int newfile_open(struct newfile *file, const char *path, bool force,
		 const struct vhd_image *img, struct vhd_error *err)
{
	int rc = judge(path, force, img, err);

	if (rc != 0)
		return rc;
	file->force = force;
	if (!set_names(file, path))
		return fail(err, path, VHD_E_NOMEM, 0, "there is no memory");
	file->fd = open(file->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC |
			O_NOFOLLOW, 0666);
	if (file->fd < 0)
		return fail_errno(err, path, errno);
	return 0;
}

/* Not every file system can rename without replacing, or link. */
static int give_name(const struct newfile *file)
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

int newfile_commit(struct newfile *file, struct vhd_error *err)
{
	int fd = file->fd, errnum;

	file->fd = -1;
	/* What a full disk did not report so far, it does now. */
	if (close(fd) == 0 && give_name(file) == 0)
		return 0;
	errnum = errno;
	unlink(file->tmp);
	return fail_errno(err, file->path, errnum);
}

void newfile_discard(struct newfile *file)
{
	if (file->fd >= 0) {
		unlink(file->tmp);
		close(file->fd);
		file->fd = -1;
	}
	free(file->tmp);
	free(file->path);
	file->tmp = NULL;
	file->path = NULL;
}
