/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHDFUSE_FS_H
#define VHDFUSE_FS_H

/*
 * The file system: what all requests share.
 *
 * Requests run on any of the threads of loop.c, many at once.  Bytes go through
 * the library, which takes care of itself; the tree has its own lock; all else
 * here is fixed before the first request or atomic.
 */

#include <fuse_lowlevel.h>

#include <pthread.h>
#include <stdatomic.h>

#include "tree.h"

/* Reads from this size on may go from file to kernel without a copy of ours. */
#define SPLICE_MIN (64u << 10)

/* Work for the thread that waits for signals (life.c). */
enum {
	FS_TABLE_CHANGED = 1 << 0,	/* the partition table was written to */
	FS_PAGES_OLD = 1 << 1,		/* what others cached is not true */
	FS_SIZE_WRONG = 1 << 2		/* the kernel thinks a file has grown */
};

/* A partition that is no more. */
#define FS_GONE_MAX (2 * PTABLE_MAX)
struct fs_gone {
	uint64_t ino;
	char name[24];
};

/**
 * struct fs - a mounted image
 *
 * @read_only: nothing can be written
 * @max_read:  largest read the kernel sends
 * @zeros:     that many zero bytes
 * @splice:    large reads are handed over as pages
 * @buffers:   a buffer of @max_read bytes for each thread
 * @handing_over: where the read of this thread is that pages answer (wire.c)
 * @fds:       of the files of @disk's image, by layer
 * @mode:      permissions of files
 * @todo:      FS_* bits; @wake (an eventfd) is written to when one is set
 * @table:     the partition table as it was read last, under @table_lock;
 *             @table_low and @table_high limit where a write could touch it
 * @gone:      partitions that the kernel may still know, under @table_lock
 * @dev:       of the mount, as stat(2) gives it
 */
struct fs {
	const struct options *opts;
	struct log *log;
	struct disk disk;
	struct tree tree;
	struct fuse_session *se;
	bool read_only;
	bool file_mount;
	bool splice;
	uint32_t max_read;
	const uint8_t *zeros;
	pthread_key_t buffers;
	pthread_key_t handing_over;
	int *fds;
	uint32_t fd_count;
	mode_t mode;
	double valid;			/* seconds that attributes hold */
	atomic_uint todo;
	int wake;
	pthread_mutex_t table_lock;
	dev_t dev;
	struct ptable *table;
	atomic_bool table_changed;
	struct fs_gone gone[FS_GONE_MAX];
	size_t gone_count;
	_Atomic uint64_t table_low;
	_Atomic uint64_t table_high;
};

int fs_init(struct fs *fs, const struct options *opts, struct log *log,
	    bool file_mount);
void fs_free(struct fs *fs);

/* The table of requests for fuse_session_new(). */
extern const struct fuse_lowlevel_ops fs_ops;

/* Ask life.c to do something. */
void fs_ask(struct fs *fs, unsigned int what);

/* If the partition table has changed, shows what it says now (fs_parts.c). */
void fs_parts_refresh(struct fs *fs);
/* Tells the kernel of partitions that went.  Not for threads that serve. */
void fs_parts_tell(struct fs *fs);
/* A range of the image was written. */
void fs_parts_wrote(struct fs *fs, uint64_t off, uint64_t len);

static inline struct fs *fs_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

/*
 * An open file is its node, with the lowest bits set when it is written to, when
 * the kernel may hold such writes back, and when it caches nothing: the session
 * may end before the kernel has told of a close, and then there is nothing that
 * would be lost.
 */
#define FH_WRITING UINT64_C(1)
#define FH_DIRTY UINT64_C(2)
#define FH_DIRECT UINT64_C(4)

static inline struct node *node_of(const struct fuse_file_info *fi)
{
	return (struct node *)(uintptr_t)(fi->fh & ~(FH_WRITING | FH_DIRTY | FH_DIRECT));
}

/* Answers a request that failed, and logs why. */
void fs_fail(fuse_req_t req, const char *what, uint64_t off,
	     const struct vhd_error *err);

/* Requests, by file. */
void fs_init_conn(void *userdata, struct fuse_conn_info *conn);
void fs_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void fs_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups);
void fs_forget_multi(fuse_req_t req, size_t count,
		     struct fuse_forget_data *forgets);
void fs_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void fs_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int to_set,
		struct fuse_file_info *fi);
void fs_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		struct fuse_file_info *fi);
void fs_statfs(fuse_req_t req, fuse_ino_t ino);
void fs_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void fs_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void fs_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
	     struct fuse_file_info *fi);
void fs_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size,
	      off_t off, struct fuse_file_info *fi);
void fs_fsync(fuse_req_t req, fuse_ino_t ino, int datasync,
	      struct fuse_file_info *fi);
void fs_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync,
		 struct fuse_file_info *fi);
void fs_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void fs_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off,
		  off_t len, struct fuse_file_info *fi);
void fs_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned int cmd, void *arg,
	      struct fuse_file_info *fi, unsigned int flags, const void *in,
	      size_t in_size, size_t out_size);
void fs_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence,
	      struct fuse_file_info *fi);
void fs_mknod(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode,
	      dev_t dev);
void fs_create(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode,
	       struct fuse_file_info *fi);
void fs_mkdir(fuse_req_t req, fuse_ino_t dir, const char *name, mode_t mode);
void fs_symlink(fuse_req_t req, const char *target, fuse_ino_t dir,
		const char *name);
void fs_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t dir, const char *name);
void fs_remove(fuse_req_t req, fuse_ino_t dir, const char *name);
void fs_rename(fuse_req_t req, fuse_ino_t dir, const char *name,
	       fuse_ino_t new_dir, const char *new_name, unsigned int flags);

#endif
