/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IO_FAULT_H
#define VHD_IO_FAULT_H

/*
 * The fault wrapper: passes calls on until the one that is to fail.  A plan is
 * the caller's and may be changed between calls.
 */

#include "io/io.h"

enum {
	VHD_FAULT_READ = 1 << 0,
	VHD_FAULT_WRITE = 1 << 1,
	VHD_FAULT_FLUSH = 1 << 2,
	VHD_FAULT_SIZE = 1 << 3,	/* get_size, set_size */
	VHD_FAULT_ZERO = 1 << 4		/* zero_range, punch_hole */
};

struct vhd_fault_plan {
	uint32_t kinds;		/* which calls count and may fail */
	uint64_t fail_at;	/* the n-th such call fails; 0: none does */
	bool sticky;		/* all later ones fail as well */
	int os_errno;		/* with this errno; 0: EIO */
	size_t short_io;	/* transfers move at most so many bytes; 0: all */
	uint64_t limit;		/* writes past this size fail with ENOSPC; 0: off */
	uint64_t calls;		/* out: calls counted so far */
};

extern const struct vhd_io_ops vhd_fault_ops;
/*
 * Takes over @inner_handle, not @plan, which must live longer.  NULL when there
 * is no memory; @inner_handle is then closed.
 */
void *vhd_fault_new(const struct vhd_io_ops *inner, void *inner_handle,
		    struct vhd_fault_plan *plan);

#endif
