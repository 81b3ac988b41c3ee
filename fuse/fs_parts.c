/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Partitions come and go as the disk is partitioned: a write that hits what the
 * table was read from has it read again, soon, by the thread that waits for
 * signals.
 */
#include <stdlib.h>
#include <string.h>

#include "fs.h"

/* Writes between these cannot have touched the table. */
static void set_limits(struct fs *fs)
{
	const struct ptable *t = fs->table;
	uint64_t low = 512, high = UINT64_MAX;

	for (size_t i = 0; i < t->range_count; i++) {
		uint64_t off = t->ranges[i].off;
		uint64_t end = off + t->ranges[i].len;

		if (off < fs->disk.shown.len / 2)
			low = end > low ? end : low;
		else
			high = off < high ? off : high;
	}
	/* Logical partitions lie anywhere: then look at each write. */
	if (low > (UINT64_C(1) << 20))
		low = UINT64_MAX;
	atomic_store(&fs->table_low, low);
	atomic_store(&fs->table_high, high);
}

void fs_parts_wrote(struct fs *fs, uint64_t off, uint64_t len)
{
	bool touched;

	if (fs->table == NULL)
		return;
	off -= fs->disk.shown.off;
	if (off >= atomic_load_explicit(&fs->table_low, memory_order_relaxed) &&
	    off + len <= atomic_load_explicit(&fs->table_high,
					      memory_order_relaxed))
		return;
	pthread_mutex_lock(&fs->table_lock);
	touched = ptable_touched(fs->table, off, len);
	pthread_mutex_unlock(&fs->table_lock);
	if (touched)
		fs_ask(fs, FS_TABLE_CHANGED);
}

struct gone {
	struct { uint64_t ino; char name[24]; } part[PTABLE_MAX];
	size_t count;
};

static void note_gone(void *arg, const struct node *n)
{
	struct gone *g = arg;

	if (g->count == PTABLE_MAX)
		return;
	g->part[g->count].ino = n->ino;
	memcpy(g->part[g->count++].name, n->name, sizeof(n->name));
}

/* The kernel is told without any lock: it may be waiting for us to answer. */
static void tell_kernel(struct fs *fs, const struct gone *g)
{
	for (size_t i = 0; i < g->count && fs->se != NULL; i++)
		fuse_lowlevel_notify_delete(fs->se, FUSE_ROOT_ID,
					    g->part[i].ino, g->part[i].name,
					    strlen(g->part[i].name));
}

void fs_parts_read(struct fs *fs)
{
	struct ptable *t;
	struct gone *gone;

	if (fs->table == NULL)
		return;
	t = calloc(1, sizeof(*t));
	gone = calloc(1, sizeof(*gone));
	if (t != NULL && gone != NULL && disk_partitions(&fs->disk, t) == 0) {
		pthread_mutex_lock(&fs->table_lock);
		*fs->table = *t;
		set_limits(fs);
		pthread_mutex_unlock(&fs->table_lock);
		tree_partitions(&fs->tree, &fs->disk, t, note_gone, gone);
		tell_kernel(fs, gone);
	}
	free(gone);
	free(t);
}
