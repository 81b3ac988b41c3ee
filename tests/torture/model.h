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
/* Space that is being read stays as it is, whoever loses it meanwhile. */
void model_hold(struct model *m);
void model_flush(struct model *m);
void model_writeback(struct model *m);
/* The process is killed after a writeback. */
void model_kill(struct model *m);

#endif
