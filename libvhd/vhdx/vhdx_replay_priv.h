/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHDX_REPLAY_PRIV_H
#define VHD_VHDX_REPLAY_PRIV_H

/* What loading and reading an overlay share. */

#include "codec/vhdx_logent.h"
#include "vhd/error.h"

/* What one descriptor changes. */
struct vhdx_change {
	struct vhdx_log_desc desc;
	uint64_t data_off;	/* file offset of its data sector; 0: zeros */
	uint32_t order;		/* later wins */
};

/* A range of the file that reads differently: zeros, or part of a page. */
struct vhdx_piece {
	uint64_t off;
	uint64_t len;
	uint64_t data_off;	/* 0: zeros */
	uint8_t leading[8];
	uint8_t trailing[4];
};

struct vhdx_overlay {
	struct vhdx_piece *pieces;	/* ascending, disjoint */
	size_t piece_count;
	uint64_t file_size;
	uint64_t entry_count;
	uint64_t beyond;	/* whole entries that it does not hold */
	uint64_t change_count;
};

/* Fills the pieces of @ov; reorders @changes. */
int vhdx_overlay_settle(struct vhdx_overlay *ov, struct vhdx_change *changes,
			size_t count, struct vhd_error *err);

#endif
