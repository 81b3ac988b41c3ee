/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHDFUSE_MOUNTPOINT_H
#define VHDFUSE_MOUNTPOINT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Where a mount goes, and getting it off again. */

/* What fusermount3 cannot do without; some small systems have none. */
#define MOUNTPOINT_TABLE "/etc/mtab"

enum mountpoint_kind {
	MOUNTPOINT_DIR,
	MOUNTPOINT_FILE,
	MOUNTPOINT_BAD
};

/*
 * mountpoint_look - may we mount here?
 *
 * What a server that died has left there is unmounted first.
 *
 * @real_out: its absolute name, to be freed
 *
 * Returns: MOUNTPOINT_BAD with the reason on stderr.
 */
enum mountpoint_kind mountpoint_look(const char *path, char **real_out);

/* mountpoint_resolve - realpath(3) that gets along with a dead mount, or NULL */
char *mountpoint_resolve(const char *path);

/*
 * mountpoint_find - is one of our mounts there?
 *
 * @source_out: the image, to be freed
 */
bool mountpoint_find(const char *real, char **source_out);

/*
 * mountpoint_open - a handle (O_PATH) of a file of a certain mount, or -1
 *
 * Another mount may lie over ours by now, or ours may have been taken off while
 * files were open: only what the path leads to this moment can be trusted.
 *
 * @dev: of the mount; @ino: of the file
 */
int mountpoint_open(const char *path, dev_t dev, uint64_t ino);

/* mountpoint_is - is the mount with that device there? */
bool mountpoint_is(const char *real, dev_t dev);

/*
 * mountpoint_place - where that mount is now, to be freed; NULL: nowhere
 *
 * Directories above it may have got other names since.
 */
char *mountpoint_place(dev_t dev);

/* mountpoint_sync - have the kernel send us everything it still holds */
void mountpoint_sync(const char *real);

/* mountpoint_unmount - returns 0 or an errno; EBUSY when it is in use, ENOTSUP
 * when there is no MOUNTPOINT_TABLE */
int mountpoint_unmount(const char *real, bool lazy);

#endif
