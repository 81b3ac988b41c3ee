/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IMAGE_WRITE_H
#define VHD_IMAGE_WRITE_H

/* The write path's own functions; what is public is in vhd/image.h. */

#include "image/image_priv.h"
#include "vhd/write.h"
#include "write/writer.h"

/* The image's writer, ready; or VHD_E_READONLY, VHD_E_POISONED, VHD_E_RANGE. */
int vhd_image_writer(struct vhd_image *img, uint64_t off, uint64_t len,
		     struct vhd_writer **w_out, struct vhd_error *err);

/* Zeros that count as written, even where zeros show without them: a VHD's bits
 * say so.  They take no space in the file where it can have holes. */
int vhd_image_store_zeroes(struct vhd_image *img, uint64_t off, uint64_t len,
			   struct vhd_error *err);

/* What layer 0 itself says of the beginning of the range. */
int vhd_image_own_run(struct vhd_image *img, uint64_t off, uint64_t len,
		      struct vhd_run *out, struct vhd_error *err);

/* vhd_writer_begin(), with the copies from below that it asks for. */
int vhd_image_ticket(struct vhd_image *img, struct vhd_writer *w, uint64_t off,
		     uint64_t len, bool held, struct vhd_ticket *t,
		     struct vhd_error *err);

#endif
