/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHDFUSE_TREE_H
#define VHDFUSE_TREE_H

/*
 * The few files that a mount shows, and who has them open.
 *
 * disk.raw and the partitions are the same bytes under several inodes, and the
 * kernel caches each inode by itself.  So that nobody reads what is no longer
 * true, a file is opened for writing only while no other that overlaps it is,
 * and what was cached of the others is dropped (struct tree_grant).
 *
 * An inode number is never used again.  All functions may be called by any
 * thread; a node stays while the kernel remembers it.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "disk.h"

enum node_kind { NODE_ROOT, NODE_LAYERS, NODE_FILE };

/**
 * struct node - a file or a directory
 *
 * @ino:     inode number
 * @parent:  that of its directory; 0 when the file is the mount point itself
 * @lookups: how often the kernel has it, tree's lock
 * @listed:  it is in its directory; partitions go when the table changes
 * @dirty:   opened for writing so often that the kernel may hold writes back
 * @stale:   what the kernel cached may be old
 * @wrote:   written to since this was last looked at
 * @grown:   something was written past its end
 * @bypassed: written to by who caches nothing
 * @cached:  opened so often by who does
 * @watched: somebody has cached bytes of it under another name
 */
struct node {
	uint64_t ino;
	uint64_t parent;
	enum node_kind kind;
	char name[24];
	struct view view;
	uint64_t lookups;
	unsigned int opens;
	unsigned int writers;
	atomic_uint dirty;
	bool listed;
	bool partition;
	bool stale;
	atomic_bool wrote;
	atomic_bool grown;
	atomic_bool bypassed;
	atomic_uint cached;
	atomic_bool watched;
	/* usage.c */
	_Atomic uint64_t used;
	_Atomic int64_t used_at;
	atomic_bool used_changed;
};

/* The inode of disk.raw; a file that is the mount point is FUSE's root. */
enum { INO_DISK = 2 };

struct tree {
	pthread_mutex_t lock;
	struct node **nodes;
	size_t count;
	size_t room;
	uint64_t next_ino;
};

/* What the kernel may do with an open file. */
struct tree_grant {
	bool keep_cache;	/* its old pages are still true */
	bool direct;		/* it must not keep new ones */
};

/* The mount point is a file: the disk and nothing else. */
int tree_make_file(struct tree *t, const struct disk *d);
/* The mount point is a directory; @layers: with one for the layers. */
int tree_make_dir(struct tree *t, const struct disk *d, bool layers);
void tree_free(struct tree *t);

/* NULL when there is no such inode. */
struct node *tree_find(struct tree *t, uint64_t ino);
/* Counts a lookup; NULL when there is no such name. */
struct node *tree_lookup(struct tree *t, uint64_t parent, const char *name);
void tree_forget(struct tree *t, uint64_t ino, uint64_t lookups);

/* The @idx-th entry of a directory; false at its end. */
bool tree_entry(struct tree *t, uint64_t dir, size_t idx, char name_out[24],
		uint64_t *ino_out, bool *is_dir_out);

/* Returns 0, or EBUSY while an overlapping file is open for writing. */
int tree_open(struct tree *t, struct node *n, bool writing,
	      struct tree_grant *out);
void tree_release(struct tree *t, struct node *n, bool writing);

/*
 * Partitions as @table has them: those that did not change stay, others go and
 * new ones come.  @gone is told of each that goes.
 */
int tree_partitions(struct tree *t, const struct disk *d,
		    const struct ptable *table,
		    void (*gone)(void *arg, const struct node *n), void *arg);

/* A file that was written to past its end. */
struct tree_grown {
	uint64_t ino;
	uint64_t len;		/* what it has */
	char name[24];
};

/* The next one; false when there is none. */
bool tree_take_grown(struct tree *t, struct tree_grown *out);

/* Inodes whose pages may be old because of writes under another name. */
size_t tree_take_stale(struct tree *t, uint64_t *inos, size_t max);

#endif
