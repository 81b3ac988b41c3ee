/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHD1_COPIES_H
#define VHD_VHD1_COPIES_H

/* The two places of a footer, as they are found, before one is believed. */

#include "codec/vhd1_footer.h"
#include "io/io.h"

struct vhd1_copy {
	uint8_t raw[VHD1_FOOTER_LEN];
	struct vhd1_footer f;
	enum vhd1_seal seal;
	uint64_t off;
	bool old;		/* 511 bytes */
};

struct vhd1_copies {
	struct vhd1_copy front;
	struct vhd1_copy tail;
	uint64_t size;		/* of the file */
};

int vhd1_copies_load(struct vhd_io *io, uint64_t size,
		     struct vhd1_copies *out, struct vhd_error *err);

/*
 * VHD-X-24: nothing but 0xc7 or 0xff, as Xen leaves a footer while it has the
 * image open.
 */
bool vhd1_copy_killed(const struct vhd1_copy *c);

/* VHD-X-20: the mark of a resize, and a right checksum. */
bool vhd1_copy_poisoned(const struct vhd1_copy *c);

/*
 * Same footer?  Old Xen tools keep the hidden flag in the front copy only
 * (VHD-F-32): for them neither it nor the checksum is compared.
 */
bool vhd1_copies_same(const struct vhd1_copies *c);

#endif
