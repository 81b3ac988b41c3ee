/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Advisory locks that QEMU understands, and that understand QEMU.
 *
 * QEMU does not lock a file for reading or for writing.  It says what it does
 * to it and what it cannot bear others to do, a permission at a time, as shared
 * locks on single bytes:
 *
 *	byte 100 + p	I use permission p
 *	byte 200 + p	I do not share permission p
 *
 * All locks are shared, so taking them hardly ever fails.  Conflicts are found
 * by asking (F_OFD_GETLK) whether an exclusive lock on the opposite byte could
 * be had: someone who uses what I do not share, someone who does not share what
 * I use.  First take, then ask: of two that start at one time at least one sees
 * the other.  Both may, and then both give up; nobody waits.
 *
 * The locks belong to the open file description, not to the process: closing
 * some other descriptor of the same file does not drop them, two opens in one
 * process exclude each other, and a fork shares them.
 *
 * Locks are advice.  Where a file system has none, opening goes on without, and
 * so it does on SMB, where they are none: a byte under a shared lock can be
 * written by nobody, not even by who holds it, and these bytes are in the copy
 * of a VHD's footer, in a VHDX's identifier, and in a raw disk's boot sector.
 */

#include "io/io_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/vfs.h>
#endif

#ifdef F_OFD_SETLK

enum {
	PERM_CONSISTENT_READ = 1 << 0,
	PERM_WRITE = 1 << 1,
	PERM_WRITE_UNCHANGED = 1 << 2,
	PERM_RESIZE = 1 << 3
};

enum { PERM_COUNT = 4, USE_BASE = 100, UNSHARED_BASE = 200 };

/* What a mode does, and what it cannot bear others to do. */
struct perms {
	unsigned int use;
	unsigned int unshared;
};

static struct perms perms_of(enum vhd_lock_mode mode)
{
	switch (mode) {
	case VHD_LOCK_NONE:
		break;
	case VHD_LOCK_READ:
		return (struct perms){ PERM_CONSISTENT_READ,
				       PERM_WRITE | PERM_RESIZE };
	case VHD_LOCK_WRITE:
		return (struct perms){
			PERM_CONSISTENT_READ | PERM_WRITE | PERM_RESIZE,
			PERM_CONSISTENT_READ | PERM_WRITE |
				PERM_WRITE_UNCHANGED | PERM_RESIZE };
	}
	return (struct perms){ 0, 0 };
}

static int byte_op(int fd, int cmd, short type, int byte)
{
	struct flock fl = {
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = byte,
		.l_len = 1,
	};

	if (fcntl(fd, cmd, &fl) < 0)
		return errno == EACCES ? -EAGAIN : -errno;
	return cmd == F_OFD_GETLK && fl.l_type != F_UNLCK ? -EAGAIN : 0;
}

/* The same operation on every byte of a set; stops at the first failure. */
static int set_op(int fd, int cmd, short type, int base, unsigned int set)
{
	int rc = 0;

	for (int p = 0; p < PERM_COUNT && !rc; p++) {
		if (set & 1u << p)
			rc = byte_op(fd, cmd, type, base + p);
	}
	return rc;
}

static int take(int fd, const struct perms *p)
{
	int rc;

	rc = set_op(fd, F_OFD_SETLK, F_RDLCK, USE_BASE, p->use);
	if (rc)
		return rc;
	return set_op(fd, F_OFD_SETLK, F_RDLCK, UNSHARED_BASE, p->unshared);
}

static int ask(int fd, const struct perms *p)
{
	int rc;

	rc = set_op(fd, F_OFD_GETLK, F_WRLCK, USE_BASE, p->unshared);
	if (rc)
		return rc;
	return set_op(fd, F_OFD_GETLK, F_WRLCK, UNSHARED_BASE, p->use);
}

/* Drops what is in @have and not in @keep. */
static void drop(int fd, const struct perms *have, const struct perms *keep)
{
	set_op(fd, F_OFD_SETLK, F_UNLCK, USE_BASE, have->use & ~keep->use);
	set_op(fd, F_OFD_SETLK, F_UNLCK, UNSHARED_BASE,
	       have->unshared & ~keep->unshared);
}

static bool locks_are_advice(int fd)
{
#ifdef __linux__
	struct statfs fs;

	if (fstatfs(fd, &fs))
		return true;
	switch ((unsigned long)fs.f_type & 0xffffffffUL) {
	case 0x517b:		/* SMB 1, before CIFS */
	case 0xff534d42:	/* CIFS */
	case 0xfe534d42:	/* SMB 2 and 3 */
		return false;
	default:
		return true;
	}
#else
	(void)fd;
	return true;
#endif
}

int vhd_lock_fd(int fd, enum vhd_lock_mode from, enum vhd_lock_mode to)
{
	struct perms old = perms_of(from);
	struct perms new = perms_of(to);
	int rc;

	if (!locks_are_advice(fd))
		return 0;
	rc = take(fd, &new);
	if (!rc)
		rc = ask(fd, &new);
	if (rc)
		drop(fd, &new, &old);
	else
		drop(fd, &old, &new);
	switch (rc) {
	case -ENOLCK:
	case -EOPNOTSUPP:
	case -ENOSYS:
	case -EINVAL:
	case -EROFS:
	case -ENOTTY:
		return 0;
	default:
		return rc;
	}
}

#else

int vhd_lock_fd(int fd, enum vhd_lock_mode from, enum vhd_lock_mode to)
{
	(void)fd;
	(void)from;
	(void)to;
	return 0;
}

#endif
