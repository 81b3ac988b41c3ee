/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Partitions come and go as the disk is partitioned: a write that hits what the
 * table was read from has it read again, by the next who looks for a file, or
 * soon by the thread that waits for signals.
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
	if (!touched)
		return;
	atomic_store(&fs->table_changed, true);
	fs_ask(fs, FS_TABLE_CHANGED);
}

static void note_gone(void *arg, const struct node *n)
{
	struct fs *fs = arg;

	if (fs->gone_count == FS_GONE_MAX)
		return;
	fs->gone[fs->gone_count].ino = n->ino;
	memcpy(fs->gone[fs->gone_count++].name, n->name, sizeof(n->name));
}

static void read_table(struct fs *fs)
{
	struct ptable *t = calloc(1, sizeof(*t));

	if (t != NULL && disk_partitions(&fs->disk, t) == 0) {
		*fs->table = *t;
		tree_partitions(&fs->tree, &fs->disk, t, note_gone, fs);
	}
	set_limits(fs);
	free(t);
}

void fs_parts_refresh(struct fs *fs)
{
	if (fs->table == NULL || !atomic_load(&fs->table_changed))
		return;
	pthread_mutex_lock(&fs->table_lock);
	/* Who writes meanwhile waits for the lock, and for the new ranges. */
	atomic_store(&fs->table_low, UINT64_MAX);
	if (atomic_exchange(&fs->table_changed, false))
		read_table(fs);
	else
		set_limits(fs);
	pthread_mutex_unlock(&fs->table_lock);
}

void fs_parts_tell(struct fs *fs)
{
	size_t n;

	/* Without any lock: the kernel may be waiting for us to answer. */
	do {
		struct fs_gone gone;

		pthread_mutex_lock(&fs->table_lock);
		n = fs->gone_count;
		if (n != 0)
			gone = fs->gone[--fs->gone_count];
		pthread_mutex_unlock(&fs->table_lock);
		if (n != 0)
			fuse_lowlevel_notify_delete(fs->se, FUSE_ROOT_ID,
						    gone.ino, gone.name,
						    strlen(gone.name));
	} while (n != 0);
}
