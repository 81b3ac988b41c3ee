/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHD1_REPARENT_H
#define VHD_VHD1_REPARENT_H

/* A child that is getting another parent. */

#include "vhd1/vhd1_build.h"
#include "vhd1/vhd1_priv.h"

struct vhd1_turn {
	struct vhd1 *v;
	struct vhd1_builder *b;		/* the new names, and the new header */
	const struct vhd_engine_parent *parent;
	bool xen;			/* no name behind a block */
	uint64_t home;			/* of the header, in the end */
	/* Of each name, in the end; 0: it stays in the room. */
	uint64_t place[VHD1_BUILD_LOCATORS];
	uint64_t blocks_from;		/* of the first block; the footer's */
	uint64_t blocks_to;		/* end of the last; 0: there is none */
	uint64_t room;			/* for all that is new */
	uint64_t room_len;
	bool grown;			/* it was made behind the old footer */
	uint64_t away;			/* of the header, in between */
	uint64_t tail;			/* of the trailing footer, in the end */
};

/* vhd1_reparent_place.c: decides about @home, and about @place and @tail. */
void vhd1_turn_home(struct vhd1_turn *t);
int vhd1_turn_places(struct vhd1_turn *t, struct vhd_error *err);
/* Does something that is there, or will be, lie in these bytes? */
bool vhd1_turn_taken(const struct vhd1_turn *t, uint64_t off, uint64_t len);

/* vhd1_reparent_room.c: decides about @room, and makes it on a file. */
int vhd1_turn_room(struct vhd1_turn *t, struct vhd_error *err);

#endif
