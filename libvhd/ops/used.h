/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_USED_H
#define VHD_OPS_USED_H

#include "vhd/image.h"

/*
 * Where the last byte of [from, to) ends that is not zero; @from when all of
 * them are.  Zeros that the image knows of and holes of its files cost nothing,
 * and of stored bytes only those behind the last one are read.
 *
 * @progress counts the bytes of the range that are known to be zeros.
 */
int vhd_used_end(struct vhd_image *img, uint64_t from, uint64_t to,
		 vhd_progress_fn progress, void *progress_arg,
		 uint64_t *end_out, struct vhd_error *err);

#endif
