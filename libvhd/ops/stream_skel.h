/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_STREAM_SKEL_H
#define VHD_OPS_STREAM_SKEL_H

/*
 * An image without its data: everything that an engine's builder writes, to be
 * read front to back.
 *
 *	new    ->  place, guest bytes ascending  ->  seal  ->  read, find
 *
 * What lies before the first block (headers, tables) is in a nameless file.
 * What is written behind that while blocks are placed is the same few bytes
 * again and again, one distance apart (a VHD's bitmaps), and once others at the
 * end (its footer): that is kept as marks, "these bytes, so many times, so far
 * apart", and so memory does not grow with the disk.  No format is known here;
 * a builder that did otherwise would be refused.
 */

#include "ops/plan.h"

struct vhd_skel;

enum { VHD_SKEL_PIECE = 65536 };

/* @plan must outlive it; space is not reserved, whatever it says. */
int vhd_skel_new(const struct vhd_plan *plan, const char *temp_dir,
		 struct vhd_skel **skel_out, struct vhd_error *err);
void vhd_skel_free(struct vhd_skel *s);

/* As the builder's; before seal().  Where that can be told without, with no
 * block to make, it need not be called. */
int vhd_skel_place(struct vhd_skel *s, uint64_t off, uint64_t *file_off_out,
		   uint64_t *len_out, struct vhd_error *err);

/* All is placed; from now on nothing changes.  *@total_out: length of the
 * image. */
int vhd_skel_seal(struct vhd_skel *s, uint64_t *total_out,
		  struct vhd_error *err);

/* After seal(): as place(); *@file_off_out is the total where nothing was
 * placed. */
int vhd_skel_find(struct vhd_skel *s, uint64_t off, uint64_t *file_off_out,
		  uint64_t *len_out, struct vhd_error *err);

/*
 * What lies at @off of the image: at most @end - @off bytes of it, at least
 * one, at most VHD_SKEL_PIECE into @buf unless *@zero_out says that all are
 * zeros (and @buf is as it was).  Data of the guest is zeros.  @off never goes
 * back.
 */
int vhd_skel_read(struct vhd_skel *s, uint64_t off, uint64_t end, void *buf,
		  uint64_t *len_out, bool *zero_out, struct vhd_error *err);

#endif
