/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEST_VHD1_RESHAPING_H
#define TEST_VHD1_RESHAPING_H

/*
 * An image in memory whose size and layout change, and what its disk has to
 * show: a byte for each sector.  A parent of so many bytes shows VHD1_BELOW.
 */

#include "support/base_rand.h"
#include "support/vhd1_writing.h"

struct vhd1_shape {
	struct vhd1_bench b;
	uint64_t rng;
	uint64_t size;
	uint64_t below;			/* bytes of the parent */
	uint64_t block;
	uint8_t *sector;		/* what each holds */
};

/* A sound image as @spec says, open for writing. */
void vhd1_shape_new(struct vhd1_shape *s, const struct vhd1_image_spec *spec,
		    uint64_t seed);
void vhd1_shape_end(struct vhd1_shape *s);

/* The image, which is closed, once more. */
void vhd1_shape_open(struct vhd1_shape *s);
/* Closes it; then the file is sound and shows what it should. */
void vhd1_shape_close(struct vhd1_shape *s);

/* One byte in a range of sectors. */
void vhd1_shape_write(struct vhd1_shape *s, uint64_t off, uint64_t len,
		      uint8_t byte);
/* Here and there, whole blocks as well. */
void vhd1_shape_scribble(struct vhd1_shape *s, unsigned count);
/* The blocks are to be given up, where the format can say what they show. */
void vhd1_shape_drop(struct vhd1_shape *s, uint64_t blk, bool must);

/* Resizes, closes, looks, and opens again. */
void vhd1_shape_resize(struct vhd1_shape *s, uint64_t size);

/* What @io, closed, shows is what it should, and a deep check finds no error. */
void vhd1_shape_expect(const struct vhd1_shape *s, struct vhd_io *io);

/* What a check says with this rule, in the file as it is. */
unsigned vhd1_shape_says(struct vhd1_shape *s, const char *rule);

#endif
