/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHD1_RESHAPE_H
#define VHD_VHD1_RESHAPE_H

/*
 * Changes of a VHD beyond what a guest can do (engine/reshape.h).
 *
 * All of them change structures that the writer takes for constant, so they work
 * past it: first everything that waits is made durable and its thread is sent
 * home (vhd1_still()), and those after which only closing is allowed end it.
 * What they share is a way to put new structures in the place of old ones
 * (vhd1_recast.c) and that each of their steps is over, flush included, before
 * the next one begins.
 */

#include "vhd1/vhd1_write.h"

/* Where the structures lie, and what moves along with them. */
struct vhd1_home {
	uint64_t data_off;		/* of the dynamic header */
	uint64_t table_off;
	uint32_t entries;
	uint64_t batmap_off;		/* of its header; 0: there is none */
	uint64_t map_off;
	uint32_t map_sectors;
	uint64_t locator_off[VHD1_LOCATORS];	/* 0: stays where it is */
	uint64_t end;			/* of what begins at the table */
};

/*
 * What a batmap is to say: what @given or, where that is NULL, what it says, but
 * for the blocks from @keep on and, if there is one, @but.
 */
struct vhd1_map_edit {
	uint64_t keep;
	uint64_t but;			/* VHD_NO_OFFSET: none */
	const uint8_t *given;
	uint64_t given_len;
};

/* The slots. */
int vhd1_identify(void *eng, const struct vhd_guid *id, struct vhd_error *err);
int vhd1_set_check(void *eng, const struct vhd_attrs *what,
		   struct vhd_error *err);
int vhd1_set(void *eng, const struct vhd_attrs *what, struct vhd_error *err);
int vhd1_resize(void *eng, const struct vhd_engine_resize *req,
		struct vhd_error *err);
int vhd1_pack(void *eng, uint64_t *limit_out, struct vhd_error *err);

/* vhd1_attrs.c */

/* The file was made ready, all is durable, and no thread of ours works on it. */
int vhd1_still(struct vhd1 *v, struct vhd_error *err);
/* The same for who goes past the writer: one that has nothing waiting does not
 * come to know of it, and need not be closed with a flush. */
int vhd1_ready(struct vhd1 *v, struct vhd_error *err);
/* Both footers become what @v->footer says, durably (VHD-W-10). */
int vhd1_footers_put(struct vhd1 *v, struct vhd_error *err);
/* Gives @f this size, and a geometry that does not hide a part of it. */
void vhd1_footer_resize(struct vhd1_footer *f, uint64_t size);

/*
 * vhd1_note.c: what is noted in the header of Xen's batmap, or beside the file.
 * make() decides, and refuses what may not be; put() stores it, durably.
 */
int vhd1_note_make(struct vhd1 *v, const struct vhd_attrs *what,
		   struct vhd1_batmap *out, struct vhd_error *err);
int vhd1_note_put(struct vhd1 *v, const struct vhd_attrs *what,
		  const struct vhd1_batmap *note, struct vhd_error *err);

/* vhd1_resize_fixed.c */
int vhd1_resize_fixed(struct vhd1 *v, uint64_t size, struct vhd_error *err);

/* vhd1_entry.c: past the cache and the writer; durable with the next flush. */
int vhd1_entry_store(struct vhd1 *v, uint64_t blk, uint32_t entry,
		     struct vhd_error *err);
/* Bits [from, to) of the bitmap at @at. */
int vhd1_bits_store(struct vhd1 *v, uint64_t at, uint64_t from, uint64_t to,
		    bool set, struct vhd_error *err);
/* Entries from @keep on become unused, durably; their space is free. */
int vhd1_entries_drop(struct vhd1 *v, uint64_t keep, struct vhd_error *err);
/* The same for those that the batmap does not show, for they may go alone. */
int vhd1_entries_drop_unmarked(struct vhd1 *v, struct vhd_error *err);

/* vhd1_vacate.c: [from, to) lies in front of the footer, and no block in it. */
int vhd1_vacate(struct vhd1 *v, uint64_t from, uint64_t to,
		const struct vhd_engine_resize *req, struct vhd_error *err);
/* Does some block lie before @off? */
int vhd1_block_before(struct vhd1 *v, uint64_t off, bool *yes_out,
		      struct vhd_error *err);

/* vhd1_edge.c: what a new end of the disk uncovers and covers. */
int vhd1_edge_cover(struct vhd1 *v, uint64_t size, struct vhd_error *err);
int vhd1_edge_wipe(struct vhd1 *v, uint64_t from, uint64_t to, uint64_t below,
		   struct vhd_error *err);
int vhd1_edge_hide(struct vhd1 *v, uint64_t from, uint64_t to,
		   struct vhd_error *err);

/* vhd1_recast.c: a table of @entries, durably; VHD-R-2, VHD-R-9. */
int vhd1_recast(struct vhd1 *v, uint32_t entries,
		const struct vhd_engine_resize *req, struct vhd_error *err);

/* vhd1_batmap_put.c */

/* Bytes of the map that count (VHD-X-7). */
uint64_t vhd1_batmap_valid(const struct vhd1 *v);
/* Would @e change anything? */
int vhd1_batmap_differs(struct vhd1 *v, const struct vhd1_map_edit *e,
			bool *yes_out, struct vhd_error *err);
/* In place, so that at each cut the map and its checksum are right. */
int vhd1_batmap_put(struct vhd1 *v, const struct vhd1_map_edit *e,
		    struct vhd_error *err);
/* Is the map elsewhere than behind its header?  vhd1_batmap_put() takes it back
 * where it can. */
bool vhd1_batmap_away(const struct vhd1 *v);
/* The map goes to @map_off, and its header to @hdr_off, durably with the next
 * flush; @out is the header. */
int vhd1_batmap_copy(struct vhd1 *v, const struct vhd1_map_edit *e,
		     uint64_t hdr_off, uint64_t map_off, uint32_t map_sectors,
		     struct vhd1_batmap *out, struct vhd_error *err);

#endif
