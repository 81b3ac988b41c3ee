/* SPDX-License-Identifier: BSD-2-Clause */
#include "foreign/private_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fail.h"
#include "stream.h"

#define NAME "/vhd-util-XXXXXX"

int private_dir_make(struct private_dir *dir, struct vhd_error *err)
{
	const char *tmp = getenv("TMPDIR");

	/* A socket's address has to fit. */
	if (tmp == NULL || tmp[0] != '/' ||
	    strlen(tmp) + sizeof(NAME) > sizeof(dir->path))
		tmp = "/tmp";
	snprintf(dir->path, sizeof(dir->path), "%s" NAME, tmp);
	if (mkdtemp(dir->path) != NULL)
		return 0;
	dir->path[0] = '\0';
	return fail(err, VHD_E_IO, tmp, errno,
		    "no temporary folder can be made there: %s",
		    strerror(errno));
}

static int open_dir(const struct private_dir *dir)
{
	return open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

static int not_made(const struct private_dir *dir, struct vhd_error *err)
{
	return fail(err, VHD_E_IO, dir->path, errno,
		    "no temporary file can be made there: %s",
		    strerror(errno));
}

int private_dir_link(const struct private_dir *dir, const char *name, int fd,
		     struct vhd_error *err)
{
	char to[32];
	int at = open_dir(dir), rc;

	snprintf(to, sizeof(to), "/proc/self/fd/%d", fd);
	rc = at < 0 || symlinkat(to, at, name) != 0 ? not_made(dir, err) : 0;
	if (at >= 0)
		close(at);
	return rc;
}

int private_dir_put(const struct private_dir *dir, const char *name,
		    const char *text, size_t len, struct vhd_error *err)
{
	int at = open_dir(dir), fd = -1, rc = 0;

	if (at >= 0)
		fd = openat(at, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
			    0600);
	if (fd < 0)
		rc = not_made(dir, err);
	else if (stream_write(fd, text, len) != 0)
		rc = not_made(dir, err);
	if (fd >= 0)
		close(fd);
	if (at >= 0)
		close(at);
	return rc;
}

void private_dir_remove(struct private_dir *dir)
{
	DIR *d = dir->path[0] != '\0' ? opendir(dir->path) : NULL;
	const struct dirent *entry;

	while (d != NULL && (entry = readdir(d)) != NULL)
		unlinkat(dirfd(d), entry->d_name, 0);
	if (d != NULL)
		closedir(d);
	if (dir->path[0] != '\0')
		rmdir(dir->path);
	dir->path[0] = '\0';
}
