/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_CHANGE_H
#define VHD_CHANGE_H

/*
 * Changing an image beyond what its guest can do: its size, the room that it
 * takes, what its headers say.
 *
 * All of it is done in place and may be cut off at any moment: the image opens,
 * a check finds no error, no byte that the guest has is lost, and the same call
 * finishes what was begun.
 */

#include "error.h"
#include "image.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Flags of the calls in here. */
enum {
	/* Say what would be done, and change nothing. */
	VHD_CHANGE_DRY_RUN = 1 << 0,
	/* Although children of the image are known that it makes worthless. */
	VHD_CHANGE_ORPHAN = 1 << 1,
	/* vhd_resize(): although bytes that are not zeros are cut off.
	 * vhd_compact(): although data in the file belongs to no block. */
	VHD_CHANGE_CUT = 1 << 2,
	/* vhd_compact(): read all blocks, to find those that are zeros. */
	VHD_CHANGE_ZERO_SCAN = 1 << 3
};

/**
 * struct vhd_resize_opts - how to resize
 *
 * @size:         sizeof(struct vhd_resize_opts)
 * @flags:        VHD_CHANGE_DRY_RUN, VHD_CHANGE_ORPHAN, VHD_CHANGE_CUT
 * @open:         how to open; may be NULL
 * @progress:     may be NULL
 * @progress_arg: passed to it
 * @spare_off, @spare_len: bytes that may be cut off whatever they are, such as
 *                the backup of a partition table that will be written anew
 */
struct vhd_resize_opts {
	uint32_t size;
	uint32_t flags;
	const struct vhd_open_opts *open;
	vhd_progress_fn progress;
	void *progress_arg;
	uint64_t spare_off;
	uint64_t spare_len;
};
#define VHD_RESIZE_OPTS_INIT { .size = sizeof(struct vhd_resize_opts) }

/**
 * struct vhd_resize_result - what a resize did, or would do
 *
 * @old_size: bytes of the disk before
 * @new_size: and after
 * @used_end: for a shrink: end of the last byte that is not zero, rounded up to
 *            a sector; @new_size when all behind that is zeros; else 0
 * @old_file: bytes of the file before
 * @new_file: and after; with VHD_CHANGE_DRY_RUN the same
 */
struct vhd_resize_result {
	uint64_t old_size;
	uint64_t new_size;
	uint64_t used_end;
	uint64_t old_file;
	uint64_t new_file;
};

/**
 * vhd_resize - make a disk larger or smaller
 *
 * @path:       the image; VHD or VHDX of any type
 * @new_size:   bytes; a multiple of the logical sector size
 * @opts:       may be NULL
 * @result_out: may be NULL
 * @err:        may be NULL
 *
 * New bytes read as zeros.  A smaller disk loses its end: unless VHD_CHANGE_CUT
 * is given that must be zeros.  Partition tables are the caller's affair.  An
 * image with children is refused without VHD_CHANGE_ORPHAN (VHD-R-7,
 * VHDX-RSZ-01), a VHD with a saved state always: see vhd_set().  The size of a
 * VHD is the one that its footer states, whatever @opts->open says about
 * geometries; where its creator would make QEMU go by a geometry that is smaller,
 * and did not before, the creator becomes one by which the size counts.
 *
 * An image that has that size already is no error, and the way to finish what
 * was interrupted.
 *
 * Returns: 0; VHD_E_INVAL for a size that the format does not allow,
 *          VHD_E_REFUSED for what a flag would allow, VHD_E_CANCELLED, else as
 *          vhd_open() and vhd_pwrite().
 * Threads: any.
 * Spec:    VHD-R-1 to VHD-R-9, VHD-W-20; VHDX-RSZ-01 to VHDX-RSZ-09.
 */
VHD_API int vhd_resize(const char *path, uint64_t new_size,
		       const struct vhd_resize_opts *opts,
		       struct vhd_resize_result *result_out,
		       struct vhd_error *err);

/** vhd_range_fn - told of one range; returns false to end the walk */
typedef bool (*vhd_range_fn)(void *arg, uint64_t off, uint64_t len);

/**
 * vhd_unused_fn - tell which bytes of a disk its file systems do not use
 *
 * @arg:      the caller's
 * @img:      the image, open
 * @emit:     to be called for each range, in ascending order, without overlap
 * @emit_arg: passed to it
 * @err:      to be filled on failure
 *
 * Returns: 0 or an error code, also when @emit has ended the walk (0).
 */
typedef int (*vhd_unused_fn)(void *arg, struct vhd_image *img,
			     vhd_range_fn emit, void *emit_arg,
			     struct vhd_error *err);

/**
 * struct vhd_compact_opts - how to compact
 *
 * @size:         sizeof(struct vhd_compact_opts)
 * @flags:        VHD_CHANGE_DRY_RUN, VHD_CHANGE_ORPHAN, VHD_CHANGE_ZERO_SCAN,
 *                VHD_CHANGE_CUT
 * @open:         how to open; may be NULL
 * @unused:       may be NULL
 * @unused_arg:   passed to it
 * @progress:     may be NULL
 * @progress_arg: passed to it
 */
struct vhd_compact_opts {
	uint32_t size;
	uint32_t flags;
	const struct vhd_open_opts *open;
	vhd_unused_fn unused;
	void *unused_arg;
	vhd_progress_fn progress;
	void *progress_arg;
};
#define VHD_COMPACT_OPTS_INIT { .size = sizeof(struct vhd_compact_opts) }

/**
 * struct vhd_compact_result - what compacting did, or would do
 *
 * @old_file, @new_file:   length of the file before and after
 * @old_usage, @new_usage: bytes that it occupies on its file system
 * @blocks:         allocated blocks before
 * @unused_blocks:  of these, given up because no file system uses them
 * @zero_blocks:    given up because they are zeros, or what the parent has
 * @moved_blocks:   moved towards the beginning of the file
 * @unused_bytes:   bytes that no file system uses, in all blocks
 */
struct vhd_compact_result {
	uint64_t old_file, new_file;
	uint64_t old_usage, new_usage;
	uint64_t blocks;
	uint64_t unused_blocks;
	uint64_t zero_blocks;
	uint64_t moved_blocks;
	uint64_t unused_bytes;
};

/**
 * vhd_compact - make an image's file as small as its content allows
 *
 * @path:       the image, dynamic or differencing
 * @opts:       may be NULL
 * @result_out: may be NULL
 * @err:        may be NULL
 *
 * Gives up blocks that are holes in the file; with VHD_CHANGE_ZERO_SCAN all that
 * are zeros (of a differencing image: that show what the parent has); and blocks
 * that @opts->unused names as a whole, together with zeros around it.  Unused
 * parts of other blocks become holes of the file.  Moves blocks from the end of
 * the file into the room of these, and cuts the file.  An image that is compact
 * is not written to.
 *
 * Without @opts->unused no byte that a guest reads changes, and children stay
 * valid; with it, children that are known refuse the call unless
 * VHD_CHANGE_ORPHAN is given, and so does a VHD with a saved state in any case
 * (VHD-R-7).
 *
 * The image is checked first: one with errors, or whose table seems lost, is not
 * compacted, for what belongs to no block would be cut away.
 *
 * With VHD_CHANGE_DRY_RUN the image is opened for reading, and the result says
 * what is to be expected; moved_blocks is 0 then.
 *
 * Returns: 0; VHD_E_UNSUPPORTED for a fixed image, VHD_E_REFUSED,
 *          VHD_E_CORRUPT, VHD_E_CANCELLED (what was done until then stays), else as
 *          vhd_open(), vhd_pread() and vhd_pwrite().
 * Threads: any.
 * Spec:    VHD-R-8, VHD-W-7, VHD-W-8; VHDX-CMP-01, VHDX-CMP-02, VHDX-SPC-07.
 */
VHD_API int vhd_compact(const char *path, const struct vhd_compact_opts *opts,
			struct vhd_compact_result *result_out,
			struct vhd_error *err);

/* What struct vhd_attrs holds; vhd_attrs.mask names what is to be changed. */
enum {
	VHD_ATTR_ID = 1 << 0,		/* VHD unique id, VHDX disk id */
	VHD_ATTR_IDENTITY = 1 << 1,	/* what children record */
	VHD_ATTR_PHYSICAL_SECTOR = 1 << 2,	/* VHDX */
	VHD_ATTR_CREATOR = 1 << 3,	/* VHD: 4 letters; VHDX: text */
	VHD_ATTR_HIDDEN = 1 << 4,	/* VHD, Xen's flag */
	VHD_ATTR_SAVED_STATE = 1 << 5,	/* VHD */
	VHD_ATTR_ORIGINAL_SIZE = 1 << 6,	/* VHD */
	VHD_ATTR_TIMESTAMP = 1 << 7,	/* VHD */
	VHD_ATTR_MARKER = 1 << 8,	/* VHD, Xen */
	VHD_ATTR_KEYHASH = 1 << 9	/* VHD, Xen; no blocks yet */
};

/**
 * struct vhd_attrs - what the headers of an image say beside its size
 *
 * @size:            sizeof(struct vhd_attrs)
 * @mask:            VHD_ATTR_*: the fields that count
 * @id:              VHD: unique id (also what children record); VHDX: the
 *                   disk's id (VHDX-ITEM-07)
 * @identity:        VHDX: DataWriteGuid; VHD: the same as @id
 * @physical_sector: 512 or 4096
 * @hidden:          Xen's "hidden" marker: the byte behind saved_state; 0 or 1,
 *                   and what else its tools store there
 * @saved_state:     0 or 1
 * @original_size:   bytes
 * @timestamp:       seconds since 1970
 * @creator:         VHD: at most 4 ASCII characters; VHDX: UTF-8
 * @marker:          a byte that Xen's tools keep in the batmap's header; without
 *                   one, in an extended attribute of the file
 * @key_nonce, @key_hash: what the key of an encrypted disk is known by
 *                   (VHD-X-15)
 */
struct vhd_attrs {
	uint32_t size;
	uint32_t mask;
	struct vhd_guid id;
	struct vhd_guid identity;
	uint32_t physical_sector;
	uint8_t hidden;
	uint8_t saved_state;
	uint16_t reserved;
	uint64_t original_size;
	int64_t timestamp;
	const char *creator;
	uint8_t marker;
	uint8_t key_nonce[32];
	uint8_t key_hash[32];
};
#define VHD_ATTRS_INIT { .size = sizeof(struct vhd_attrs) }

/**
 * vhd_set - change what the headers of an image say
 *
 * @path:  the image
 * @attrs: what to change
 * @flags: VHD_CHANGE_DRY_RUN, VHD_CHANGE_ORPHAN (for VHD_ATTR_ID of a VHD and
 *         VHD_ATTR_IDENTITY)
 * @open:  how to open; may be NULL
 * @err:   may be NULL
 *
 * The hash of a key is recorded in an image that has no block yet, and stays.  When
 * there is no space for the trailing footer of a VHD, VHD_ATTR_HIDDEN alone
 * changes the copy at the front, and that is a success.
 *
 * Returns: 0; VHD_E_INVAL for what the format does not have or allow,
 *          VHD_E_REFUSED when children would lose their parent, else as
 *          vhd_open() and vhd_pwrite().
 * Threads: any.
 * Spec:    VHD-W-10; VHDX-WR-40, VHDX-HDR-20 to VHDX-HDR-23.
 */
VHD_API int vhd_set(const char *path, const struct vhd_attrs *attrs,
		    uint32_t flags, const struct vhd_open_opts *open,
		    struct vhd_error *err);

#ifdef __cplusplus
}
#endif
#endif
