/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IMAGE_OWNERS_H
#define VHD_IMAGE_OWNERS_H

/*
 * What is remembered of a deep chain: for a page or a chunk of the disk, the
 * layer to begin with, because none above it has anything to say there; and for
 * a page, or a span of 16, where in the file of that layer it is.
 *
 * The layers it is about do not change while they are open, so an answer stays
 * true, and one that was forgotten costs a walk.  Four tables without chains,
 * locks or order: a word each for a chunk of 2 MiB, for four pages of 4 KiB, for
 * the place of a page, and for that of a span, found by the low bits of its
 * number and recognised by the high ones.  A word is read and written as one, so
 * that nobody ever sees half of one; of two that are written at once one is
 * lost, and found out again.
 */

#include <stdbool.h>
#include <stdint.h>

#define VHD_OWNERS_PAGE (UINT64_C(4) << 10)
#define VHD_OWNERS_SPAN (UINT64_C(64) << 10)
#define VHD_OWNERS_CHUNK (UINT64_C(2) << 20)

struct vhd_owners;

/*
 * For a disk of @size bytes, in @budget bytes of memory or less, of which only
 * what is used is really there.  NULL: no memory.
 */
struct vhd_owners *vhd_owners_new(uint64_t size, uint64_t budget);
/* NULL is fine. */
void vhd_owners_free(struct vhd_owners *o);

/* What is known of the chunk that @off lies in. */
struct vhd_owners_chunk {
	uint32_t layer;		/* to begin with */
	bool known;
	bool whole;		/* and it answers all of the chunk */
};
struct vhd_owners_chunk vhd_owners_chunk(const struct vhd_owners *o,
					 uint64_t off);
void vhd_owners_set_chunk(struct vhd_owners *o, uint64_t off, uint32_t layer,
			  bool whole);

/*
 * The layer to begin with for [off, off + *len), which becomes shorter where
 * that is known of the first pages only; false: it is not known at all.
 */
bool vhd_owners_pages(const struct vhd_owners *o, uint64_t off, uint64_t *len,
		      uint32_t *layer_out);
/* [off, off + len) is whole pages. */
void vhd_owners_set_pages(struct vhd_owners *o, uint64_t off, uint64_t len,
			  uint32_t layer);

/*
 * The place of [off, off + *len), which becomes shorter where that is known of
 * the first pages only; false: it is not known at all.
 */
bool vhd_owners_place(const struct vhd_owners *o, uint64_t off, uint64_t *len,
		      uint32_t *layer_out, uint64_t *file_off_out);
/* [off, off + len) is whole pages, in one piece at @file_off. */
void vhd_owners_set_places(struct vhd_owners *o, uint64_t off, uint64_t len,
			   uint32_t layer, uint64_t file_off);

#endif
