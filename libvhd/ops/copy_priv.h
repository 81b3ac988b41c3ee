/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_COPY_PRIV_H
#define VHD_OPS_COPY_PRIV_H

/* Shared by the files of the copy engine. */

#include "image/image_priv.h"
#include "ops/copy.h"

enum {
	/*
	 * As large as a second-level cache likes: larger ones fall out of it
	 * between the read, the scan and the write.
	 */
	COPY_BUFFER = 512 << 10,
	COPY_GRAIN = 4096,	/* zeros are found by so many bytes */
	COPY_EXTENTS = 64,
	COPY_CHUNKS = 64,
	COPY_SHARERS = 512,	/* layers that are asked whether they share */
	COPY_KNOWN = 64,	/* layers, of deeper chains less is remembered */
	COPY_RUNS = COPY_BUFFER / COPY_GRAIN + 3 * COPY_CHUNKS,
	/* Blocks are no smaller than a grain. */
	COPY_SPOTS = COPY_RUNS + COPY_BUFFER / COPY_GRAIN + 2
};

enum vhd_chunk_kind {
	VHD_CHUNK_ZERO,
	VHD_CHUNK_STORED,	/* at file_off of io */
	VHD_CHUNK_LOST		/* nobody knows; see struct vhd_cutter */
};

struct vhd_chunk {
	enum vhd_chunk_kind kind;
	struct vhd_io *io;
	uint64_t file_off;
	uint64_t off;		/* in the disk */
	uint64_t len;
};

/* Bytes of the disk that are alike: data in memory, or zeros. */
struct vhd_copy_span {
	uint64_t off;
	uint64_t len;
	const uint8_t *bytes;	/* NULL: zeros */
};

/* Bytes on their way into the target's file. */
struct vhd_spot {
	uint64_t file_off;
	uint64_t len;
	const uint8_t *bytes;
};

/* What one thread does at once; stored bytes fit its buffer. */
struct vhd_piece {
	struct vhd_chunk chunk[COPY_CHUNKS];
	size_t chunks;
	uint64_t stored;	/* bytes of the chunks that are stored */
	uint64_t length;	/* of all of them */
	uint64_t ahead;		/* stored bytes that follow without a gap */
	bool shared;		/* one chunk, of any length, to be shared */

	uint8_t *buf;
	struct vhd_copy_span span[COPY_RUNS];
	size_t spans;
	struct vhd_spot spot[COPY_SPOTS];
	size_t spots;
	uint64_t sum;
};

/* [off, end) of the file is stored. */
struct vhd_copy_known {
	const struct vhd_io *io;
	uint64_t off, end;
	uint64_t asked;		/* for the first stretch from here on */
};

/* Makes pieces of what the feed gives. */
struct vhd_cutter {
	const struct vhd_copy *copy;
	struct vhd_extent ext[COPY_EXTENTS];
	size_t count, now;
	uint64_t pos;		/* so much of ext[now] is done */
	struct vhd_copy_known known[COPY_KNOWN];	/* by layer */
	uint64_t missing;
	uint64_t share[COPY_SHARERS / 64];	/* a bit for each layer that may */
	uint64_t plain;		/* so many bytes are not to be shared */
	/* the default feed: */
	uint64_t next;
	uint64_t unit;		/* with losses: smallest block of a layer */
	struct vhd_error why;	/* of a chunk that is lost */
};

/* copy_cut.c */
int vhd_cutter_init(struct vhd_cutter *c, const struct vhd_copy *copy,
		    struct vhd_error *err);
/* Is there a layer that may share its blocks with the target? */
bool vhd_cutter_shares(const struct vhd_cutter *c);
/* No chunks: there is nothing more. */
int vhd_cut(struct vhd_cutter *c, struct vhd_piece *p, struct vhd_error *err);
struct vhd_share_end;
/* The end of the last piece, which was to be shared, comes again. */
void vhd_cut_again(struct vhd_cutter *c, const struct vhd_share_end *end);
/* A failure of the source that is a loss. */
bool vhd_copy_is_loss(const struct vhd_copy *copy, int rc);

/* copy_feed.c: extents of a disk, front to back. */
int vhd_feed_disk(struct vhd_cutter *c, size_t *n_out, struct vhd_error *err);
/*
 * After that has failed with a loss: an extent after all, or *@lost_out bytes at
 * c->next that are lost because of c->why.
 */
int vhd_feed_past(struct vhd_cutter *c, size_t *n_out, uint64_t *lost_out,
		  struct vhd_error *err);

/* copy_piece.c */
struct vhd_piece *vhd_piece_new(void);
void vhd_piece_free(struct vhd_piece *p);
int vhd_piece_read(const struct vhd_copy *copy, struct vhd_piece *p,
		   struct vhd_error *err);
void vhd_piece_scan(const struct vhd_copy *copy, struct vhd_piece *p);

/* What is handed out in the order of the feed, and how far that is. */
struct vhd_giver {
	const struct vhd_copy *copy;
	struct vhd_copy_result result;
	uint64_t done;
	uint64_t runs;		/* of data */
	/* the place that was asked for last: */
	uint64_t place_off;
	uint64_t place_len;
	uint64_t place_file;
	bool reach;		/* the file is to be made long enough first */
	/* space that was asked for ahead of data: */
	bool reserve;
	uint64_t dense;		/* bytes of data since the last zeros */
	uint64_t reserve_off;	/* in the file */
	uint64_t reserve_end;
};

/* copy_give.c: in order, one thread at a time. */
int vhd_give(struct vhd_giver *g, struct vhd_piece *p, struct vhd_error *err);
int vhd_give_tell(struct vhd_giver *g, uint64_t len, struct vhd_error *err);
/* Where @off is to go; @len is cut to what is in one piece there. */
int vhd_give_place(struct vhd_giver *g, uint64_t off, uint64_t *file_off_out,
		   uint64_t *len, struct vhd_error *err);
/* By any thread. */
int vhd_give_write(const struct vhd_copy *copy, const struct vhd_piece *p,
		   struct vhd_error *err);

struct vhd_share_end {
	uint64_t left;		/* bytes at the end that were not shared */
	uint64_t plain;		/* so many of them are to be copied */
	bool never;		/* and so is everything from now on */
};

/* copy_share.c */
int vhd_give_share(struct vhd_giver *g, struct vhd_piece *p,
		   struct vhd_share_end *end, struct vhd_error *err);

/* copy_lost.c: one piece of a damaged source. */
int vhd_give_salvaged(struct vhd_giver *g, const struct vhd_cutter *c,
		      struct vhd_piece *p, struct vhd_error *err);

/* copy_team.c: all that is left, by copy->threads threads. */
int vhd_copy_team(struct vhd_cutter *c, struct vhd_giver *g,
		  struct vhd_error *err);

#endif
