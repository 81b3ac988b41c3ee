/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_WRITE_WRITER_PRIV_H
#define VHD_WRITE_WRITER_PRIV_H

/* What the parts of the writer share; see writer.h. */

#include "io/copy_range.h"
#include "write/writer.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
	WRITER_BUCKETS = 64,
	WRITER_FREED_MAX = 16384,	/* then a commit is due */
	WRITER_RANGES_MAX = 65536	/* that are remembered at all */
};

/* A block that tickets are out for. */
struct vhd_busy {
	uint64_t blk;
	struct vhd_busy *next;		/* of the bucket */
	struct vhd_ticket *tickets;
	bool filling;			/* somebody is copying or zeroing */
	bool has_place;
	struct vhd_place place;		/* new; not the block's yet */
};

/* Space that a block lost. */
struct vhd_freed {
	uint64_t off, len;
	uint64_t stamp;			/* of the grace; once durable */
};

struct vhd_freed_list {
	struct vhd_freed *at;
	size_t count, room;
};

struct vhd_writer {
	const struct vhd_writer_ops *ops;
	void *eng;
	struct vhd_io *io;
	struct vhd_pcache *pc;
	struct vhd_writer_geom geom;
	unsigned int block_shift;
	bool want_thread;
	bool unzeroed;
	struct vhd_copier mover;	/* of write/move.c */
	struct vhd_grace grace;

	/* Rank 1: held while the first change is announced in the file. */
	pthread_mutex_t touch;
	_Atomic bool touched;

	/* Rank 2: guards what follows, and the writing side of @pc. */
	pthread_mutex_t lock;
	pthread_cond_t over;		/* some ticket, or its copying, is */
	pthread_cond_t idle;		/* a commit is over */
	struct vhd_busy *busy[WRITER_BUCKETS];
	bool barrier;			/* the next commit needs one */
	_Atomic bool poisoned;
	struct vhd_error poison;	/* why */
	struct vhd_freed_list freed;	/* lost, not durably */
	struct vhd_freed_list freeing;	/* of these, what a SYNC commit covers */
	struct vhd_freed_list durable;	/* lost; somebody may still look */
	int64_t waiting_since;		/* ms; 0: no metadata is waiting */
	bool running;			/* a commit is */
	uint64_t sync_started;		/* number of the last SYNC commit */
	uint64_t sync_done;		/* ... that ended */
	uint64_t sync_good;		/* ... that ended well */
	struct vhd_error sync_err;	/* of the last one that did not */

	/* Guarded by @lock as well: the thread that writes what waits. */
	bool has_thread;
	bool stop;
	pthread_cond_t wake;
	pthread_t thread;

	/* Rank 3: guards page images on their way. */
	pthread_mutex_t images;
	struct vhd_pending staged;	/* left the cache */
	struct vhd_pending storing;	/* older: in the hands of a commit */
	uint64_t stored;		/* times that @storing was emptied */
};

/* VHD_E_NOSPACE and VHD_E_NOMEM pass; anything else is for ever. */
static inline bool vhd_writer_may_retry(int rc)
{
	return rc == VHD_E_NOSPACE || rc == VHD_E_NOMEM;
}

/* Keeps the first failure.  Holds: lock. */
void vhd_writer_poison_locked(struct vhd_writer *w, int rc,
			      const struct vhd_error *why);
/* A step failed with @rc and @why: poisons unless that may pass.  Gives @rc. */
int vhd_writer_failed(struct vhd_writer *w, int rc, const struct vhd_error *why,
		      struct vhd_error *err);
int vhd_writer_poisoned_locked(struct vhd_writer *w, struct vhd_error *err);

/* Metadata became dirty; starts the clock, and the thread if one is wanted. */
void vhd_writer_waiting_locked(struct vhd_writer *w);
/* Writes what has waited too long when there is no thread to do it. */
int vhd_writer_overdue(struct vhd_writer *w, struct vhd_error *err);
/* Makes room before dirtying more pages. */
int vhd_writer_make_room(struct vhd_writer *w, struct vhd_error *err);
void vhd_writer_thread_stop(struct vhd_writer *w);

struct vhd_busy *vhd_busy_find(struct vhd_writer *w, uint64_t blk);

/*
 * What is lost so far becomes durable with the SYNC commit that begins; what is
 * lost from here on does not, and must not be joined with it.
 */
void vhd_freed_cover_locked(struct vhd_writer *w);
/* That commit went well. */
void vhd_freed_promote_locked(struct vhd_writer *w);
/* Gives back what nobody can be looking at any more.  Holds: nothing. */
void vhd_freed_reclaim(struct vhd_writer *w);

#endif
