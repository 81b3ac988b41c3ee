/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static void log_pages(const struct fs *fs, uint64_t off, int error)
{
	struct vhd_error err;

	memset(&err, 0, sizeof(err));
	err.code = VHD_E_IO;
	err.os_errno = error;
	snprintf(err.file, sizeof(err.file), "%.255s", fs->disk.name);
	snprintf(err.msg, sizeof(err.msg), "cannot read: %s", strerror(error));
	log_failure(fs->log, "read", off, &err);
}

static ssize_t wire_writev(int fd, struct iovec *iov, int count, void *userdata)
{
	const struct fs *fs = userdata;
	struct fuse_out_header *out = iov[0].iov_base;
	const uint64_t *off;

	if (out->error < 0) {
		off = pthread_getspecific(fs->handing_over);
		if (off != NULL) {
			log_pages(fs, *off, -out->error);
			out->error = -EIO;
		}
	}
	return writev(fd, iov, count);
}

static ssize_t wire_read(int fd, void *buf, size_t len, void *userdata)
{
	(void)userdata;
	return read(fd, buf, len);
}

static ssize_t wire_splice(int fdin, off_t *offin, int fdout, off_t *offout,
			   size_t len, unsigned int flags, void *userdata)
{
	(void)userdata;
	return splice(fdin, offin, fdout, offout, len, flags);
}

int wire_attach(struct fs *fs)
{
	static const struct fuse_custom_io io = {
		.writev = wire_writev,
		.read = wire_read,
		.splice_receive = wire_splice,
		.splice_send = wire_splice,
	};
	int rc = fuse_session_custom_io(fs->se, &io, fuse_session_fd(fs->se));

	if (rc != 0)
		log_line(fs->log, "libfuse does not take our functions: %s",
			 strerror(-rc));
	return rc != 0 ? -1 : 0;
}

void wire_reply_pages(fuse_req_t req, struct fuse_bufvec *vec, uint64_t off)
{
	const struct fs *fs = fs_of(req);

	pthread_setspecific(fs->handing_over, &off);
	fuse_reply_data(req, vec, (enum fuse_buf_copy_flags)0);
	pthread_setspecific(fs->handing_over, NULL);
}
