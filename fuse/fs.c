/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/status.h"

const struct fuse_lowlevel_ops fs_ops = {
	.init = fs_init_conn,
	.lookup = fs_lookup,
	.forget = fs_forget,
	.forget_multi = fs_forget_multi,
	.getattr = fs_getattr,
	.setattr = fs_setattr,
	.readdir = fs_readdir,
	.statfs = fs_statfs,
	.open = fs_open,
	.release = fs_release,
	.read = fs_read,
	.write = fs_write,
	.fsync = fs_fsync,
	.fsyncdir = fs_fsyncdir,
	.flush = fs_flush,
	.fallocate = fs_fallocate,
	.lseek = fs_lseek,
	.ioctl = fs_ioctl,
	.mknod = fs_mknod,
	.create = fs_create,
	.mkdir = fs_mkdir,
	.symlink = fs_symlink,
	.link = fs_link,
	.unlink = fs_remove,
	.rmdir = fs_remove,
	.rename = fs_rename,
};

static void want(struct fuse_conn_info *conn, unsigned int cap, bool on)
{
	if (on && (conn->capable & cap) != 0)
		conn->want |= cap;
	else
		conn->want &= ~cap;
}

void fs_init_conn(void *userdata, struct fuse_conn_info *conn)
{
	const struct fs *fs = userdata;

	conn->max_read = fs->max_read;
	conn->max_background = 64;
	conn->congestion_threshold = 48;
	conn->time_gran = 1;
	/* Replies are spliced, requests are read into one reused buffer. */
	want(conn, FUSE_CAP_SPLICE_WRITE, fs->splice);
	want(conn, FUSE_CAP_SPLICE_READ, false);
	want(conn, FUSE_CAP_SPLICE_MOVE, false);
	want(conn, FUSE_CAP_WRITEBACK_CACHE,
	     !fs->read_only && fs->opts->cache == CACHE_WRITEBACK);
	/* O_TRUNC must not make the kernel believe that the disk is empty. */
	want(conn, FUSE_CAP_ATOMIC_O_TRUNC, false);
	/* Nothing changes but through us, and we say so. */
	want(conn, FUSE_CAP_AUTO_INVAL_DATA, false);
}

/*
 * What a disk may answer.  Others speak of the place the image lies on: the user
 * of the disk would take "not connected" for our own end.
 */
static int disk_errno(const struct vhd_error *err)
{
	int rc = status_errno(err);

	switch (rc) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
	case ENOMEM:
	case EROFS:
	case EOPNOTSUPP:
		return rc;
	default:
		return EIO;
	}
}

void fs_fail(fuse_req_t req, const char *what, uint64_t off,
	     const struct vhd_error *err)
{
	log_failure(fs_of(req)->log, what, off, err);
	fuse_reply_err(req, disk_errno(err));
}

void fs_ask(struct fs *fs, unsigned int what)
{
	uint64_t one = 1;

	if ((atomic_fetch_or(&fs->todo, what) & what) == what)
		return;
	if (write(fs->wake, &one, sizeof(one)) < 0)
		return;		/* full: it is awake */
}

/* libfuse needs a pipe of the reply and two pages. */
static uint32_t largest_read(void)
{
	FILE *f = fopen("/proc/sys/fs/pipe-max-size", "re");
	uint32_t max = 512u << 10;
	unsigned long pipe;

	if (f == NULL)
		return max;
	if (fscanf(f, "%lu", &pipe) == 1 && pipe / 2 < max)
		max = (uint32_t)(pipe / 2) & ~4095u;
	fclose(f);
	return max < 4096 ? 4096 : max;
}

static int init_fds(struct fs *fs)
{
	fs->fd_count = vhd_layers(fs->disk.img);
	fs->fds = calloc(fs->fd_count, sizeof(*fs->fds));
	if (fs->fds == NULL)
		return ENOMEM;
	for (uint32_t i = 0; i < fs->fd_count; i++)
		fs->fds[i] = vhd_layer_fd(fs->disk.img, i);
	return 0;
}

/*
 * Files are as visible as the image is, and each of its parents, unless the user
 * has a wish: a layer that others may not read is not to be read through us.
 */
static mode_t default_mode(const struct fs *fs)
{
	mode_t mode = 0666;
	struct stat st;

	if (fs->opts->umask >= 0)
		return mode & ~(mode_t)fs->opts->umask;
	for (uint32_t i = 0; i < vhd_layers(fs->disk.img); i++) {
		int fd = vhd_layer_fd(fs->disk.img, i);

		if (fd < 0 || fstat(fd, &st) != 0)
			return 0600;
		/* Parents are only read. */
		mode &= i == 0 ? st.st_mode : st.st_mode | 0222;
	}
	return mode | 0600;
}

static int init_tree(struct fs *fs)
{
	int rc;

	if (fs->file_mount)
		return tree_make_file(&fs->tree, &fs->disk);
	rc = tree_make_dir(&fs->tree, &fs->disk, fs->opts->layers);
	if (rc != 0 || fs->opts->layer >= 0 || fs->opts->partition != 0)
		return rc;
	fs->table = calloc(1, sizeof(*fs->table));
	atomic_store(&fs->table_changed, true);
	fs_parts_refresh(fs);
	return fs->table != NULL ? 0 : ENOMEM;
}

int fs_init(struct fs *fs, const struct options *opts, struct log *log,
	    bool file_mount)
{
	int rc;

	memset(fs, 0, sizeof(*fs));
	fs->opts = opts;
	fs->log = log;
	fs->file_mount = file_mount;
	fs->wake = -1;
	if (disk_open(opts, log, &fs->disk))
		return -1;
	fs->read_only = fs->disk.read_only;
	fs->valid = fs->read_only ? 86400 : 1;
	fs->mode = default_mode(fs);
	fs->max_read = largest_read();
	fs->splice = true;
	pthread_mutex_init(&fs->table_lock, NULL);
	fs->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	fs->zeros = mmap(NULL, fs->max_read, PROT_READ,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	rc = pthread_key_create(&fs->buffers, free);
	if (rc == 0)
		rc = pthread_key_create(&fs->handing_over, NULL);
	if (rc == 0 && (fs->wake < 0 || fs->zeros == MAP_FAILED))
		rc = errno;
	if (rc == 0)
		rc = init_fds(fs);
	if (rc == 0)
		rc = init_tree(fs);
	if (rc != 0)
		log_line(log, "%s", strerror(rc));
	return rc != 0 ? -1 : 0;
}

void fs_free(struct fs *fs)
{
	if (fs->wake >= 0)
		close(fs->wake);
	free(fs->fds);
	free(fs->table);
	tree_free(&fs->tree);
}
