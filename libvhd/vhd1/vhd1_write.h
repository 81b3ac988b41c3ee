/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHD1_WRITE_H
#define VHD_VHD1_WRITE_H

/*
 * The writing state of an image that was opened for writing, and what the
 * format supplies to the writer (write/writer.h).
 */

#include <pthread.h>

#include "vhd1/vhd1_priv.h"
#include "write/writer.h"

struct vhd1_write {
	struct vhd_writer *w;		/* NULL after vhd1_shut() */

	/* Innermost: held during a flush; see vhd1_flush(). */
	pthread_mutex_t flushing;
	bool sick;			/* a flush failed */
	struct vhd_error why;

	/* The file is not cut below this: where its footer was when the first
	 * change was made. */
	uint64_t floor;

	/* Guarded by the lock of @w: space, once somebody needs some. */
	bool scanned;
	bool packed;			/* some block's data is not aligned */
	bool leak;			/* see vhd1_write_unplace() */
	uint32_t align;			/* of the data of new blocks */
	uint64_t content_end;		/* of all that has a place, once */
	uint64_t tight_end;		/* the same without holes */
	uint64_t unaligned;		/* blocks whose data is not aligned */

	bool packing;			/* it may become shorter than it came */
	bool crumbs;			/* what is too short for a block counts */
	bool exact;			/* VHD_OPEN_EXACT */
	bool doomed;			/* all blocks are about to be dropped */

	/* Xen's batmap is clear in the file, and is to become this on close;
	 * NULL: it stays so.  See vhd1_unmark.c. */
	bool map_stale;
	bool map_more;			/* @map shows blocks the file does not */
	uint8_t *map;
	uint64_t map_len;
	struct vhd_space space;		/* free, below the footer */
};

/* Where a file that holds blocks ends at the latest (VHD-M-5). */
#define VHD1_FILE_CAP (UINT64_C(2) << 40)

/* For sparse and for fixed images. */
extern const struct vhd_writer_ops vhd1_writer_ops;
extern const struct vhd_writer_ops vhd1_fixed_ops;

/* The last step of an open for writing.  Refuses what it would make worse. */
int vhd1_write_open(struct vhd1 *v, const struct vhd_engine_open *req,
		    struct vhd_error *err);
/* NULL in @v->write is fine. */
void vhd1_write_close(struct vhd1 *v);

/*
 * All flushes go through here, one after the other: one that fails is never
 * tried again, not even by somebody else.  It was the only sign that data was
 * lost, so from then on every flush fails, and every commit.
 */
int vhd1_flush(struct vhd1 *v, struct vhd_error *err);
/* Writes the footer at @off, a multiple of 512. */
int vhd1_footer_put(struct vhd1 *v, uint64_t off, struct vhd_error *err);

/* What struct vhd_writer_ops wants of them; @eng is a struct vhd1. */

/* vhd1_mend.c */
int vhd1_write_touch(void *eng, struct vhd_error *err);

/* vhd1_write_map.c */
int vhd1_write_look(void *eng, uint64_t blk, struct vhd_blk *out,
		    struct vhd_error *err);
int vhd1_write_present(void *eng, uint64_t blk, const struct vhd_blk *b,
		       uint32_t from_sec, uint32_t to_sec, bool *yes_out,
		       uint32_t *count_out, struct vhd_error *err);
int vhd1_write_map(void *eng, uint64_t blk, uint64_t at,
		   struct vhd_error *err);
int vhd1_write_mark(void *eng, uint64_t blk, const struct vhd_blk *b,
		    uint64_t at, uint32_t from_sec, uint32_t to_sec,
		    struct vhd_error *err);
int vhd1_write_unmap(void *eng, uint64_t blk, const struct vhd_blk *b,
		     enum vhd_unmap how, bool *done_out,
		     struct vhd_error *err);
int vhd1_entry_put(struct vhd1 *v, uint64_t blk, uint32_t entry,
		   struct vhd_error *err);
/* Does Xen's batmap show block @blk full?  No without a batmap. */
int vhd1_batmap_bit(struct vhd1 *v, uint64_t blk, bool *set_out,
		    struct vhd_error *err);

/* vhd1_space.c */
int vhd1_write_place(void *eng, uint64_t blk, struct vhd_place *out,
		     struct vhd_error *err);
/* The same for a block that has a place, or has none in Xen's batmap. */
int vhd1_place_new(struct vhd1 *v, uint64_t blk, struct vhd_place *out,
		   struct vhd_error *err);
/* The footer lies at or behind @end. */
int vhd1_reach(struct vhd1 *v, uint64_t end, struct vhd_error *err);
/* Any room in the file, which grows if need be; what it holds is anything. */
int vhd1_room_take(struct vhd1 *v, uint64_t len, uint32_t align,
		   uint64_t *off_out, struct vhd_error *err);
int vhd1_write_place_below(void *eng, uint64_t blk, uint64_t limit,
			   struct vhd_place *out, bool *found_out,
			   struct vhd_error *err);
void vhd1_write_unplace(void *eng, uint64_t off, uint64_t len,
			enum vhd_space_kind kind);
int vhd1_write_prepare(void *eng, uint64_t blk, const struct vhd_place *place,
		       bool whole, struct vhd_error *err);
/* Makes the file end where its last block does (VHD-W-22). */
int vhd1_write_trim(void *eng, struct vhd_error *err);

/*
 * vhd1_scan.c: finds out what is free, the first time; to be called before the
 * table loses or gains a block.  VHD_E_CORRUPT when some space has two owners.
 */
int vhd1_scan(struct vhd1 *v, struct vhd_error *err);
/* Once more: nothing waits, and all that is unused is to be found. */
int vhd1_space_fresh(struct vhd1 *v, struct vhd_error *err);

/* vhd1_pack.c */
int vhd1_write_move(void *eng, uint64_t blk, const struct vhd_blk *b,
		    const struct vhd_place *to, struct vhd_error *err);

/* vhd1_unmark.c: Xen's batmap shows block @blk, which is to lose its space;
 * *@may_out: it may. */
int vhd1_unmark(struct vhd1 *v, uint64_t blk, bool *may_out,
		struct vhd_error *err);
/*
 * When the file is closed, Xen's batmap shows block @blk if it is full: nobody
 * writes meanwhile, and what was written is durable before that.  Blocks that the
 * disk or the map has in part only are never shown.
 */
int vhd1_show_full(struct vhd1 *v, uint64_t blk, struct vhd_error *err);
/* Before the file is closed. */
int vhd1_remark(struct vhd1 *v, struct vhd_error *err);

#endif
