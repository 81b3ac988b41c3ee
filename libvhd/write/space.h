/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_WRITE_SPACE_H
#define VHD_WRITE_SPACE_H

/*
 * Free space inside an image file: extents in ascending order, neighbours of
 * one kind joined, in bounded memory.  When there are too many extents the
 * shortest is forgotten: it is lost until the next open, never wrong.
 *
 * Not thread-safe; its owner has a lock.
 */

#include "vhd/error.h"

/* What a range of the file is known to hold. */
enum vhd_space_kind {
	VHD_SPACE_FRESH,	/* zeros, on the disk as well: past an old end */
	VHD_SPACE_ZEROED,	/* zeros, once the next flush is over */
	VHD_SPACE_DIRTY		/* anything */
};

struct vhd_space_extent {
	uint64_t off;
	uint64_t len;
	enum vhd_space_kind kind;
};

struct vhd_space {
	struct vhd_space_extent *ext;
	size_t count;
	size_t room;
};

enum { VHD_SPACE_EXTENTS_MAX = 16384 };

/* All zeros is empty and valid. */
void vhd_space_clear(struct vhd_space *s);

/*
 * Gives a range back.  It overlaps nothing that is free already.  When there is
 * no memory for it, it is forgotten.
 */
void vhd_space_add(struct vhd_space *s, uint64_t off, uint64_t len,
		   enum vhd_space_kind kind);

/*
 * Takes @len bytes at the lowest place where (place + @skew) is a multiple of
 * @align (a power of two).  Space that is FRESH is preferred to what must be
 * zeroed only when @prefer_fresh.  An answer may cover extents of several
 * kinds: *@kind_out is then the worst of them (DIRTY, ZEROED, FRESH).
 * False when there is no such place.
 */
bool vhd_space_take(struct vhd_space *s, uint64_t len, uint64_t align,
		    uint64_t skew, bool prefer_fresh, uint64_t *off_out,
		    enum vhd_space_kind *kind_out);

/*
 * The free range that ends at @end: where it begins (over extents of any kind),
 * or @end when there is none.
 */
uint64_t vhd_space_tail(const struct vhd_space *s, uint64_t end);

/* Takes [off, off + len) out, as far as it is free. */
void vhd_space_remove(struct vhd_space *s, uint64_t off, uint64_t len);

/* Takes everything at or behind @off out, cutting an extent if need be. */
void vhd_space_cut(struct vhd_space *s, uint64_t off);

/* Bytes in all extents. */
uint64_t vhd_space_total(const struct vhd_space *s);

#endif
