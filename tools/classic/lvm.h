/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_CLASSIC_LVM_H
#define VHD_TOOLS_CLASSIC_LVM_H

/*
 * The logical volumes of a group, and where on which disk they begin: what vgs
 * and lvs say, so that volumes can be read that are not active.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scan_index;

/** struct lvm_disk - a physical volume, and where its first extent is */
struct lvm_disk {
	char *path;
	uint64_t start_off;
};

/**
 * struct lvm_volume - a logical volume
 *
 * @path:      the disk below its first piece; NULL when that is not one piece of
 *             one disk
 * @off:       where it begins there
 * @first_len: bytes of that piece; @len when there is no other one
 */
struct lvm_volume {
	char *name;
	uint64_t len;
	char *path;
	uint64_t off;
	uint64_t first_len;
};

/** struct lvm_group - a volume group; @index leads from names to @volumes */
struct lvm_group {
	uint64_t extent_len;
	struct lvm_disk *disks;
	size_t disk_count;
	struct lvm_volume *volumes;
	size_t count;
	struct scan_index *index;
};

/* lvm_load - ask for the group @name; 0 or a positive errno */
int lvm_load(const char *name, struct lvm_group **group_out);
const struct lvm_volume *lvm_find(const struct lvm_group *group,
				  const char *name);

/*
 * lvm_volume_name - the name of the volume in one of the device mapper
 *
 * "a--b-c--d" is "c-d"; a name without a single dash is what it was.  Shortens
 * @mapper in place, and returns a place in it.
 */
char *lvm_volume_name(char *mapper);
void lvm_free(struct lvm_group *group);

/* lvm_line_fn - told of a line, without its end; false: without memory */
typedef bool (*lvm_line_fn)(void *arg, char *line);

/*
 * lvm_run - run a program of PATH and read its standard output
 *
 * Returns: 0; ENOENT when there is none; EINVAL when it failed.
 */
int lvm_run(const char *const *argv, lvm_line_fn fn, void *arg);

#endif
