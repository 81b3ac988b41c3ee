/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_FUZZ_FUZZ_EDIT_H
#define TESTS_FUZZ_FUZZ_EDIT_H

/* What the builders do not make, added to an image that they made. */

#include "io/io.h"

/* VHD: block 0 holds every third sector only. */
void fuzz_edit_vhd_partial(struct vhd_io *io);
/* VHD: the batmap says that block 0 is full, with a right checksum. */
void fuzz_edit_vhd_batmap(struct vhd_io *io);
/* VHDX: blocks 4 to 7 zero, unmapped, undefined, unmapped with space. */
void fuzz_edit_vhdx_states(struct vhd_io *io);
/* VHDX: block 0 partially present, with a sector bitmap, 3 there, 4 zero. */
void fuzz_edit_vhdx_partial(struct vhd_io *io);
/* VHDX: a pending log of three entries; the second one wraps the ring. */
void fuzz_edit_vhdx_log(struct vhd_io *io);
/* VHDX: the same, with entries that grow the file. */
void fuzz_edit_vhdx_log_grow(struct vhd_io *io);

/* How the image in @io describes itself. */
void fuzz_edit_info(struct vhd_io *io, struct vhd_info *out);

#endif
