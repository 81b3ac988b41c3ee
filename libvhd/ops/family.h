/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_FAMILY_H
#define VHD_OPS_FAMILY_H

#include "image/image_priv.h"
#include "vhd/chain.h"

struct vhd_kinsman {
	struct vhd_member pub;
	char *path, *record, *why;	/* pub points at them */
	struct vhd_file_id file_id;
	struct vhd_guid want[2];	/* identities that it records */
	size_t want_count;
	bool raw_parent;
	char *found;			/* file that the record leads to */
	struct vhd_file_id found_id;
	struct vhd_kinsman *up;		/* the parent */
	size_t index;
	uint8_t mark;			/* while loops are looked for */
	bool nomem;			/* something of it is missing */
};

struct vhd_family {
	struct vhd_open_opts open;
	struct vhd_kinsman **all;
	size_t count, room;
	bool nomem, full;
};

/* One more member; @raw: it need not be an image.  False: no more of them. */
bool vhd_family_add(struct vhd_family *f, const char *path, bool raw);

/* family_look.c: NULL when there is no memory. */
struct vhd_kinsman *vhd_family_look(const char *path, bool raw,
				    const struct vhd_open_opts *open);
void vhd_kinsman_free(struct vhd_kinsman *k);

/* family_tie.c: finds the parents, and puts all in order. */
void vhd_family_tie(struct vhd_family *f);

#endif
