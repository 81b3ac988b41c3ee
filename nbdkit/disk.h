/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_NBDKIT_DISK_H
#define VHD_NBDKIT_DISK_H

#include <pthread.h>
#include <stdbool.h>

#include <vhd/image.h>

#include "config.h"
#include "zeroing.h"

/**
 * struct disk - the image that is served, open once for all clients
 *
 * @cfg:         what was asked for
 * @lock:        guards what follows; what a user of the disk reads of it does
 *               not change before the last of them is gone
 * @img:         NULL before the start, and after a reopening that failed
 * @writing:     @img is open for writing
 * @never_write: it cannot be, or shall not
 * @started:     the first opening is over, and with it the use of the terminal
 * @users:       connections that use @img
 * @zeroing:     what the file system can do; for @writing only
 */
struct disk {
	const struct config *cfg;
	pthread_mutex_t lock;
	struct vhd_image *img;
	bool writing;
	bool never_write;
	bool started;
	unsigned int users;
	struct zeroing zeroing;
};

/* disk_start - open it before nbdkit leaves the terminal; 0 or -1 */
int disk_start(struct disk *disk, const struct config *cfg);

/*
 * disk_get - use the disk; every success is paired with disk_put()
 *
 * @write: it should be open for writing; see @disk->writing for what it is
 *
 * Returns: 0, or -1 after saying why not.
 */
int disk_get(struct disk *disk, bool write);
void disk_put(struct disk *disk);

/*
 * disk_peek - the disk for a look; disk_unpeek() follows soon after a success
 *
 * Nobody else gets it meanwhile, so that a look is never in the way of a first
 * connection that wants to write.
 */
int disk_peek(struct disk *disk);
void disk_unpeek(struct disk *disk);

/* disk_end - close it; a failure is said, and answered with -1 */
int disk_end(struct disk *disk);

#endif
