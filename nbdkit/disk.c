/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One image for all connections.
 *
 * nbdkit says with each connection whether that may write.  All of one server
 * say the same, but the first of them comes long after the start.  So the start
 * opens the image for reading, which tells the terminal of nearly everything
 * that can be wrong, and the first connection that may write opens it again for
 * writing; at once where the command line leaves no doubt.  While somebody uses
 * the image it stays as it is: who comes to write then, can only read.
 *
 * No thread exists before nbdkit forks: the library starts its own with the
 * first change.
 */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include <vhd/ops.h>

#include "api.h"
#include "cmdline.h"
#include "fail.h"

/* Before the start is over standard error is the terminal. */
static void log_message(void *arg, enum vhd_log_level level, const char *msg)
{
	const struct disk *disk = arg;

	nbdkit_debug("%s: %s", disk->cfg->file, msg);
	if (level == VHD_LOG_WARNING && !disk->started)
		fprintf(stderr, "nbdkit: vhd: %s: warning: %s\n",
			disk->cfg->file, msg);
}

static int open_image(struct disk *disk, bool write, struct vhd_error *err)
{
	const struct config *cfg = disk->cfg;
	struct vhd_open_opts opts = VHD_OPEN_OPTS_INIT;

	opts.flags = cfg->flags;
	if (write)
		opts.flags |= VHD_OPEN_RDWR | VHD_OPEN_THREAD;
	opts.format = cfg->format;
	opts.parents = (const char *const *)cfg->parents.items;
	opts.parent_dirs = (const char *const *)cfg->parent_dirs.items;
	opts.log = log_message;
	opts.log_arg = disk;
	return vhd_open(cfg->file, &opts, &disk->img, err);
}

static int open_for_reading(struct disk *disk)
{
	struct vhd_error err;

	return open_image(disk, false, &err) ? fail_open(&err) : 0;
}

/* With a child that is known, only who insists may write. */
static int refuse_parent(struct disk *disk)
{
	struct vhd_error err;
	int rc;

	if (disk->cfg->write_parent)
		return 0;
	rc = vhd_refuse_children(disk->img, &err);
	if (rc != VHD_E_REFUSED)
		return rc ? fail_open(&err) : 0;
	fail_text(EBUSY, "%s: %s", disk->cfg->file, err.msg);
	nbdkit_error("hint: -r serves it for reading; write-parent=yes allows "
		     "writing");
	return -1;
}

/* Nothing is wrong with the image, but we may not write to it. */
static bool is_readonly_file(const struct vhd_error *err)
{
	if (err->code == VHD_E_READONLY)
		return true;
	return err->code == VHD_E_IO &&
	       (err->os_errno == EACCES || err->os_errno == EROFS ||
		err->os_errno == EPERM);
}

/*
 * Our own reader's locks would be in the way of a writer.  Closing is not enough:
 * the process that runs the command of `nbdkit --run` was forked off after the
 * start and has the same open files.
 */
static void close_unlocked(struct disk *disk)
{
	struct flock all = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	for (uint32_t i = 0; i < vhd_layers(disk->img); i++) {
		int fd = vhd_layer_fd(disk->img, i);

		if (fd >= 0)
			fcntl(fd, F_OFD_SETLK, &all);
	}
	vhd_close(&disk->img, NULL);
}

static int open_for_writing(struct disk *disk)
{
	struct vhd_error err;
	int rc;

	if (refuse_parent(disk))
		return -1;
	close_unlocked(disk);
	rc = open_image(disk, true, &err);
	if (!rc) {
		disk->writing = true;
		zeroing_probe(&disk->zeroing, disk->img, disk->cfg->file);
		return 0;
	}
	if (!is_readonly_file(&err))
		return fail_open(&err);
	nbdkit_debug("%s: served read-only: %s", disk->cfg->file, err.msg);
	disk->never_write = true;
	return open_for_reading(disk);
}

/* layer= counts from the base, as people do. */
static int check_layer(const struct disk *disk)
{
	uint32_t layers = vhd_layers(disk->img);

	if (!disk->cfg->has_layer || disk->cfg->layer < layers)
		return 0;
	return fail_text(EINVAL, "%s: there is no layer %u in a chain of %u, "
			   "which count from 0, the base", disk->cfg->file,
			   (unsigned int)disk->cfg->layer,
			   (unsigned int)layers);
}

int disk_start(struct disk *disk, const struct config *cfg)
{
	int rc;

	disk->cfg = cfg;
	disk->never_write = cfg->has_layer;
	rc = open_for_reading(disk);
	disk->started = true;
	if (rc || check_layer(disk))
		return -1;
	if (disk->never_write || !cmdline_wants_writing())
		return 0;
	return open_for_writing(disk);
}

int disk_get(struct disk *disk, bool write)
{
	int rc = 0;

	pthread_mutex_lock(&disk->lock);
	if (disk->img == NULL)
		rc = open_for_reading(disk);
	if (!rc && write && !disk->writing && !disk->never_write &&
	    disk->users == 0)
		rc = open_for_writing(disk);
	if (!rc)
		disk->users++;
	pthread_mutex_unlock(&disk->lock);
	return rc;
}

void disk_put(struct disk *disk)
{
	pthread_mutex_lock(&disk->lock);
	disk->users--;
	pthread_mutex_unlock(&disk->lock);
}

int disk_peek(struct disk *disk)
{
	pthread_mutex_lock(&disk->lock);
	if (disk->img != NULL || open_for_reading(disk) == 0)
		return 0;
	pthread_mutex_unlock(&disk->lock);
	return -1;
}

void disk_unpeek(struct disk *disk)
{
	pthread_mutex_unlock(&disk->lock);
}

int disk_end(struct disk *disk)
{
	struct vhd_error err;

	if (!vhd_close(&disk->img, &err))
		return 0;
	fail_text(EIO, "%s: the image could not be closed clean, and changes "
		    "that no client flushed may be lost: %s", disk->cfg->file,
		    err.msg);
	return -1;
}
