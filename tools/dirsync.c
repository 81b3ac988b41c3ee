/* SPDX-License-Identifier: BSD-2-Clause */
#include "dirsync.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *dirsync_dir(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? strdup("./")
			     : strndup(path, (size_t)(slash - path) + 1);
}

/*
 * A name is durable once its directory is.  One that may be written to but not
 * listed is flushed with the whole file system.
 */
int dirsync_name(const char *path)
{
	char *dir = dirsync_dir(path);
	int fd = dir == NULL ? -1 : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool listed = fd >= 0 || errno != EACCES;
	int rc = -1;

	if (!listed)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		rc = listed ? fsync(fd) : syncfs(fd);
	/* Some file systems have nothing to flush in a directory. */
	if (rc != 0 && fd >= 0 && listed && errno == EINVAL)
		rc = 0;
	free(dir);
	if (fd >= 0)
		close(fd);
	return rc;
}
