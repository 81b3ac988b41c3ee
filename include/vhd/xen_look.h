/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_XEN_LOOK_H
#define VHD_XEN_LOOK_H

/*
 * Looking at a VHD as Xen's storage managers do: its headers as they are stored,
 * whatever is wrong with them; how much of a device it takes; where its parent
 * is.  Nothing in here writes or takes a lock.
 */

#include "error.h"
#include "image.h"
#include "ops.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What struct vhd_xen_headers has found. */
enum {
	VHD_XEN_TAIL = 1 << 0,		/* the trailing footer: 512 bytes there */
	VHD_XEN_FRONT = 1 << 1,		/* its copy at 0 */
	VHD_XEN_HEADER = 1 << 2,	/* the dynamic header */
	VHD_XEN_BATMAP = 1 << 3,	/* a batmap's header, with its cookie */
	VHD_XEN_MAP_SUM = 1 << 4,	/* its map could be summed */
	/* Cookie and checksum of the three are right; "v_poison" is as well. */
	VHD_XEN_TAIL_SOUND = 1 << 5,
	VHD_XEN_FRONT_SOUND = 1 << 6,
	VHD_XEN_HEADER_SOUND = 1 << 7,
	/* No batmap, but what else one records is in attributes of the file. */
	VHD_XEN_ATTRS = 1 << 8
};

/** struct vhd_xen_footer - a footer as it is stored (vhd.md 2), not judged */
struct vhd_xen_footer {
	uint8_t cookie[8];
	uint32_t features;
	uint32_t version;
	uint64_t data_off;
	int64_t timestamp;		/* seconds since 1970 */
	uint8_t creator_app[4];
	uint32_t creator_version;
	uint32_t creator_os;
	uint64_t original_size;
	uint64_t current_size;
	uint16_t cylinders;
	uint8_t heads, sectors;
	uint32_t type;
	uint32_t checksum;		/* stored */
	uint32_t sum;			/* what it should be */
	struct vhd_guid id;
	uint8_t saved_state;
	uint8_t hidden;
	bool blank;			/* the 426 bytes behind are zeros */
};

/** struct vhd_xen_locator - a parent locator as it is stored */
struct vhd_xen_locator {
	uint32_t code;			/* four letters, or 0 */
	uint32_t space;			/* as stored: bytes or sectors */
	uint32_t len;
	uint32_t reserved;
	uint64_t off;
	bool readable;			/* @text is what is stored: MacX,
					 * W2ku, W2ru, which Xen's tools know */
	char text[1024];		/* UTF-8, "/" between its parts */
};

/** struct vhd_xen_header - a dynamic header as it is stored (vhd.md 4) */
struct vhd_xen_header {
	uint8_t cookie[8];
	uint64_t data_off;
	uint64_t table_off;
	uint32_t version;
	uint32_t max_entries;
	uint32_t block_size;
	uint32_t checksum, sum;
	uint32_t reserved;
	struct vhd_guid parent_id;
	int64_t parent_timestamp;
	bool name_readable;
	bool blank;			/* the reserved bytes are zeros */
	char parent_name[772];		/* UTF-8 */
	struct vhd_xen_locator locator[8];
};

/**
 * struct vhd_xen_batmap - the header of a batmap as it is stored (VHD-X-3)
 *
 * With VHD_XEN_ATTRS instead of VHD_XEN_BATMAP only the last four count.
 */
struct vhd_xen_batmap {
	uint64_t header_off;
	uint64_t map_off;
	uint32_t map_sectors;
	uint32_t version;
	uint32_t checksum, sum;
	uint8_t marker;
	uint8_t key_cookie;		/* 1: the next two count */
	uint8_t key_nonce[32];
	uint8_t key_hash[32];
};

/**
 * struct vhd_xen_headers - the headers of a VHD, whatever is wrong with them
 *
 * @size:      sizeof(struct vhd_xen_headers), set by the caller
 * @have:      VHD_XEN_*: what could be read
 * @footer:    the footer that counts, VHD_XEN_TAIL or VHD_XEN_FRONT: the first
 *             that is sound; 0: neither
 * @file_size: bytes of the file or device
 * @tail_off:  where the trailing footer was looked for
 */
struct vhd_xen_headers {
	uint32_t size;
	uint32_t have;
	uint32_t footer;
	uint32_t reserved;
	uint64_t file_size;
	uint64_t tail_off;
	struct vhd_xen_footer tail, front;
	struct vhd_xen_header header;
	struct vhd_xen_batmap batmap;
};

/* Flags for vhd_xen_headers(). */
enum {
	/* The first 1536 bytes only: the copy of the footer, and the header with
	 * the locators' entries but not their texts. */
	VHD_XEN_FAST = 1 << 0
};

/**
 * vhd_xen_headers - read the headers of a VHD without judging them
 *
 * @path:  a file or block device
 * @base:  where in it the image begins; 0 but for an inactive logical volume
 * @len:   bytes that the image has there, at most; 0: all to the end
 * @flags: VHD_XEN_FAST
 * @out:   its size field says how much room there is
 * @err:   may be NULL
 *
 * No lock is taken, and a block device is read past the system's cache.  What is
 * not there or makes no sense is left out of @out->have.  Nothing that is found
 * leads to a failure: whoever needs an image looks at @out->footer and
 * VHD_XEN_HEADER_SOUND.
 *
 * Returns: 0; VHD_E_IO, VHD_E_NOTFILE, VHD_E_INVAL, VHD_E_NOMEM; VHD_E_CORRUPT
 *          for a file that is too small for a footer.
 * Threads: any.
 * Spec:    VHD-F, VHD-H, VHD-L, VHD-X-3, VHD-X-6.
 */
VHD_API int vhd_xen_headers(const char *path, uint64_t base, uint64_t len,
			    uint32_t flags, struct vhd_xen_headers *out,
			    struct vhd_error *err);

/**
 * vhd_xen_layer_headers - the same of an image that is open
 *
 * @img:   the image
 * @layer: below vhd_layers(); one that is raw or a VHDX has nothing
 * @flags: VHD_XEN_FAST
 * @out:   its size field says how much room there is
 * @err:   may be NULL
 *
 * The file is read and not what waits in memory to be written to it.
 *
 * Returns: as vhd_xen_headers().
 * Threads: any.
 */
VHD_API int vhd_xen_layer_headers(struct vhd_image *img, uint32_t layer,
				  uint32_t flags, struct vhd_xen_headers *out,
				  struct vhd_error *err);

/**
 * vhd_xen_used - where the content of an image ends, footer included
 *
 * @img:        the image; VHD
 * @used_out:   bytes: end of the last block or structure, and 512. The length of
 *              a file as its maker leaves it; less than the size of a device. May
 *              be NULL
 * @blocks_out: blocks that have space; 0 for a fixed disk; may be NULL
 * @err:        may be NULL
 *
 * One pass over the table.
 *
 * Returns: 0, VHD_E_INVAL, VHD_E_IO, VHD_E_CORRUPT.
 * Threads: any.
 * Spec:    VHD-X-25.
 */
VHD_API int vhd_xen_used(struct vhd_image *img, uint64_t *used_out,
			 uint64_t *blocks_out, struct vhd_error *err);

/**
 * vhd_xen_block - where a block is in the file of an image
 *
 * @img:        the image; a dynamic or differencing VHD
 * @block:      below the entries that its table has, which may be more than the
 *              disk needs
 * @bitmap_out: of its bitmap, which goes on to the data; VHD_NO_OFFSET: the block
 *              has no space
 * @data_out:   of its data, or VHD_NO_OFFSET
 * @err:        may be NULL
 *
 * The entry as it is stored: it may lead out of the file.
 *
 * Returns: 0, VHD_E_RANGE, VHD_E_INVAL, VHD_E_IO, VHD_E_CORRUPT.
 * Threads: as vhd_pread().
 * Spec:    VHD-B-1.
 */
VHD_API int vhd_xen_block(struct vhd_image *img, uint64_t block,
			  uint64_t *bitmap_out, uint64_t *data_out,
			  struct vhd_error *err);

/**
 * vhd_xen_canonical - the name that a storage manager knows a file by
 *
 * @path: an existing file or device
 * @buf:  receives the absolute name
 * @room: bytes of it
 * @err:  may be NULL
 *
 * Links are resolved, but: a name in /dev/mapper is kept; /dev/VG/LV becomes
 * /dev/mapper/VG-LV (dashes doubled) where that exists; and a name below
 * /dev/drbd/by-res is kept.
 *
 * Returns: 0; VHD_E_IO (with ENOENT, ...), VHD_E_RANGE when @room is too small.
 * Threads: any.
 */
VHD_API int vhd_xen_canonical(const char *path, char *buf, size_t room,
			      struct vhd_error *err);

/**
 * vhd_xen_parent - the parent of an image, by name only
 *
 * @path: the image, a differencing VHD
 * @buf:  receives the canonical name of the parent, which exists
 * @room: bytes of it
 * @raw_out: true: it is a raw disk; may be NULL
 * @err:  may be NULL
 *
 * The first locator that leads to something readable wins: an absolute name as it
 * is, another from the folder of the canonical name of the image.  The parent is
 * not opened, and its identity not compared.
 *
 * Returns: 0; VHD_E_INVAL when the image has no parent; VHD_E_PARENT (os_errno
 *          ENOENT) when none is there; else as vhd_open().
 * Threads: any.
 * Spec:    VHD-L-22.
 */
VHD_API int vhd_xen_parent(const char *path, char *buf, size_t room,
			   bool *raw_out, struct vhd_error *err);

/**
 * vhd_xen_layer_parent - the same of an image that is open
 *
 * @img:   the image; opened with VHD_OPEN_XEN_PARENT, else the names are tried in
 *         the order of VHD-L-22
 * @layer: below vhd_layers()
 * @buf, @room, @raw_out, @err: as above
 *
 * Returns: as vhd_xen_parent().
 * Threads: any.
 */
VHD_API int vhd_xen_layer_parent(struct vhd_image *img, uint32_t layer,
				 char *buf, size_t room, bool *raw_out,
				 struct vhd_error *err);

/* Flags for vhd_xen_check(). */
enum {
	/* The copy of the footer counts, whatever the trailing one says. */
	VHD_XEN_CHECK_USE_COPY = 1 << 0,
	/* Any VHD under the recorded name is the parent. */
	VHD_XEN_CHECK_IGNORE_PARENT_ID = 1 << 1,
	/* Times in the future do no harm. */
	VHD_XEN_CHECK_IGNORE_TIMES = 1 << 2,
	/* Also: sectors that are marked as not written hold no data. */
	VHD_XEN_CHECK_DATA = 1 << 3,
	/* Blocks are not compared with each other. */
	VHD_XEN_CHECK_NO_OVERLAP = 1 << 4
};

/**
 * vhd_xen_check - is an image as Xen's tools want it
 *
 * @path:  the image
 * @flags: VHD_XEN_CHECK_*
 * @err:   its sentence is the one that storage managers and their users know for
 *         the first fault: "primary footer invalid: invalid cookie". It may hold
 *         names that the image records, and these anything
 *
 * vhd_check() knows more, says all of it, and minds less.  The parent of a
 * differencing image is looked for and identified, and not checked.  No lock is
 * taken.
 *
 * Returns: 0; VHD_E_CORRUPT, VHD_E_UNSUPPORTED for a fault; VHD_E_PARENT, with
 *          an os_errno, when the parent is not there; else as vhd_open().
 * Threads: any.
 * Spec:    VHD-K, VHD-X-1 to VHD-X-6.
 */
VHD_API int vhd_xen_check(const char *path, uint32_t flags,
			  struct vhd_error *err);

/** enum vhd_xen_sectors_flag - how vhd_xen_sectors() counts */
enum vhd_xen_sectors_flag {
	/* The layer alone: nothing below it is read, and has_parent is false. */
	VHD_XEN_SECTORS_ALONE = 1 << 0
};

/**
 * struct vhd_xen_sectors - what a layer holds, in sectors of 512 bytes
 *
 * @size:             sizeof(struct vhd_xen_sectors), set by the caller
 * @has_parent:       the last two count
 * @allocated:        of the blocks that have space
 * @written:          marked as present
 * @not_in_parent:    of these, the layer below has none
 * @not_in_ancestors: of these, no layer below has one
 */
struct vhd_xen_sectors {
	uint32_t size;
	bool has_parent;
	uint64_t allocated;
	uint64_t written;
	uint64_t not_in_parent;
	uint64_t not_in_ancestors;
};

/**
 * vhd_xen_sectors - count what a layer of a chain holds
 *
 * @img:   the chain
 * @layer: below vhd_layers()
 * @flags: VHD_XEN_SECTORS_*
 * @out:   its size field says how much room there is
 * @err:   may be NULL
 *
 * Returns: 0, VHD_E_INVAL, VHD_E_IO, VHD_E_CORRUPT.
 * Threads: as vhd_pread().
 */
VHD_API int vhd_xen_sectors(struct vhd_image *img, uint32_t layer,
			    uint32_t flags, struct vhd_xen_sectors *out,
			    struct vhd_error *err);

#ifdef __cplusplus
}
#endif
#endif
