/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_WRITE_WRITER_H
#define VHD_WRITE_WRITER_H

/*
 * Writing in place: what VHD and VHDX have in common.
 *
 * A block of the disk is full (its bytes are in the file), partial (a bitmap
 * says which), zero, or its parent's.  Writing to present bytes needs no
 * writer: look up and write.  Everything else takes a ticket: begin gives the
 * bytes a home that no reader can see, the caller moves them, end makes them
 * visible and its metadata dirty.  Any number of tickets share the home of one
 * new block; nobody waits for a ticket that a caller holds.
 *
 * Dirty metadata is written by a commit.  A commit takes copies of all dirty
 * pages at once, so it never holds a mapping whose data was still on its way;
 * then the format's store() brings them to the file in an order that survives
 * a power cut.  Commits run one after the other, and those who ask for one
 * while another runs share the next.
 *
 * Space that a block loses is kept apart until the loss is durable and until
 * nobody is left who looked it up before (write/grace.h).
 *
 * Locks, in the order they are taken: touch (the first change of the file),
 * lock (everything else in here, and the writing side of the page cache),
 * images (page images on their way).  No lock is held while payload moves.
 */

#include "cache/pcache.h"
#include "io/io.h"
#include "write/grace.h"
#include "write/pending.h"
#include "write/space.h"

struct vhd_writer;

enum vhd_blk_kind {
	VHD_BLK_FULL,		/* all of it is at @at */
	VHD_BLK_SOME,		/* sectors with a bit are at @at, others below */
	VHD_BLK_ZERO,		/* zeros, no space */
	VHD_BLK_BELOW		/* the parent's, no space */
};

struct vhd_blk {
	enum vhd_blk_kind kind;
	uint64_t at;		/* file offset of byte 0 of the block's data */
};

/* A home for a new block. */
struct vhd_place {
	uint64_t at;		/* of byte 0 of its data */
	uint64_t off;		/* the whole range, a bitmap included */
	uint64_t len;
	enum vhd_space_kind kind;
};

enum vhd_unmap {
	VHD_UNMAP_DISCARD,	/* the guest does not need it any more */
	VHD_UNMAP_ZERO,		/* the guest was promised zeros */
	VHD_UNMAP_BELOW		/* it shows what the parent has there again */
};

enum vhd_commit {
	VHD_COMMIT_LAZY,	/* write metadata; flush only where order needs it */
	VHD_COMMIT_SYNC		/* durable on return, with all data before it */
};

/*
 * What a format supplies.  Functions fail with VHD_E_NOSPACE or VHD_E_NOMEM
 * when trying again may help; any other failure of touch, store and shut poisons
 * the writer.
 */
struct vhd_writer_ops {
	/*
	 * Before the first change of anything in the file; again when it
	 * failed.  Holds: touch.  NULL: nothing to do.
	 */
	int (*touch)(void *eng, struct vhd_error *err);

	/* Holds: lock, for all of these.  May read metadata, not payload. */
	int (*look)(void *eng, uint64_t blk, struct vhd_blk *out,
		    struct vhd_error *err);
	/*
	 * VHD_BLK_SOME only: is sector @from_sec of the block present, and how
	 * many from it on, below @to_sec, are alike?
	 */
	int (*present)(void *eng, uint64_t blk, const struct vhd_blk *b,
		       uint32_t from_sec, uint32_t to_sec, bool *yes_out,
		       uint32_t *count_out, struct vhd_error *err);
	/* Finds space, growing the file if need be. */
	int (*place)(void *eng, uint64_t blk, struct vhd_place *out,
		     struct vhd_error *err);
	/* Space that nobody uses: after a failure, or after a release. */
	void (*unplace)(void *eng, uint64_t off, uint64_t len,
			enum vhd_space_kind kind);
	/* Makes the block full at @at (ZERO, BELOW, SOME -> FULL). */
	int (*map)(void *eng, uint64_t blk, uint64_t at,
		   struct vhd_error *err);
	/*
	 * Marks sectors present (BELOW -> SOME at @at with these alone; SOME:
	 * these in addition).
	 */
	int (*mark)(void *eng, uint64_t blk, const struct vhd_blk *b,
		    uint64_t at, uint32_t from_sec, uint32_t to_sec,
		    struct vhd_error *err);
	/*
	 * The whole block becomes zeros.  Its space, if it had some, goes to
	 * vhd_writer_release().  *@done_out false: the format cannot say that
	 * (store zeros instead).  NULL: never can.
	 */
	int (*unmap)(void *eng, uint64_t blk, const struct vhd_blk *b,
		     enum vhd_unmap how, bool *done_out,
		     struct vhd_error *err);

	/*
	 * As place(), but free space that ends at or before @limit, without
	 * growing the file; *@found_out tells.  NULL: blocks cannot be moved.
	 */
	int (*place_below)(void *eng, uint64_t blk, uint64_t limit,
			   struct vhd_place *out, bool *found_out,
			   struct vhd_error *err);
	/*
	 * Block @blk (FULL or SOME), whose data has been copied to @to, lives
	 * there from now on, with all else that it has (a VHD's bitmap is the
	 * format's to copy); its old place goes to vhd_writer_release().
	 */
	int (*move)(void *eng, uint64_t blk, const struct vhd_blk *b,
		    const struct vhd_place *to, struct vhd_error *err);

	/*
	 * Holds: nothing.  Makes a place that place() gave fit to be mapped:
	 * reading as zeros unless @whole (the guest is about to write all of
	 * it) or FRESH, with whatever else the format keeps there.
	 */
	int (*prepare)(void *eng, uint64_t blk, const struct vhd_place *place,
		       bool whole, struct vhd_error *err);

	/*
	 * Brings page images to the file.  Holds: nothing, but one commit runs
	 * at a time.  @set may be empty and does not change meanwhile.
	 * @barrier: all data written so far must be durable before any of it.
	 *
	 * On success the file (or what the engine's fetch adds to it) shows
	 * the images, and with VHD_COMMIT_SYNC everything is durable: exactly
	 * one flush and no write when the set is empty and nothing is owed.
	 */
	int (*store)(void *eng, const struct vhd_pending *set,
		     enum vhd_commit mode, bool barrier,
		     struct vhd_error *err);
	/*
	 * After the last commit, which was SYNC: leaves the file clean and cuts
	 * what hangs over.  Called only when the file was touched.
	 */
	int (*shut)(void *eng, struct vhd_error *err);
};

struct vhd_writer_geom {
	uint64_t virtual_size;
	uint64_t block_size;		/* power of two */
	uint32_t sector;		/* bytes per bit of a bitmap */
	uint32_t unit;			/* bits are set for whole units of so
					   many bytes; multiple of sector */
};

struct vhd_writer_new {
	const struct vhd_writer_ops *ops;
	void *eng;
	struct vhd_io *io;		/* writable */
	struct vhd_pcache *pc;		/* NULL: there is no metadata */
	struct vhd_writer_geom geom;
	bool thread;			/* a thread writes waiting metadata */
	/* New blocks that show what is below need not read as zeros where they
	 * are not marked. */
	bool unzeroed;
};

/*
 * The page cache's store callback has to be vhd_writer_stage(), and its fetch
 * vhd_writer_read().
 */
int vhd_writer_new(const struct vhd_writer_new *how, struct vhd_writer **w_out,
		   struct vhd_error *err);
/*
 * Commits and shuts; then frees, whatever happened.  Reports the first failure,
 * also an earlier one that poisoned it.  NULL is fine.
 */
int vhd_writer_close(struct vhd_writer *w, struct vhd_error *err);

/*
 * For what an engine does beside its writer (engine/reshape.h): the file is
 * touched, what was dirty is on its way to it, and no thread writes metadata
 * until more of it is dirty.  Nobody else may use the image meanwhile.
 */
int vhd_writer_calm(struct vhd_writer *w, struct vhd_error *err);
/*
 * Calls @step, which writes metadata past the writer, on such a file.  What
 * would have poisoned the writer in store() does so here.
 */
int vhd_writer_aside(struct vhd_writer *w,
		     int (*step)(void *eng, void *arg, struct vhd_error *err),
		     void *arg, struct vhd_error *err);

/* For the engine. */
int vhd_writer_stage(struct vhd_writer *w, uint64_t off, const uint8_t *page,
		     uint32_t mask, struct vhd_error *err);
/*
 * A range of the file as it is with what is staged and not stored.  @read gives
 * it as store() has left it; it is called again when a commit came between.
 * Everything that reads metadata of an image with a writer goes through here.
 */
typedef int (*vhd_writer_read_fn)(void *eng, void *buf, size_t len,
				  uint64_t off, struct vhd_error *err);
int vhd_writer_read(struct vhd_writer *w, vhd_writer_read_fn read, void *buf,
		    size_t len, uint64_t off, struct vhd_error *err);
/* Brings dirty pages of the cache within reach of vhd_writer_read(). */
int vhd_writer_expose(struct vhd_writer *w, struct vhd_error *err);
/* Has anything ever been changed? */
bool vhd_writer_touched(const struct vhd_writer *w);
/* Space that a block has lost; reusable once that is durable.  Holds: lock. */
void vhd_writer_release(struct vhd_writer *w, uint64_t off, uint64_t len);
/* The next commit needs a barrier.  Holds: lock. */
void vhd_writer_need_barrier(struct vhd_writer *w);

/* Who moves payload of this image, reading or writing, is inside. */
struct vhd_grace_token vhd_writer_enter(struct vhd_writer *w);
void vhd_writer_leave(struct vhd_writer *w, struct vhd_grace_token token);

/* Before any write: 0, or VHD_E_POISONED; makes the first touch. */
int vhd_writer_ready(struct vhd_writer *w, struct vhd_error *err);

enum { VHD_TICKET_FILLS = 16 };

/* Guest bytes that must be copied from below before the ticket's own. */
struct vhd_fill {
	uint64_t off;			/* in the disk */
	uint64_t len;
	uint64_t file_off;
};

struct vhd_busy;

/* Room for a few guest bytes.  The memory is the caller's. */
struct vhd_ticket {
	uint64_t off;			/* in the disk */
	uint64_t len;
	uint64_t file_off;
	bool zeros;			/* the place reads as zeros already */
	struct vhd_fill fill[VHD_TICKET_FILLS];
	uint32_t fill_count;
	/* private */
	struct vhd_busy *busy;
	struct vhd_ticket *next;
	uint32_t from_sec, to_sec;	/* to be marked */
	bool whole;
	bool held;			/* who will end it is not waited for */
	bool filling;			/* others wait until this is over */
};

/*
 * A home for the beginning of [off, off + len), within one block.  If
 * @fill_count is not 0 the caller copies those bytes at once and then calls
 * vhd_writer_filled(), or ends the ticket if it cannot.  Inside
 * vhd_writer_enter().
 *
 * @held: the ticket ends when somebody else decides, not soon by itself.
 * VHD_E_BUSY: see ticket.c.
 */
int vhd_writer_begin(struct vhd_writer *w, uint64_t off, uint64_t len,
		     bool held, struct vhd_ticket *t, struct vhd_error *err);
void vhd_writer_filled(struct vhd_writer *w, struct vhd_ticket *t);
/* @ok: all of the bytes are there.  Always ends the ticket. */
int vhd_writer_end(struct vhd_writer *w, struct vhd_ticket *t, bool ok,
		   struct vhd_error *err);

/* *@done_out: [blk * block_size, end of block or disk) is zeros now. */
int vhd_writer_unmap(struct vhd_writer *w, uint64_t blk, enum vhd_unmap how,
		     bool *done_out, struct vhd_error *err);

/* What a block is.  Changes nothing, not even as a first touch. */
int vhd_writer_look(struct vhd_writer *w, uint64_t blk, struct vhd_blk *out,
		    struct vhd_error *err);

/*
 * Moves a block whose place ends behind @limit to free space before it
 * (VHD-W-8, VHDX-CMP-01).  *@moved_out: it did; false when the block lies before
 * @limit, has no space or finds none: then nothing has been changed, and it is
 * no first touch either.  The old space is free after a commit.  Nobody else may
 * use the image meanwhile.
 */
int vhd_writer_move(struct vhd_writer *w, uint64_t blk, uint64_t limit,
		    bool *moved_out, struct vhd_error *err);

int vhd_writer_commit(struct vhd_writer *w, enum vhd_commit mode,
		      struct vhd_error *err);

#endif
