/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHDX_LOG_PRIV_H
#define VHD_VHDX_LOG_PRIV_H

/* The log writer's state; what it does is told in vhdx_log.c. */

#include <pthread.h>

#include "vhdx/vhdx_log.h"
#include "vhdx/vhdx_update.h"

enum {
	VHDX_LOG_ENTRY_PAGES = 126	/* VHDX-LOG-61 */
};

/* Where the entries of a generation go. */
struct vhdx_log_gen {
	struct vhd_guid guid;
	uint32_t tail_off;		/* ring offset of its first entry */
	uint32_t next_off;		/* and of its next one */
};

struct vhdx_log {
	struct vhd_io *io;
	uint64_t log_off;		/* of the ring in the file */
	uint32_t seg_len;		/* of a segment: there are two */
	bool seg_ready[2];		/* has its space in the file */
	uint64_t bat_off, bat_len;

	bool touched;			/* vhdx_log_touch() went well */
	bool identified;		/* @data_id is what it will write */
	struct vhd_guid data_id;

	struct vhdx_log_gen gen;	/* means something when @open */
	uint64_t next_seq;
	uint64_t flushed_len;		/* length of the file, durable */
	bool open;			/* the current header names @gen */
	bool durable;			/* so is every write so far */
	bool copy_owed;			/* the other slot is behind */
	bool copy_flying;		/* or its copy is not durable yet */
	/* A shift that failed, and what the next attempt takes over from it. */
	bool shifting;
	bool shift_begun;		/* its first entry is durable */
	struct vhd_guid shift_guid;

	pthread_mutex_t lock;		/* guards the fields below */
	struct vhdx_update update;	/* changed by the storing thread only */
	struct vhd_pending logged;	/* images that are not in place */
	struct vhd_pending fresh;	/* of the newest entry, over @logged */
	uint64_t placed;		/* times that @logged was emptied */
};

/* A set in the order in which it is logged. */
struct vhdx_log_batch {
	const struct vhd_pending_page **pages;
	size_t count;
	size_t done;			/* of which are logged */
	uint64_t last_off;		/* LastFileOffset */
};

/* vhdx_log_entry.c */

/* Ends with vhd_free(batch->pages). */
int vhdx_log_batch_load(const struct vhdx_log *log,
			const struct vhd_pending *set,
			struct vhdx_log_batch *batch, struct vhd_error *err);
/* Room that @count pages take, in as few entries as can be. */
uint64_t vhdx_log_need(uint64_t count);
/* What is left of the generation's segment. */
uint32_t vhdx_log_room(const struct vhdx_log *log);
/* The entry without pages that begins a generation. */
int vhdx_log_begin_write(struct vhdx_log *log, const struct vhdx_log_gen *gen,
			 uint64_t last_off, struct vhd_error *err);
/*
 * The next entry, with as many pages of the batch as it and the segment hold: at
 * least one fits.  Nothing has advanced after a failure.
 */
int vhdx_log_entry_write(struct vhdx_log *log, struct vhdx_log_batch *batch,
			 struct vhd_error *err);

/* vhdx_log_place.c */

/* Makes @fresh part of @logged. */
int vhdx_log_fold(struct vhdx_log *log, struct vhd_error *err);
/* Writes all images in place.  They are still read through @logged. */
int vhdx_log_place(struct vhdx_log *log, struct vhd_error *err);
/* They are in place, durably. */
void vhdx_log_placed(struct vhdx_log *log);

#endif
