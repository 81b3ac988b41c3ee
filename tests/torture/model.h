/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_TORTURE_MODEL_H
#define TESTS_TORTURE_MODEL_H

/*
 * A disk beside the bytes it has to hold.  Places are counted in the windows of
 * the disk (torture_image.h).  What a move is under way for is left alone until
 * it ends.
 */

#include "torture/torture_image.h"

enum { MODEL_MOVES = 4 };

struct model_range {
	uint64_t at, len;
};

/*
 * Bytes that are moved by the caller.  When that failed, and others were moved
 * to the same block, nobody knows what is there before those have ended.
 */
struct model_move {
	struct vhd_move *move;		/* NULL: it has failed */
	struct model_range r;
	uint8_t *bytes;			/* that were written there; NULL: free */
	bool crossed;			/* by somebody who wrote there too */
};

struct model {
	struct torture_shape shape;
	struct torture_parent parent;
	struct torture_file *file;
	struct torture_file *copy;
	struct vhd_image *img;
	uint32_t flags;			/* of the open */
	uint8_t *bytes;
	uint64_t used;			/* of them */
	struct model_move move[MODEL_MOVES];
	uint64_t rng, step;
	bool verbose;
};

/* model_util.c */
uint64_t model_below(struct model *m, uint64_t limit);
uint64_t model_guest(const struct model *m, uint64_t at);
void model_say(const struct model *m, const char *what, struct model_range r);
/* Is anything under way there? */
bool model_busy(const struct model *m, struct model_range r);
bool model_any_busy(const struct model *m);
/*
 * Is @rc what such a write may get?  A part of a sector cannot become the
 * image's own while a move does something to its unit of a bitmap.
 */
bool model_refused(const struct model *m, struct model_range r, int rc);
uint8_t *model_fresh_bytes(struct model *m, uint64_t len);
/* The disk holds what it has to there. */
void model_see(struct model *m, struct model_range r, const char *when);
/* Each byte is the old one or that of @fresh (NULL: 0): so be it. */
void model_settle(struct model *m, struct model_range r, const uint8_t *fresh);
/* Told of each extent: where in the windows, and what. */
typedef void (*model_extent_fn)(struct model *m, struct model_range r,
				const struct vhd_extent *e);
void model_each_extent(struct model *m, struct model_range r,
		       model_extent_fn fn);
bool model_is_stored(const struct vhd_extent *e);
/* A discard takes what this image says, not what its parent shows. */
void model_discard_extent(struct model *m, struct model_range r,
			  const struct vhd_extent *e);

/* Any bytes of a window, up to @most; whole blocks. */
struct model_range model_range(struct model *m, uint64_t most);
struct model_range model_blocks(struct model *m);

void model_open(struct model *m);
/* Ends all moves; then looks at what is left, by check and by reading it. */
void model_close(struct model *m);

void model_write(struct model *m, struct model_range r);
void model_read(struct model *m, struct model_range r);
void model_discard(struct model *m, struct model_range r);
void model_zero(struct model *m, struct model_range r);
/* Discards or zeroes over several windows, and what is between them. */
void model_far(struct model *m);
void model_move(struct model *m, struct model_range r);
void model_move_end(struct model *m, unsigned which);
/* Discards or zeroes a block in spite of the moves in it. */
void model_cross(struct model *m);
/* Space that is being read stays as it is, whoever loses it meanwhile. */
void model_hold(struct model *m);
void model_flush(struct model *m);
void model_writeback(struct model *m);
/* The process is killed after a writeback. */
void model_kill(struct model *m);

#endif
