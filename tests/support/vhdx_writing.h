/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SUPPORT_VHDX_WRITING_H
#define TESTS_SUPPORT_VHDX_WRITING_H

/*
 * The VHDX engine over an image in memory that is written to, through its writer
 * and, where present bytes are overwritten, past it: what the image layer does,
 * for one file.  A parent, if there should be one, has the same byte everywhere.
 */

#include "support/vhdx_image.h"
#include "vhdx/vhdx_write.h"

enum { VHDX_WRITING_PARENT = 0x5a };

struct vhdx_writing {
	struct vhd_io *io;
	struct vhdx *x;			/* NULL: opening failed */
	struct vhd_writer *w;
	int rc;
	struct vhd_error err;
};

/* Opens a copy of @img; the result is in @t->rc. */
void vhdx_writing_begin(struct vhdx_writing *t, const struct vhdx_image *img);
/* Opens @io and takes it over. */
void vhdx_writing_begin_io(struct vhdx_writing *t, struct vhd_io *io);
/* Shuts and closes the engine, which must not fail; the file stays. */
void vhdx_writing_shut(struct vhdx_writing *t);
/* Opens the file once more. */
void vhdx_writing_again(struct vhdx_writing *t);
/* As vhdx_writing_shut(); the file must then be without worse findings. */
void vhdx_writing_shut_check(struct vhdx_writing *t, enum vhd_severity worst);
static inline void vhdx_writing_shut_clean(struct vhdx_writing *t)
{
	vhdx_writing_shut_check(t, VHD_SEV_INFO);
}
/* The file goes, and the engine if it is still there. */
void vhdx_writing_end(struct vhdx_writing *t);

/* Guest bytes; the first failure. */
int vhdx_writing_fill(struct vhdx_writing *t, uint64_t off, uint64_t len,
		      uint8_t byte);
/* A byte of the guest. */
uint8_t vhdx_writing_byte(struct vhdx_writing *t, uint64_t off);
/* Do all bytes have that value? */
bool vhdx_writing_is(struct vhdx_writing *t, uint64_t off, uint64_t len,
		     uint8_t byte);
/* The whole block, by its number; must not fail. */
void vhdx_writing_unmap(struct vhdx_writing *t, uint64_t blk,
			enum vhd_unmap how);
void vhdx_writing_commit(struct vhdx_writing *t, enum vhd_commit mode);

/* What the table says of an entry, as readers see it. */
uint64_t vhdx_writing_entry(struct vhdx_writing *t, uint64_t idx);
uint64_t vhdx_writing_file_size(const struct vhdx_writing *t);
/* A byte of the file. */
uint8_t vhdx_writing_raw(const struct vhdx_writing *t, uint64_t off);

#endif
