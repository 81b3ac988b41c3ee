/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_XEN_GROW_H
#define VHD_XEN_GROW_H

/*
 * A disk that becomes larger, in the layout that Xen's tools count on: the batmap
 * right behind the table, its map right behind that, then what the parent is
 * called, then blocks (VHD-R-9).
 *
 *	look	what the image is; the engine is open for reading meanwhile
 *	plan	where everything will be; all refusals
 *	write	the work, in place, by the plan alone
 *
 * Nothing but the plan's few numbers is in memory: the old bytes of what is
 * overwritten come out of the journal.
 */

#include "xen/xen_journal.h"

#include "codec/vhd1_batmap.h"
#include "codec/vhd1_footer.h"
#include "codec/vhd1_header.h"

enum {
	XEN_MOVES = 16,		/* there are four at the most of 2 MiB */
	XEN_PAGE = 4096		/* the data of blocks begins at such a border */
};

struct xen_move {
	uint64_t blk;
	uint64_t from, to;	/* of the bitmap */
};

/* Structures, one after the other. */
struct xen_layout {
	uint32_t entries;
	uint64_t batmap_off;	/* 0: there is none */
	uint64_t map_off;
	uint32_t map_sectors;
	uint64_t locator_off[VHD1_LOCATORS];	/* 0: stays where it is */
	uint64_t end;
};

struct xen_grow {
	struct vhd_io *io;
	bool device;

	/* What there is. */
	uint64_t file_size;
	uint64_t tail_off;	/* of the trailing footer, or where it belongs */
	bool mend;		/* the footers are not both as they should be */
	struct vhd1_footer footer;
	struct vhd1_header hdr;
	uint32_t bitmap_len;
	bool has_batmap;
	struct vhd1_batmap batmap;
	uint64_t batmap_off;
	uint64_t map_valid;	/* bytes of the map that count */
	uint64_t disk;		/* bytes of it */
	uint64_t meta_end;	/* of what lies in front of all blocks */
	uint64_t data_end;	/* of everything */

	/* What there will be. */
	uint64_t size;
	struct xen_layout to;
	bool recast;		/* the table gets more entries */
	bool longer;		/* so many that what lies behind it moves */
	struct xen_move move[XEN_MOVES];
	size_t moves;
	uint64_t new_tail;
};

/* Bytes of a block with its bitmap. */
static inline uint64_t xen_stride(const struct xen_grow *g)
{
	return (uint64_t)g->bitmap_len + g->hdr.block_size;
}

/* A locator that has a text, which lies in the file. */
bool vhd_xen_locator_real(const struct xen_grow *g, size_t i);
/* Bytes that it has in the new layout. */
uint64_t vhd_xen_locator_room(const struct xen_grow *g, size_t i);

/*
 * xen_grow_look.c, xen_grow_plan.c: fill @g for a disk of @size bytes, which are
 * rounded up to blocks.  With @longer the table may grow.  @g->size is what the
 * disk has already when nothing is to be done.  The file is not changed.
 */
int vhd_xen_grow_look(struct vhd_io *io, struct xen_grow *g, uint64_t size,
		  bool longer, struct vhd_error *err);
struct vhd1;
int vhd_xen_grow_plan(struct vhd1 *v, struct xen_grow *g, struct vhd_error *err);

/* xen_grow_note.c: what the journal has to hold. */
int vhd_xen_grow_note(const struct xen_grow *g, struct xen_journal *j,
		  struct vhd_error *err);

/* xen_grow_write.c: each step is durable when it returns. */

/* Both footers as the one that counts says. */
int vhd_xen_grow_mend(struct xen_grow *g, struct vhd_error *err);
/* Bits of the map that the larger disk would make count are clear. */
int vhd_xen_grow_map(const struct xen_grow *g, struct vhd_error *err);
/* Blocks in the way are at their new places too; the file is long enough. */
int vhd_xen_grow_move(const struct xen_grow *g, struct vhd_error *err);
/* Table, batmap, locators, header. */
int vhd_xen_grow_recast(const struct xen_grow *g, const struct xen_journal *j,
		    struct vhd_error *err);
/*
 * Both footers have the new size and no mark.  @front_first: while they were
 * marked the last one says whether the image is whole; else VHD-W-10.
 */
int vhd_xen_grow_footers(const struct xen_grow *g, bool front_first,
		     struct vhd_error *err);

#endif
