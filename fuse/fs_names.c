/* SPDX-License-Identifier: BSD-2-Clause */
/* Making, removing and renaming files: a disk has none of that. */
#include <errno.h>

#include "fs.h"

void fs_mknod(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode,
	      dev_t dev)
{
	(void)dir, (void)name, (void)mode, (void)dev;
	fuse_reply_err(req, EPERM);
}

void fs_create(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode,
	       struct fuse_file_info *fi)
{
	(void)dir, (void)name, (void)mode, (void)fi;
	fuse_reply_err(req, EPERM);
}

void fs_mkdir(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode)
{
	(void)dir, (void)name, (void)mode;
	fuse_reply_err(req, EPERM);
}

void fs_symlink(fuse_req_t req, const char *target, fuse_ino_t dir,
		const char *name)
{
	(void)target, (void)dir, (void)name;
	fuse_reply_err(req, EPERM);
}

void fs_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t dir, const char *name)
{
	(void)ino, (void)dir, (void)name;
	fuse_reply_err(req, EPERM);
}

void fs_remove(fuse_req_t req, fuse_ino_t dir, const char *name)
{
	(void)dir, (void)name;
	fuse_reply_err(req, EPERM);
}

void fs_rename(fuse_req_t req, fuse_ino_t dir, const char *name,
	       fuse_ino_t new_dir, const char *new_name, unsigned int flags)
{
	(void)dir, (void)name, (void)new_dir, (void)new_name, (void)flags;
	fuse_reply_err(req, EPERM);
}
