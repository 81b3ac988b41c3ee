/* SPDX-License-Identifier: BSD-2-Clause */
#include "prime.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096u

static int store_last_page(struct fs *fs)
{
	const struct view *v = &fs->disk.shown;
	uint64_t at = (v->len - 1) / PAGE * PAGE;
	uint8_t page[PAGE];
	struct vhd_error err;
	struct fuse_bufvec buf = FUSE_BUFVEC_INIT(v->len - at);
	int rc;

	buf.buf[0].mem = page;
	if (vhd_pread(v->img, page, v->len - at, v->off + at, &err)) {
		log_error(fs->log, &err, NULL);
		return -1;
	}
	rc = fuse_lowlevel_notify_store(fs->se, FUSE_ROOT_ID, (off_t)at, &buf,
					(enum fuse_buf_copy_flags)0);
	if (rc != 0)
		log_line(fs->log, "the kernel does not take the disk's size: %s",
			 strerror(-rc));
	return rc != 0 ? -1 : 0;
}

/* The time of the last change is the kernel's to know, too. */
static void set_time(const struct fs *fs, const char *mountpoint)
{
	int fd = vhd_layer_fd(fs->disk.img, 0);
	struct timespec times[2];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return;
	times[0] = st.st_mtim;
	times[1] = st.st_mtim;
	(void)utimensat(AT_FDCWD, mountpoint, times, 0);
}

int prime(struct fs *fs, const char *mountpoint)
{
	struct stat st;

	if (stat(mountpoint, &st) != 0) {
		log_line(fs->log, "%s: %s", mountpoint, strerror(errno));
		return -1;
	}
	fs->dev = st.st_dev;
	if (!fs->file_mount || fs->disk.shown.len == 0 ||
	    (uint64_t)st.st_size == fs->disk.shown.len)
		return 0;
	if (store_last_page(fs))
		return -1;
	set_time(fs, mountpoint);
	return 0;
}
