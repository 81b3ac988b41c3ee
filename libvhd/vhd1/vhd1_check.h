/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHD1_CHECK_H
#define VHD_VHD1_CHECK_H

/*
 * A check in progress; shared by the files that look at one thing each.  Memory
 * is bounded: no structure grows with the disk but the slots of
 * vhd1_place.c, and these up to a limit.
 */

#include "vhd1/vhd1_priv.h"

enum {
	VHD1_REPEATS = 20	/* findings of one rule before "and more" */
};

struct vhd1_checker {
	struct vhd1 *v;
	struct vhd_engine_check *req;
	const struct vhd_sink *sink;
	uint64_t said[VHD_RULE_COUNT];
	uint64_t pass;		/* passes over the table that are done */
	uint64_t passes;
	uint64_t entries;	/* that are in use */
};

/* Counts a finding of a rule that can break often; false after enough. */
bool vhd1_may_say(struct vhd1_checker *c, enum vhd_rule_idx rule);

/* How many findings of each rule were left out. */
void vhd1_say_more(const struct vhd1_checker *c);

/* Tells the progress callback; @done entries in this pass. */
int vhd1_check_tick(struct vhd1_checker *c, uint64_t done,
		    struct vhd_error *err);

/* vhd1_check_footer.c */
int vhd1_check_footer(struct vhd1_checker *c, struct vhd_error *err);
/* @now 0: nothing is. */
bool vhd1_time_is_future(uint32_t stamp, int64_t now);
/* Of a time in the future: does it make sense as Unix time (VHD-F-12)? */
bool vhd1_time_was_unix(uint32_t stamp, int64_t now);
bool vhd1_geometry_past_table(const struct vhd1 *v);
/* vhd1_check_header.c: header, table padding, locators. */
int vhd1_check_header(struct vhd1_checker *c, struct vhd_error *err);
/* For the header of a disk without a parent. */
bool vhd1_header_has_parent(const struct vhd1_header *h);
/* Of a locator without a code. */
bool vhd1_locator_clean(const struct vhd1_locator *loc);
enum vhd1_room { VHD1_ROOM_OK, VHD1_ROOM_NONE, VHD1_ROOM_SHORT,
		 VHD1_ROOM_ODD };
enum vhd1_room vhd1_locator_room(const struct vhd1_locator *loc);
/* vhd1_check_blocks.c: each entry by itself. */
int vhd1_check_blocks(struct vhd1_checker *c, struct vhd_error *err);
/* vhd1_check_place.c: entries against each other. */
int vhd1_check_place(struct vhd1_checker *c, struct vhd_error *err);
/* vhd1_check_deep.c: what lies inside of blocks. */
int vhd1_check_deep(struct vhd1_checker *c, struct vhd_error *err);
/* vhd1_check_batmap.c */
int vhd1_check_batmap(struct vhd1_checker *c, struct vhd_error *err);

#endif
