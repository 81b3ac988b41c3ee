/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A new file that appears under its name only when it is complete.
 *
 *	             new                     commit
 *	O_TMPFILE    no name            ->   link to the target, or
 *	                                     link to a temporary name and rename
 *	elsewhere    a temporary name   ->   rename to the target
 *
 * The directory is opened once and everything happens relative to it, so that
 * renaming it meanwhile does no harm, and so that it can be flushed at the end.
 *
 * Invariants:
 *
 *	F1  an existing target is untouched until everything else has succeeded:
 *	    writing, flushing and closing the new file
 *	F2  a name of ours in the directory is in temp, or placed is set, and
 *	    leaving in any way but success removes it
 *
 * The kernel knows no way to give a nameless file the name of an existing one,
 * so replacing goes through a temporary name even with O_TMPFILE: killed in
 * just that moment, it stays.  After a replacement there is no way back; if
 * then flushing the directory fails, the failure is reported and the new file
 * is in place.
 */

#include "io/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#include "base/alloc.h"
#include "base/fail.h"
#include "base/guid.h"
#include "io/io_lock.h"
#include "io/io_posix_fd.h"
#include "io/path.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE (1 << 0)
#endif

enum { MAX_LINKS = 40, MAX_TRIES = 16, TEMP_ROOM = 32 };

struct vhd_outfile {
	char *path;		/* as the caller named it, for messages */
	char *target;		/* behind symbolic links */
	const char *base;	/* last component of target */
	int dir_fd;
	int old_fd;		/* the locked file to be replaced, or -1 */
	bool dir_readable;	/* dir_fd can be flushed */
	bool replace;
	bool private;		/* for the owner alone, and no link followed */
	bool nameless;		/* made with O_TMPFILE */
	bool placed;		/* the target is ours, and was not there before */
	char temp[TEMP_ROOM];	/* temporary name in dir_fd, or "" */
	struct vhd_io *io;
};

static int fail_sys(struct vhd_error *err, const char *what)
{
	return vhd_fail_errno(err, errno, VHD_NO_OFFSET, "cannot %s", what);
}

/* Text of the link @path, or NULL with errno. */
static char *read_link(const char *path)
{
	char buf[4096];
	ssize_t n = readlink(path, buf, sizeof(buf) - 1);

	if (n < 0)
		return NULL;
	if ((size_t)n == sizeof(buf) - 1) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	buf[n] = '\0';
	return vhd_strdup(buf);
}

/* One link further. */
static int follow_link(char **path, struct vhd_error *err)
{
	char *text = NULL, *dir = NULL, *next = NULL;
	int rc = 0;

	errno = ENOMEM;
	text = read_link(*path);
	if (!text) {
		rc = fail_sys(err, "read a symbolic link");
		goto out;
	}
	dir = vhd_path_dir(*path);
	next = dir ? vhd_path_join(dir, text) : NULL;
	if (!next) {
		rc = vhd_fail_nomem(err);
		goto out;
	}
	vhd_free(*path);
	*path = next;
out:
	vhd_free(dir);
	vhd_free(text);
	return rc;
}

/*
 * Where the new file will be: @path itself, or what links at the end of it lead
 * to, which need not exist.
 */
static int find_target(const char *path, bool replace, bool private,
		       char **target_out, struct vhd_error *err)
{
	char *target = vhd_strdup(path);
	struct stat st;
	int rc = 0;

	if (!target)
		return vhd_fail_nomem(err);
	for (int i = 0; !rc; i++) {
		if (lstat(target, &st)) {
			if (errno != ENOENT)
				rc = fail_sys(err, "look at the target");
			break;
		}
		if (private) {
			rc = vhd_fail(err, VHD_E_EXISTS,
				      "the target exists already");
			break;
		}
		if (S_ISLNK(st.st_mode)) {
			errno = ELOOP;
			rc = i < MAX_LINKS ? follow_link(&target, err) :
				fail_sys(err, "follow symbolic links");
			continue;
		}
		if (!S_ISREG(st.st_mode))
			rc = vhd_fail(err, VHD_E_NOTFILE,
				      "the target exists and is not a regular "
				      "file");
		else if (!replace)
			rc = vhd_fail(err, VHD_E_EXISTS,
				      "the target exists already");
		break;
	}
	if (rc)
		vhd_free(target);
	else
		*target_out = target;
	return rc;
}

static int open_dir(struct vhd_outfile *of, struct vhd_error *err)
{
	char *dir = vhd_path_dir(of->target);
	int rc = 0;

	if (!dir)
		return vhd_fail_nomem(err);
	of->dir_readable = true;
	of->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (of->dir_fd < 0 && errno == EACCES) {
		/* A directory that may be written to, but not listed. */
		of->dir_readable = false;
		of->dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	if (of->dir_fd < 0)
		rc = fail_sys(err, "open the directory of the target");
	vhd_free(dir);
	return rc;
}

/*
 * A file that somebody has open is not taken away from under them: a machine
 * that runs would go on writing to what has no name any more.  The lock is kept
 * until the end, so that nobody starts meanwhile.
 */
static int lock_old(struct vhd_outfile *of, struct vhd_error *err)
{
	if (!of->replace)
		return 0;
	of->old_fd = openat(of->dir_fd, of->base, O_RDONLY | O_NOFOLLOW |
			    O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	/* None there, or one that we may replace but not read. */
	if (of->old_fd < 0)
		return 0;
	if (vhd_lock_fd(of->old_fd, VHD_LOCK_NONE, VHD_LOCK_WRITE) == -EAGAIN)
		return vhd_fail(err, VHD_E_BUSY,
				"another program has the target open");
	return 0;
}

static void proc_name(int fd, char buf[TEMP_ROOM])
{
	snprintf(buf, TEMP_ROOM, "/proc/self/fd/%d", fd);
}

static mode_t new_mode(const struct vhd_outfile *of)
{
	return of->private || of->old_fd >= 0 ? 0600 : 0666;
}

/* A nameless file; -1 where there are none, or no way to name them later. */
static int open_nameless(int dir_fd, mode_t mode)
{
#ifdef O_TMPFILE
	char proc[TEMP_ROOM];
	struct stat st;
	int fd;

	fd = openat(dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
	if (fd < 0)
		return -1;
	proc_name(fd, proc);
	if (stat(proc, &st) == 0)
		return fd;
	close(fd);
#else
	(void)dir_fd;
	(void)mode;
#endif
	return -1;
}

/* A name that nobody has, most likely. */
static bool make_temp_name(char name[TEMP_ROOM])
{
	struct vhd_guid g;
	uint64_t x = 0;

	if (!vhd_guid_random(&g))
		return false;
	for (int i = 0; i < 8; i++)
		x = x << 8 | (uint64_t)(g.b[i] ^ g.b[i + 8]);
	snprintf(name, TEMP_ROOM, ".vhd-%016llx.tmp", (unsigned long long)x);
	return true;
}

/* Creates a temporary file, or links @proc to a temporary name: 0 or a fd. */
static int take_temp_name(struct vhd_outfile *of, const char *proc)
{
	char name[TEMP_ROOM];
	int fd = -1;

	for (int i = 0; i < MAX_TRIES && fd < 0; i++) {
		if (!make_temp_name(name)) {
			errno = EAGAIN;
			return -1;
		}
		if (proc)
			fd = linkat(AT_FDCWD, proc, of->dir_fd, name,
				    AT_SYMLINK_FOLLOW);
		else
			fd = openat(of->dir_fd, name, O_RDWR | O_CREAT |
				    O_EXCL | O_CLOEXEC | O_NOFOLLOW,
				    new_mode(of));
		if (fd < 0 && errno != EEXIST)
			return -1;
	}
	if (fd >= 0)
		memcpy(of->temp, name, sizeof(name));
	return fd;
}

static int make_file(struct vhd_outfile *of, struct vhd_error *err)
{
	int fd = open_nameless(of->dir_fd, new_mode(of));

	of->nameless = fd >= 0;
	if (fd < 0)
		fd = take_temp_name(of, NULL);
	if (fd < 0)
		return fail_sys(err, "create the file");
	return vhd_io_new_fd(fd, of->path, true, &of->io, err);
}

static int new_file(const char *path, bool replace, bool private,
		    struct vhd_outfile **out, struct vhd_error *err)
{
	struct vhd_outfile *of = NULL;
	int rc;

	of = vhd_alloc(sizeof(*of));
	if (!of)
		return vhd_fail_nomem(err);
	of->dir_fd = -1;
	of->old_fd = -1;
	of->replace = replace;
	of->private = private;
	of->path = vhd_strdup(path);
	rc = of->path ? find_target(path, replace, private, &of->target, err) :
			vhd_fail_nomem(err);
	if (rc)
		goto out;
	of->base = vhd_path_base(of->target);
	if (!of->base[0]) {
		rc = vhd_fail(err, VHD_E_NOTFILE,
			      "the name of the target is empty");
		goto out;
	}
	rc = open_dir(of, err);
	if (rc)
		goto out;
	rc = lock_old(of, err);
	if (rc)
		goto out;
	rc = make_file(of, err);
	if (!rc && replace)
		rc = vhd_outfile_like_old(of, of->dir_fd, of->base, err);
	if (rc)
		goto out;
	*out = of;
	of = NULL;
out:
	vhd_outfile_abandon(&of);
	return vhd_err_file(err, rc, path);
}

int vhd_outfile_new(const char *path, bool replace, struct vhd_outfile **out,
		    struct vhd_error *err)
{
	return new_file(path, replace, false, out, err);
}

int vhd_outfile_new_private(const char *path, struct vhd_outfile **out,
			    struct vhd_error *err)
{
	return new_file(path, false, true, out, err);
}

struct vhd_io *vhd_outfile_io(struct vhd_outfile *of)
{
	return of->io;
}

static int rename_over(struct vhd_outfile *of)
{
	if (renameat(of->dir_fd, of->temp, of->dir_fd, of->base))
		return -1;
	of->temp[0] = '\0';
	return 0;
}

/* Renames the temporary file unless the target exists. */
static int rename_new(struct vhd_outfile *of)
{
#ifdef SYS_renameat2
	if (syscall(SYS_renameat2, of->dir_fd, of->temp, of->dir_fd, of->base,
		    RENAME_NOREPLACE) == 0) {
		of->temp[0] = '\0';
		return 0;
	}
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
#endif
	/* The temporary name goes away with the rest. */
	if (linkat(of->dir_fd, of->temp, of->dir_fd, of->base, 0) == 0)
		return 0;
	if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS)
		return -1;
	/* No way to do it at once; that there is no target was seen just now. */
	return rename_over(of);
}

/* What was seen at the beginning may have changed since. */
static int check_target(const struct vhd_outfile *of, struct vhd_error *err)
{
	struct stat st;

	if (fstatat(of->dir_fd, of->base, &st, AT_SYMLINK_NOFOLLOW))
		return 0;
	if (of->private)
		return vhd_fail(err, VHD_E_EXISTS,
				"the target exists already");
	if (!S_ISREG(st.st_mode))
		return vhd_fail(err, VHD_E_NOTFILE,
				"the target exists and is not a regular file");
	if (!of->replace)
		return vhd_fail(err, VHD_E_EXISTS,
				"the target exists already");
	return 0;
}

/*
 * Names what has none: at once if nothing is to be replaced, so that there is no
 * moment in which being killed leaves something.
 */
static int name_file(struct vhd_outfile *of, struct vhd_error *err)
{
	char proc[TEMP_ROOM];
	int rc;

	proc_name(vhd_io_fd(of->io), proc);
	if (of->replace) {
		rc = take_temp_name(of, proc);
	} else {
		rc = linkat(AT_FDCWD, proc, of->dir_fd, of->base,
			    AT_SYMLINK_FOLLOW);
		of->placed = !rc;
	}
	return rc < 0 ? fail_sys(err, "give the file its name") : 0;
}

static int rename_file(struct vhd_outfile *of, struct vhd_error *err)
{
	if (of->replace ? rename_over(of) : rename_new(of))
		return fail_sys(err, "give the file its name");
	of->placed = !of->replace;
	return 0;
}

/*
 * What has to be flushed for the name to be durable: the directory, or all of
 * its file system when it may not be read.
 */
static int sync_name(const struct vhd_outfile *of, int file_fd,
		     struct vhd_error *err)
{
	int rc = of->dir_readable ? fsync(of->dir_fd) : syncfs(file_fd);

	/* Some file systems have nothing to flush in a directory. */
	if (rc && !(of->dir_readable && errno == EINVAL))
		return fail_sys(err, "make the name of the file durable");
	return 0;
}

/* Everything but flushing the directory. */
static int place(struct vhd_outfile *of, bool sync, int *file_fd,
		 struct vhd_error *err)
{
	int rc = 0;

	if (sync)
		rc = vhd_io_flush(of->io, err);
	if (!rc)
		rc = check_target(of, err);
	if (!rc && of->nameless)
		rc = name_file(of, err);
	if (!rc && sync && !of->dir_readable) {
		*file_fd = fcntl(vhd_io_fd(of->io), F_DUPFD_CLOEXEC, 0);
		if (*file_fd < 0)
			rc = fail_sys(err, "keep the file open");
	}
	if (!rc)
		rc = vhd_io_close(&of->io, err);
	if (!rc && !of->placed)
		rc = rename_file(of, err);
	return rc;
}

int vhd_outfile_commit(struct vhd_outfile **of_ptr, bool sync,
		       struct vhd_error *err)
{
	struct vhd_outfile *of = *of_ptr;
	int file_fd = -1;
	int rc;

	rc = place(of, sync, &file_fd, err);
	if (!rc && sync)
		rc = sync_name(of, file_fd, err);
	if (!rc)
		of->placed = false;
	if (file_fd >= 0)
		close(file_fd);
	rc = vhd_err_file(err, rc, of->path);
	vhd_outfile_abandon(of_ptr);
	return rc;
}

void vhd_outfile_abandon(struct vhd_outfile **of_ptr)
{
	struct vhd_outfile *of = of_ptr ? *of_ptr : NULL;

	if (!of)
		return;
	*of_ptr = NULL;
	vhd_io_close(&of->io, NULL);
	if (of->temp[0])
		unlinkat(of->dir_fd, of->temp, 0);
	if (of->placed)
		unlinkat(of->dir_fd, of->base, 0);
	if (of->old_fd >= 0)
		close(of->old_fd);
	if (of->dir_fd >= 0)
		close(of->dir_fd);
	vhd_free(of->target);
	vhd_free(of->path);
	vhd_free(of);
}
