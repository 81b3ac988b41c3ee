/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_COMPARE_WALK_H
#define VHD_OPS_COMPARE_WALK_H

/*
 * Walking two disks side by side, for who compares them and for who makes one
 * like the other: what differs, with the bytes of both, and no byte read that
 * need not be.
 *
 *	struct vhd_compare_walk w = { .a = old, .b = new, .differ = store, ... };
 *
 *	rc = vhd_compare_begin(&w, err);
 *	while (!rc && ...)
 *		rc = vhd_compare_range(&w, off, len, err);
 *	vhd_compare_end(&w);
 *
 * Ranges may be any, ascending ones are best.  A disk that is shorter has zeros
 * behind its end.
 */

#include "ops/compare_side.h"

struct vhd_compare_walk {
	/* To be filled in. */
	struct vhd_image *a, *b;
	/* A power of two from 512 to 1 MiB; 0: 4096.  What is told of begins
	 * and ends on multiples of it, or where the range does. */
	uint64_t granule;
	/*
	 * [off, off + len) differs.  @a and @b are the bytes of the two, NULL
	 * where they are all zeros and that was known without reading; they
	 * are not kept.  0 goes on, anything else ends the walk with it.
	 * May be NULL.
	 */
	int (*differ)(void *arg, uint64_t off, uint64_t len, const uint8_t *a,
		      const uint8_t *b, struct vhd_error *err);
	/* The walk has come to @off; the same about what is returned. */
	int (*reached)(void *arg, uint64_t off, struct vhd_error *err);
	void *arg;

	/* Counted up. */
	uint64_t same_bytes;		/* the same bytes of the same file */
	uint64_t zero_bytes;		/* zeros in both, known as such */
	uint64_t differing;
	uint64_t first;			/* to the byte, or VHD_NO_OFFSET */

	struct vhd_compare_side sa, sb;
};

int vhd_compare_begin(struct vhd_compare_walk *w, struct vhd_error *err);
int vhd_compare_range(struct vhd_compare_walk *w, uint64_t off, uint64_t len,
		      struct vhd_error *err);
/* Also after a begin that failed.  What was counted stays. */
void vhd_compare_end(struct vhd_compare_walk *w);

/* Bytes read of both. */
uint64_t vhd_compare_read_bytes(const struct vhd_compare_walk *w);

#endif
