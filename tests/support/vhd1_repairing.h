/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEST_VHD1_REPAIRING_H
#define TEST_VHD1_REPAIRING_H

/* Repairs of images in memory, in place, and what a guest reads of them. */

#include "support/vhd1_image.h"

struct vhd1_owner {
	/* Up to eight of "RULE" or "RULE=word"; "all". */
	const char *allow[8];
	bool salvage;
	uint64_t disk_size;
	const struct vhd_engine_parent *parent;
	const uint64_t *drop;
	size_t drop_count;
	/* Out: steps of all rounds. */
	unsigned granted, possible;
	const char *first;		/* rule of the first granted step */
	char said[256];			/* and its message */
	/* Set by the run. */
	struct vhd_io *io;
	unsigned round;
};

/* Repairs until a round makes no granted step.  At most 50 rounds. */
void vhd1_repair_all(struct vhd_io *io, struct vhd1_owner *o);

/* A copy of the file, or of another state of it. */
struct vhd_io *vhd1_image_copy(struct vhd_io *io);
bool vhd1_image_same(struct vhd_io *a, struct vhd_io *b);

/* What a guest reads, 512 bytes at a time.  NULL when it does not open. */
struct vhd1_disk {
	uint64_t sectors;
	uint8_t *data;
	uint8_t *kind;			/* enum vhd_run_kind, or LOST */
};
enum { VHD1_DISK_LOST = 255 };
struct vhd1_disk *vhd1_disk_read(struct vhd_io *io);
void vhd1_disk_free(struct vhd1_disk *d);
/* Does all that @a could read read the same in @b? */
bool vhd1_disk_kept(const struct vhd1_disk *a, const struct vhd1_disk *b);

#endif
