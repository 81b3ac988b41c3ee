/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHDX_RING_H
#define VHD_VHDX_RING_H

/* The log as a ring of sectors, and the sequence of entries that counts. */

#include "codec/vhdx_header.h"
#include "codec/vhdx_logent.h"
#include "io/io.h"

enum { VHDX_RING_WINDOW = 65536 };

struct vhdx_ring {
	struct vhd_io *io;
	uint64_t log_off;
	uint32_t log_len;
	struct vhd_guid log_guid;
	uint32_t win_off;		/* ring offset of what @win holds */
	bool win_valid;
	uint8_t win[VHDX_RING_WINDOW];
};

/* The entries to replay: from the tail to the head (VHDX-LOG-24). */
struct vhdx_ring_active {
	uint32_t tail_off;		/* ring offset of the first one */
	uint32_t entry_count;		/* 0: there is no valid sequence */
	uint64_t desc_count;
	struct vhdx_log_hdr head;
	uint32_t beyond;		/* whole ones with a higher number */
	bool reserved_set;		/* in any of them */
	bool blank;			/* the whole ring is zeros */
};

/* @h passed vhdx_header_check() and has a log. */
void vhdx_ring_init(struct vhdx_ring *ring, struct vhd_io *io,
		    const struct vhdx_header *h);

/* The sector at @ring_off; it stays valid until the next call. */
int vhdx_ring_sector(struct vhdx_ring *ring, uint32_t ring_off,
		     const uint8_t **sector_out, struct vhd_error *err);

/* Ring offset of the place @len bytes behind @ring_off. */
uint32_t vhdx_ring_step(const struct vhdx_ring *ring, uint32_t ring_off,
			uint64_t len);

/* Finds the sequence that counts (vhdx.md 13.3). */
int vhdx_ring_find(struct vhdx_ring *ring, struct vhdx_ring_active *out,
		   struct vhd_error *err);

#endif
