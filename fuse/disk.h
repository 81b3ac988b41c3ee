/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHDFUSE_DISK_H
#define VHDFUSE_DISK_H

#include "common/ptable.h"
#include "log.h"
#include "options.h"

/**
 * struct view - a range of a disk that is shown as a file
 *
 * @img: the disk, or one of its layers
 * @off: first byte; @len: bytes
 */
struct view {
	struct vhd_image *img;
	uint64_t off;
	uint64_t len;
	bool read_only;
};

/**
 * struct disk - the image that is mounted
 *
 * @img:    open, with its chain
 * @shown:  what disk.raw shows: all of it, or what offset= and the like say
 * @layers: with -o layers or layer=: views of each layer, the base first
 * @name:   the file that takes the writes
 */
struct disk {
	struct vhd_image *img;
	struct view shown;
	struct vhd_image **layers;
	uint32_t layer_count;
	bool read_only;
	char *name;
};

/*
 * disk_open - open what the options name
 *
 * A file that may not be written is opened for reading, and @log told so.
 *
 * Returns: 0, or -1 with the reason logged.
 */
int disk_open(const struct options *o, struct log *log, struct disk *d);

/* disk_partitions - read the partition table of what is shown */
int disk_partitions(const struct disk *d, struct ptable *out);

/* disk_close - returns 0, or -1 with the reason logged */
int disk_close(struct disk *d, struct log *log);

#endif
