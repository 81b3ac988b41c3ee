/* SPDX-License-Identifier: BSD-2-Clause */
#include "mountpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/text.h"

/* What FUSE calls the root of a mount. */
#define ROOT_INO 1

static enum mountpoint_kind refuse(const char *path, const char *why)
{
	fputs("vhdfuse: ", stderr);
	text_put(stderr, path);
	fprintf(stderr, ": %s\n", why);
	return MOUNTPOINT_BAD;
}

/*
 * The type of what is mounted on top there; false when nothing is.
 * /proc/self/mounts has one line a mount, the newest last.
 */
static bool find_mount(const char *real, char type[64], char **source_out)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	struct mntent *m;
	bool found = false;

	while (f != NULL && (m = getmntent(f)) != NULL) {
		if (strcmp(m->mnt_dir, real) != 0)
			continue;
		snprintf(type, 64, "%s", m->mnt_type);
		if (source_out != NULL) {
			free(*source_out);
			*source_out = strdup(m->mnt_fsname);
		}
		found = true;
	}
	if (f != NULL)
		endmntent(f);
	return found;
}

bool mountpoint_find(const char *real, char **source_out)
{
	char type[64];

	*source_out = NULL;
	if (find_mount(real, type, source_out) &&
	    strcmp(type, "fuse.vhdfuse") == 0 && *source_out != NULL)
		return true;
	free(*source_out);
	*source_out = NULL;
	return false;
}

/* The name with its directory resolved: itself it may be a dead mount. */
char *mountpoint_resolve(const char *path)
{
	char *copy = strdup(path), *slash, *dir, *full = NULL;
	size_t len = copy != NULL ? strlen(copy) : 0;

	while (len > 1 && copy[len - 1] == '/')
		copy[--len] = '\0';
	if (copy == NULL)
		return NULL;
	slash = strrchr(copy, '/');
	if (slash != NULL)
		*slash = '\0';
	dir = realpath(slash == NULL ? "." : slash == copy ? "/" : copy, NULL);
	if (dir != NULL &&
	    asprintf(&full, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir,
		     slash != NULL ? slash + 1 : copy) < 0)
		full = NULL;
	free(dir);
	free(copy);
	return full;
}

/* stat(2) is answered from what the kernel remembers; this is not. */
static bool is_dead(const char *path)
{
	struct statvfs st;

	return statvfs(path, &st) != 0 && errno == ENOTCONN;
}

enum mountpoint_kind mountpoint_look(const char *path, char **real_out)
{
	struct stat st;
	char type[64];
	char *real;

	if (is_dead(path)) {
		real = mountpoint_resolve(path);
		if (real != NULL)
			mountpoint_unmount(real, true);
		free(real);
	}
	if (stat(path, &st) != 0)
		return refuse(path, errno == ENOENT
					    ? "there is no such directory or file "
					      "to mount on"
					    : strerror(errno));
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return refuse(path, "is neither a directory nor a file");
	*real_out = realpath(path, NULL);
	if (*real_out == NULL)
		return refuse(path, strerror(errno));
	/* autofs mounts there itself, to be mounted upon. */
	if (find_mount(*real_out, type, NULL) && strcmp(type, "autofs") != 0) {
		refuse(path, "something is mounted there already");
		if (strcmp(type, "fuse.vhdfuse") == 0) {
			fputs("hint: unmount it with: vhdfuse -u ", stderr);
			text_put_shell(stderr, path);
			fputc('\n', stderr);
		}
		free(*real_out);
		*real_out = NULL;
		return MOUNTPOINT_BAD;
	}
	return S_ISDIR(st.st_mode) ? MOUNTPOINT_DIR : MOUNTPOINT_FILE;
}

int mountpoint_open(const char *path, dev_t dev, uint64_t ino)
{
	int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && st.st_dev == dev && st.st_ino == ino)
		return fd;
	close(fd);
	return -1;
}

bool mountpoint_is(const char *real, dev_t dev)
{
	int fd = mountpoint_open(real, dev, ROOT_INO);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* "\040" and the like, in place. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from != '\0'; to++) {
		unsigned int code;

		if (sscanf(from, "\\%3o", &code) == 1 && code != 0) {
			*to = (char)code;
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

char *mountpoint_place(dev_t dev)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, *place = NULL;
	size_t room = 0;

	/* id, parent, device, root in that file system, mount point, ... */
	while (f != NULL && getline(&line, &room, f) > 0) {
		unsigned int major_no, minor_no;
		char *where;

		if (sscanf(line, "%*u %*u %u:%u / %ms ", &major_no, &minor_no,
			   &where) != 3)
			continue;
		unescape(where);
		if (makedev(major_no, minor_no) == dev &&
		    mountpoint_is(where, dev)) {
			free(place);
			place = where;
		} else {
			free(where);
		}
	}
	free(line);
	if (f != NULL)
		fclose(f);
	return place;
}

void mountpoint_sync(const char *real)
{
	int fd = open(real, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return;
	syncfs(fd);
	close(fd);
}

/* Users may unmount with the help of a program that is setuid root. */
static int run_fusermount(const char *real, bool lazy)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		if (null >= 0)
			dup2(null, STDERR_FILENO);
		execlp("fusermount3", "fusermount3", lazy ? "-uz" : "-u", "--",
		       real, (char *)NULL);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return errno;
	}
	if (pid < 0)
		return errno;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return ENOENT;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	/* It looks there whose mount it is. */
	return access(MOUNTPOINT_TABLE, F_OK) != 0 ? ENOTSUP : EBUSY;
}

int mountpoint_unmount(const char *real, bool lazy)
{
	if (umount2(real, lazy ? MNT_DETACH : 0) == 0)
		return 0;
	return errno == EPERM ? run_fusermount(real, lazy) : errno;
}
