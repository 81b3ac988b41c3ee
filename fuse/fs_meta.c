/* SPDX-License-Identifier: BSD-2-Clause */
/* Names, attributes, directories. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "fs.h"
#include "usage.h"

#define BLOCK 4096u

static void fill_attr(const struct fs *fs, struct node *n, struct stat *st)
{
	int fd = vhd_layer_fd(fs->disk.img, 0);
	struct stat image;

	memset(st, 0, sizeof(*st));
	if (fd >= 0 && fstat(fd, &image) == 0) {
		st->st_mtim = image.st_mtim;
		st->st_ctim = image.st_ctim;
		st->st_atim = image.st_mtim;
	}
	st->st_ino = n->ino;
	st->st_uid = fs->opts->uid;
	st->st_gid = fs->opts->gid;
	st->st_blksize = BLOCK;
	if (n->kind != NODE_FILE) {
		/* Who may read may also look around. */
		st->st_mode = S_IFDIR | (fs->mode & 0444) |
			      (fs->mode & 0444) >> 2;
		st->st_nlink = 2;
		return;
	}
	st->st_mode = S_IFREG | fs->mode;
	if (n->view.read_only)
		st->st_mode &= ~(mode_t)0222;
	st->st_nlink = 1;
	st->st_size = (off_t)n->view.len;
	st->st_blocks = (blkcnt_t)((usage_bytes(n) + 511) / 512);
}

void fs_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs *fs = fs_of(req);
	struct fuse_entry_param e;
	struct node *n;

	fs_parts_refresh(fs);
	n = tree_lookup(&fs->tree, parent, name);
	if (n == NULL) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	memset(&e, 0, sizeof(e));
	e.ino = n->ino;
	e.attr_timeout = fs->valid;
	e.entry_timeout = fs->valid;
	fill_attr(fs, n, &e.attr);
	if (fuse_reply_entry(req, &e) != 0)
		tree_forget(&fs->tree, n->ino, 1);
}

void fs_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups)
{
	tree_forget(&fs_of(req)->tree, ino, lookups);
	fuse_reply_none(req);
}

void fs_forget_multi(fuse_req_t req, size_t count,
		     struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		tree_forget(&fs_of(req)->tree, forgets[i].ino,
			    forgets[i].nlookup);
	fuse_reply_none(req);
}

void fs_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct node *n = tree_find(&fs->tree, ino);
	struct stat st;

	(void)fi;
	if (n == NULL) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	fill_attr(fs, n, &st);
	fuse_reply_attr(req, &st, fs->valid);
}

/*
 * A disk keeps its size as a block device does: cutting it to nothing, which is
 * what "cp image p1" and ">p1" begin with, changes nothing, other sizes are
 * refused.  Times and owners are accepted and forgotten.
 */
void fs_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int to_set,
		struct fuse_file_info *fi)
{
	struct node *n = tree_find(&fs_of(req)->tree, ino);

	if (n != NULL && (to_set & FUSE_SET_ATTR_SIZE) != 0 &&
	    (n->kind != NODE_FILE ||
	     (st->st_size != 0 && (uint64_t)st->st_size != n->view.len))) {
		fuse_reply_err(req, EPERM);
		return;
	}
	fs_getattr(req, ino, fi);
}

static size_t put_entry(fuse_req_t req, char *buf, size_t room,
			const char *name, uint64_t ino, bool is_dir, off_t next)
{
	struct stat st = { .st_ino = ino,
			   .st_mode = is_dir ? S_IFDIR : S_IFREG };

	return fuse_add_direntry(req, buf, room, name, &st, next);
}

static size_t next_entry(fuse_req_t req, char *buf, size_t room, uint64_t dir,
			 off_t at, bool *end)
{
	bool is_dir = true;
	char name[24] = ".";
	uint64_t ino = dir;

	if (at == 1)
		strcpy(name, "..");
	else if (at > 1 && !tree_entry(&fs_of(req)->tree, dir, (size_t)at - 2,
				       name, &ino, &is_dir))
		*end = true;
	return *end ? 0 : put_entry(req, buf, room, name, ino, is_dir, at + 1);
}

void fs_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		struct fuse_file_info *fi)
{
	char *buf = malloc(size);
	size_t len = 0;
	bool end = false;

	(void)fi;
	if (buf == NULL) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	if (off == 0)
		fs_parts_refresh(fs_of(req));
	for (;;) {
		size_t n = next_entry(req, buf + len, size - len, ino, off++,
				      &end);

		if (end || n > size - len)
			break;
		len += n;
	}
	fuse_reply_buf(req, buf, len);
	free(buf);
}

/*
 * The loop driver takes its discard granularity from f_bsize.  Used is what is
 * allocated, and available what the image's own file system has left for it to
 * grow in.
 */
void fs_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct fs *fs = fs_of(req);
	int fd = vhd_layer_fd(fs->disk.img, 0);
	struct statvfs host, st;
	struct node *disk;

	(void)ino;
	memset(&st, 0, sizeof(st));
	st.f_bsize = BLOCK;
	st.f_frsize = BLOCK;
	st.f_namemax = sizeof(((struct node *)NULL)->name) - 1;
	st.f_blocks = (fs->disk.shown.len + BLOCK - 1) / BLOCK;
	disk = tree_find(&fs->tree, fs->file_mount ? FUSE_ROOT_ID : INO_DISK);
	st.f_bfree = st.f_blocks - usage_bytes(disk) / BLOCK;
	if (!fs->read_only && fd >= 0 && fstatvfs(fd, &host) == 0) {
		fsblkcnt_t left = host.f_bavail * (host.f_frsize / 512) / 8;

		st.f_bavail = left < st.f_bfree ? left : st.f_bfree;
	}
	fuse_reply_statfs(req, &st);
}
