/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_COMPARE_SIDE_H
#define VHD_OPS_COMPARE_SIDE_H

/* One of two disks that are walked side by side: where its bytes are. */

#include "image/image_priv.h"

enum { VHD_COMPARE_EXTENTS = 64 };

/* A run of guest bytes that lies in one piece, or is zeros. */
struct vhd_compare_piece {
	uint64_t len;
	const struct vhd_layer *layer;	/* NULL: zeros */
	uint64_t file_off;
};

struct vhd_move;

struct vhd_compare_side {
	struct vhd_image *img;
	uint8_t *buf;
	uint64_t limit;			/* nobody asks beyond */
	/* Extents that were looked up; the ones before @next lie behind. */
	struct vhd_extent ext[VHD_COMPARE_EXTENTS];
	size_t count, next;
	struct vhd_move *move;		/* keeps them true */
	/* What a file was last found to hold: a hole, then data. */
	const struct vhd_layer *asked;
	uint64_t hole_off, data_off, data_end;
	uint64_t read_bytes;		/* counted up */
};

/* A buffer of @room bytes; ended with vhd_compare_side_close() in any case. */
int vhd_compare_side_open(struct vhd_compare_side *s, struct vhd_image *img,
			  size_t room, struct vhd_error *err);
void vhd_compare_side_close(struct vhd_compare_side *s);

/*
 * The piece at @off, cut at @end, which is behind it.  Behind the end of the
 * disk there are zeros.
 */
int vhd_compare_side_look(struct vhd_compare_side *s, uint64_t off,
			  uint64_t end, struct vhd_compare_piece *out,
			  struct vhd_error *err);

/*
 * The bytes of a range that fits in the buffer.  *@bytes_out is NULL when they
 * are zeros and that was known without reading.
 */
int vhd_compare_side_read(struct vhd_compare_side *s, uint64_t off, size_t len,
			  const uint8_t **bytes_out, struct vhd_error *err);

/* The same bytes of the same file: they need not be read to be compared. */
bool vhd_compare_piece_same(const struct vhd_compare_piece *a,
			    const struct vhd_compare_piece *b);

#endif
