/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IO_SHARE_H
#define VHD_IO_SHARE_H

/*
 * Bytes of one file that become bytes of another without passing through us:
 * shared blocks, or a copy that a server makes.
 */

#include "io/io.h"

enum vhd_share {
	VHD_SHARE_DONE = 0,	/* the first *done_out bytes, at least one */
	VHD_SHARE_NOT_HERE = 1,	/* not these: copy some, then ask again */
	VHD_SHARE_NEVER = 2	/* not between these two files: do not ask again */
};

/* Below this, copying is as fast, and does not leave a file in small pieces. */
enum { VHD_SHARE_LEAST = 16 << 10 };

/* Is it any use to ask?  Changes nothing. */
bool vhd_io_may_share(const struct vhd_io *dst, const struct vhd_io *src);

/*
 * Gives @dst at @dst_off the first *@done_out of @len bytes of @src at @src_off.
 * What is done is as if it had been read and written: @dst grows as needed, and
 * later changes of one file do not show in the other.
 *
 * One call is one step of some MiB, so that somebody can cancel between two: with
 * VHD_SHARE_DONE, ask again for the rest.  Otherwise *@done_out is 0, what @dst has
 * in the range is undefined, and the caller copies; how much, before asking makes
 * sense again, is what vhd_io_share_skip() says.
 *
 * It cannot fail: who copies meets the same trouble and can say what it is.  Any
 * number of threads may call it, for ranges of @dst that are apart.
 */
enum vhd_share vhd_io_share(struct vhd_io *dst, uint64_t dst_off,
			    struct vhd_io *src, uint64_t src_off, uint64_t len,
			    uint64_t *done_out);

/*
 * After VHD_SHARE_NOT_HERE: how many of @len bytes to copy before the next
 * question, at least 1; @len where there is nothing to be had in this range.
 */
uint64_t vhd_io_share_skip(const struct vhd_io *dst, uint64_t dst_off,
			   uint64_t src_off, uint64_t len);

#endif
