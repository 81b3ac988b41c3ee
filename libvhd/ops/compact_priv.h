/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_COMPACT_PRIV_H
#define VHD_OPS_COMPACT_PRIV_H

/* What the parts of compacting share; see compact.c. */

#include "image/change.h"
#include "ops/compact.h"

enum {
	COMPACT_BUFFER = 256 << 10,	/* fits a processor's cache */
	COMPACT_PROBE = 64 << 10,	/* most blocks show their data at once */
	/* Ranges of one block that are remembered; smaller ones are forgotten. */
	COMPACT_RANGES = 1024
};

/* Guest bytes [off, end). */
struct compact_range {
	uint64_t off, end;
};

/**
 * struct compact - a run
 *
 * @dry:     nothing is changed
 * @child:   there is a parent
 * @begun:   the file was, or is about to be, changed
 * @walked:  all blocks have been dealt with; from here on nothing changes that a
 *           guest sees
 * @kept_id: the image keeps its identity through the first change
 * @no_holes: the file's space cannot be given back in parts
 * @ranges:  of block @next, that nobody uses: @count of them, in order
 * @next:    the first block that has not been dealt with
 * @kept:    blocks that stay
 * @freed:   bytes of the file's present usage that go (dry runs)
 */
struct compact {
	struct vhd_image *img;
	const struct vhd_compact_opts *opts;
	struct vhd_compact_result *res;
	struct vhd_io *io;
	uint64_t block_size;
	uint64_t blocks;
	bool dry, child, walked, begun, kept_id, no_holes;
	struct compact_range *ranges;
	size_t count;
	uint64_t next;
	uint64_t kept;
	uint64_t freed;
	uint8_t *buf, *below;		/* COMPACT_BUFFER each */
};

/* What the used parts of a block show, and by what it can be replaced. */
enum compact_worth {
	COMPACT_KEEP,
	COMPACT_ZEROS,
	COMPACT_BELOW
};

/* compact_look.c: @ranges of the block do not count. */
int vhd_compact_worth(struct compact *c, uint64_t blk,
		      enum compact_worth *worth_out, struct vhd_error *err);

/* compact_drop.c */
int vhd_compact_drop(struct compact *c, uint64_t blk, enum vhd_unmap how,
		     bool *done_out, struct vhd_error *err);
/* Gives the file's space below unused guest bytes back, as far as that is worth
 * it; they may read as zeros afterwards. */
int vhd_compact_punch(struct compact *c, uint64_t off, uint64_t end,
		      struct vhd_error *err);
/* What changes next, changes no byte that a guest sees: children stay valid. */
int vhd_compact_keep_id(struct compact *c, struct vhd_error *err);
/* Before the first change. */
int vhd_compact_begin(struct compact *c, struct vhd_error *err);

/* compact_walk.c: all blocks, in order. */
int vhd_compact_walk(struct compact *c, struct vhd_error *err);

/* compact_room.c */
int vhd_compact_estimate(struct compact *c, struct vhd_error *err);
/* The file is longer than what is in it. */
int vhd_compact_hangs(struct compact *c, bool *yes_out, struct vhd_error *err);

/* compact_pack.c; the first of them before any block is given up. */
int vhd_compact_announce(struct compact *c, struct vhd_error *err);
int vhd_compact_pack(struct compact *c, struct vhd_error *err);

static inline uint64_t compact_end_of(const struct compact *c, uint64_t blk)
{
	uint64_t start = blk * c->block_size;

	return c->img->size - start < c->block_size ? c->img->size
						    : start + c->block_size;
}

int vhd_compact_tell(const struct compact *c, uint64_t done, uint64_t total,
		     struct vhd_error *err);

#endif
