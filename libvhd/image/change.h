/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IMAGE_CHANGE_H
#define VHD_IMAGE_CHANGE_H

/*
 * For ops that reshape an image which is open for writing and which nobody else
 * uses: the engine's slots (engine/reshape.h) and the writer's blocks, with
 * errors that name the file.
 */

#include "image/image_priv.h"
#include "write/writer.h"

/* Payload blocks of the top layer, and their size; fixed VHD: one of them. */
uint64_t vhd_image_block_size(const struct vhd_image *img);
uint64_t vhd_image_blocks(const struct vhd_image *img);

/* Block @blk is given up; *@done_out false: the format has no word for it. */
int vhd_image_drop(struct vhd_image *img, uint64_t blk, enum vhd_unmap how,
		   bool *done_out, struct vhd_error *err);
/* What a block of the top layer is; changes nothing. */
int vhd_image_block_look(struct vhd_image *img, uint64_t blk,
			 struct vhd_blk *out, struct vhd_error *err);
/* The file is about to be changed: what comes with a first change is done. */
int vhd_image_touch(struct vhd_image *img, struct vhd_error *err);
/* Changes nothing where the block stays. */
int vhd_image_move_block(struct vhd_image *img, uint64_t blk, uint64_t limit,
			 bool *moved_out, struct vhd_error *err);

/* VHD_E_UNSUPPORTED where the engine has no such slot. */
int vhd_image_resize(struct vhd_image *img,
		     const struct vhd_engine_resize *req,
		     struct vhd_error *err);
/* Would vhd_image_set() refuse?  An image that is open for reading will do. */
int vhd_image_set_check(struct vhd_image *img, const struct vhd_attrs *what,
			struct vhd_error *err);
int vhd_image_set(struct vhd_image *img, const struct vhd_attrs *what,
		  struct vhd_error *err);
int vhd_image_identify(struct vhd_image *img, const struct vhd_guid *id,
		       struct vhd_error *err);
/* Nothing to do where the engine has no such slot. */
int vhd_image_link2(struct vhd_image *img, const struct vhd_guid *id,
		    struct vhd_error *err);
/* Changes nothing by itself. */
int vhd_image_pack(struct vhd_image *img, uint64_t *limit_out,
		   struct vhd_error *err);
int vhd_image_pack_rest(struct vhd_image *img, uint64_t limit,
			struct vhd_error *err);

/*
 * What layers [0, @upper) of the chain say of a range, as if the layers below
 * were not there: DATA (of *@layer_out, at run->file_off), ZERO, or PARENT for
 * what only layer @upper or one below it answers.  A layer's disk that ends
 * before an upper one's answers ZERO past its end (VHD-D-6, VHDX-RD-03).
 * [off, off + len) lies inside the disk.
 */
int vhd_image_upper_run(struct vhd_image *img, uint32_t upper, uint64_t off,
			uint64_t len, struct vhd_run *run_out,
			uint32_t *layer_out, struct vhd_error *err);

#endif
