/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHD1_BUILD_H
#define VHD_VHD1_BUILD_H

/* A VHD that is being made; shared by the files that make it. */

#include "cache/pcache.h"
#include "codec/vhd1_footer.h"
#include "codec/vhd1_header.h"
#include "engine/engine.h"

/* A structure that finish() writes. */
struct vhd1_piece {
	uint8_t *bytes;		/* owned */
	size_t len;
	uint64_t off;
};

enum {
	VHD1_BUILD_LOCATORS = 3,
	VHD1_BUILD_ALIGN = 4096
};

struct vhd1_builder {
	struct vhd_io *io;
	struct vhd_pcache *pc;		/* over the table; NULL when fixed */
	struct vhd1_footer footer;
	struct vhd1_header hdr;
	bool xen;
	bool tight;			/* no space for longer names */
	bool keyed;
	struct vhd_key_hash key;
	uint64_t end;			/* of a device; 0: a file that grows */
	uint64_t table_end;		/* padding included */
	uint64_t meta_end;
	uint64_t next_off;		/* end of what is used so far */
	bool reach;			/* see vhd_io_overdoes() */
	uint32_t bitmap_len;
	unsigned block_shift;
	uint32_t align;			/* of data: 4096, or 512 */
	struct vhd1_piece locator[VHD1_BUILD_LOCATORS];
	size_t locator_count;
};

/* vhd1_plan.c: validates @what and fills everything but io and pc. */
int vhd1_plan(struct vhd1_builder *b, const struct vhd_build *what,
	      struct vhd_error *err);
/* First place at or behind @off for a block. */
uint64_t vhd1_block_place(const struct vhd1_builder *b, uint64_t off);

/* vhd1_relate.c: parent fields and locators of a differencing disk, from
 * @b->meta_end on, which it moves. */
int vhd1_relate(struct vhd1_builder *b, const struct vhd_build *what,
		struct vhd_error *err);
/* Does @v record its parent in just the way that @b would? */
struct vhd1;
bool vhd1_is_related(const struct vhd1 *v, const struct vhd1_builder *b);

#endif
