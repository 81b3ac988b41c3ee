/* SPDX-License-Identifier: BSD-2-Clause */
#include "control.h"

#include <errno.h>
#include <unistd.h>

#include "fs.h"

void fs_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned int cmd, void *arg,
	      struct fuse_file_info *fi, unsigned int flags, const void *in,
	      size_t in_size, size_t out_size)
{
	uint32_t pid = (uint32_t)getpid();

	(void)arg, (void)fi, (void)flags, (void)in, (void)in_size;
	if (ino != FUSE_ROOT_ID || cmd != CONTROL_PID || out_size < sizeof(pid))
		fuse_reply_err(req, ENOTTY);
	else
		fuse_reply_ioctl(req, 0, &pid, sizeof(pid));
}
