/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_H
#define VHD_OPS_H

/*
 * Work on whole images: create, convert, check.
 *
 * A new file is built without a name (or under a temporary one) and appears
 * under its own only when it is complete and durable: what fails, is cancelled
 * or killed leaves nothing behind.
 */

#include "error.h"
#include "image.h"
#include "io.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** enum vhd_target - a consumer whose demands a new image has to meet */
enum vhd_target {
	VHD_TARGET_NONE = 0,
	VHD_TARGET_AZURE = 1,	/* fixed VHD, whole MiB, 20 MiB to
					 * 32 TiB (VHD-A-10, VHD-A-12) */
	VHD_TARGET_HYPERV = 2,	/* VHDX as Windows makes it, preallocated file */
	VHD_TARGET_XEN = 3,	/* dynamic VHD, creator "tap", batmap (VHD-X) */
	VHD_TARGET_WSL = 4,	/* dynamic VHDX, 1 MiB blocks (VHDX-WIN-08) */
	VHD_TARGET_QEMU = 5	/* dynamic VHDX; no VHD trouble (VHD-Q) */
};

/* Flags for vhd_create() and vhd_convert(). */
enum {
	/* Replace an existing file; owner and mode stay, where that may be. */
	VHD_CREATE_FORCE = 1 << 0,
	/* Reserve all space of a fixed image; never leave a sparse file. */
	VHD_CREATE_PREALLOCATE = 1 << 1,
	/* Return without waiting until the new file is durable. */
	VHD_CREATE_NO_SYNC = 1 << 2,
	/*
	 * Replace an existing file although images beside it record it as their
	 * parent: they are lost. Without it that is VHD_E_REFUSED (VHD-D-5,
	 * VHDX-PAR-19).
	 */
	VHD_CREATE_ORPHAN = 1 << 3,
	/*
	 * With VHD_TARGET_XEN: the size as it is, to the byte when it is the
	 * parent's, and up to 2 TiB.  Without it a size is rounded up to what
	 * all versions of Xen's tools can take (VHD-X-7), and ends at 2040 GiB.
	 */
	VHD_CREATE_EXACT_SIZE = 1 << 4,
	/* The parent is the bytes of a raw disk, whatever they look like. */
	VHD_CREATE_RAW_PARENT = 1 << 5,
	/*
	 * @path may be a block device, whose content is replaced: the image is
	 * written to it in place, its footer last, into the last sector.
	 */
	VHD_CREATE_DEVICE = 1 << 6
};

/**
 * struct vhd_create_opts - what a new image is to be; zero is the default
 *
 * @size:            sizeof(struct vhd_create_opts)
 * @flags:           VHD_CREATE_*
 * @format:          VHD, VHDX or RAW; AUTO takes it from the file's extension
 *                   (.vhd .avhd .vhdx .avhdx .raw .img)
 * @type:            DEFAULT is dynamic, or differencing when there is a parent
 * @target:          sets what its consumer demands where the fields here leave
 *                   room; a contradiction is VHD_E_INVAL
 * @virtual_size:    bytes; 0 with a parent means the parent's. Must be a
 *                   multiple of the sector size; see also VHD-M-1, VHDX-ITEM-04
 * @block_size:      0 means the parent's for a differencing VHD, 2 MiB for other
 *                   VHD and for differencing VHDX, 32 MiB for other VHDX
 * @logical_sector:  512 or 4096; 0 means the parent's, for a conversion to VHDX
 *                   the source's, else 512. VHD, raw: 512 only
 * @physical_sector: 512 or 4096; 0 means 4096 for VHDX. VHD, raw: 512 only
 * @timestamp:       seconds since 1970 to record as creation time; 0 means now.
 *                   (The program sets it from SOURCE_DATE_EPOCH.)
 * @guid:            seed of every GUID of the image, for reproducible results:
 *                   a VHD's unique id, a VHDX's DataWriteGuid is this value and
 *                   the others follow from it; all zero means random
 * @parent:          path of the parent of a differencing image, as this process
 *                   finds it; NULL means none
 * @parent_name:     what to record as relative path; NULL means the path from
 *                   the new file's directory to @parent
 * @parent_win_path: absolute Windows path to record as well; NULL means none
 * @open:            how to open @parent; may be NULL
 * @progress:        for vhd_create() that reserves space: may be NULL; counts
 *                   guest bytes. vhd_convert() has its own
 * @progress_arg:    passed to it
 * @room_size:       a dynamic or differencing VHD can grow to so many bytes
 *                   without its metadata becoming longer; 0: it is as long as
 *                   it has to be
 * @key_hash:        for VHD_TARGET_XEN: of the key that encrypts the disk; NULL
 *                   means the parent's, if it has one
 */
struct vhd_create_opts {
	uint32_t size;
	uint32_t flags;
	enum vhd_format format;
	enum vhd_type type;
	enum vhd_target target;
	uint32_t logical_sector;
	uint32_t physical_sector;
	uint32_t reserved;
	uint64_t virtual_size;
	uint64_t block_size;
	int64_t timestamp;
	struct vhd_guid guid;
	const char *parent;
	const char *parent_name;
	const char *parent_win_path;
	const struct vhd_open_opts *open;
	vhd_progress_fn progress;
	void *progress_arg;
	uint64_t room_size;
	const struct vhd_key_hash *key_hash;
};
#define VHD_CREATE_OPTS_INIT { .size = sizeof(struct vhd_create_opts) }

/**
 * vhd_create - make a new, empty image
 *
 * @path: the file to make; it appears only when it is complete
 * @opts: must not be NULL
 * @err:  may be NULL
 *
 * Returns: 0; VHD_E_INVAL for a combination no format allows, VHD_E_EXISTS,
 *          VHD_E_REFUSED, VHD_E_BUSY, VHD_E_IO, VHD_E_NOSPACE, VHD_E_NOMEM; with a parent also what
 *          vhd_open() returns.
 * Threads: any.
 * Spec:    vhd.md 16, VHD-W-21; vhdx.md 18, VHDX-NEW-02.
 */
VHD_API int vhd_create(const char *path, const struct vhd_create_opts *opts,
		       struct vhd_error *err);

/* Flags for conversions. */
enum {
	/*
	 * Read the new image back, from the disk where the system lets us, and
	 * compare what it shows with what was copied: VHD_E_IO when that
	 * differs.
	 */
	VHD_CONVERT_VERIFY = 1 << 0,
	/* Copy what the file system could share between both files. */
	VHD_CONVERT_NO_SHARE = 1 << 1,
	/* Leave nothing of both files in the system's cache. */
	VHD_CONVERT_NO_CACHE = 1 << 2,
	/*
	 * For vhd_convert_io(): the target reads as zeros now, so that zeros
	 * need not be written.
	 */
	VHD_CONVERT_TARGET_ZERO = 1 << 3,
	/*
	 * For streams: read the source before, to leave out blocks that are
	 * stored but hold zeros only.  Files get such blocks only where they
	 * are shared with the source, unseen.
	 */
	VHD_CONVERT_ZERO_SCAN = 1 << 4
};

/**
 * struct vhd_convert_opts - how to copy a disk into a new image
 *
 * @size:         sizeof(struct vhd_convert_opts)
 * @flags:        VHD_CONVERT_*
 * @create:       what the new image is to be; virtual_size 0 means the
 *                source's, rounded up to what the target needs; larger grows
 *                the disk with zeros; smaller is VHD_E_INVAL
 * @progress:     may be NULL; counts guest bytes
 * @progress_arg: passed to it
 * @threads:      how many threads may work, this one included, up to 32; 0 is
 *                1. The others live only during the call; @progress may be
 *                called by any of them, by one at a time
 */
struct vhd_convert_opts {
	uint32_t size;
	uint32_t flags;
	struct vhd_create_opts create;
	vhd_progress_fn progress;
	void *progress_arg;
	uint32_t threads;
	uint32_t reserved;
};
#define VHD_CONVERT_OPTS_INIT \
	{ .size = sizeof(struct vhd_convert_opts), .create = VHD_CREATE_OPTS_INIT }

/**
 * struct vhd_convert_result - what a conversion did
 *
 * @source_size: bytes of the source disk
 * @target_size: bytes of the new disk
 * @data_bytes:  bytes that were copied
 * @zero_bytes:  bytes that were found to be zeros and not written
 * @missing_bytes: bytes that should be in a file of the source and lie past its
 *                 end; they were taken as zeros (VHDX-BAT-09)
 * @source_sector: logical sector of the source
 * @target_sector: logical sector of the new disk; one that differs is another
 *                 disk to a guest (raw: the same, as it has none)
 * @shared_bytes: of data_bytes: those that both files share on the disk
 * @digest:       with VHD_CONVERT_VERIFY: a sum over what the disk holds, which
 *                was found in the new image too; for comparisons only
 */
struct vhd_convert_result {
	uint64_t source_size;
	uint64_t target_size;
	uint64_t data_bytes;
	uint64_t zero_bytes;
	uint64_t missing_bytes;
	uint32_t source_sector;
	uint32_t target_sector;
	uint64_t shared_bytes;
	uint64_t digest;
};

/**
 * vhd_convert - copy a disk, through its whole chain, into a new image
 *
 * @src:        the source, open
 * @dst:        path of the new image
 * @opts:       may be NULL
 * @result_out: may be NULL
 * @err:        may be NULL
 *
 * The result is a stand-alone image with the bytes the guest would see.  A @dst
 * that is a file of the source's chain is refused, whatever its name.
 *
 * Returns: 0; VHD_E_CANCELLED; else as vhd_create() and vhd_pread().
 * Threads: any; @src may be read by others meanwhile.
 */
VHD_API int vhd_convert(struct vhd_image *src, const char *dst,
			const struct vhd_convert_opts *opts,
			struct vhd_convert_result *result_out,
			struct vhd_error *err);

/**
 * vhd_convert_io - write the bytes of a disk over those of a file of the
 * caller's making: a device, a server's export
 *
 * @src:        the source, open
 * @ops:        operations of the target, at least as long as the disk
 * @handle:     passed to them; not closed
 * @name:       what to call it in messages
 * @opts:       may be NULL; opts->create is not looked at, except for
 *              VHD_CREATE_NO_SYNC
 * @result_out: may be NULL
 * @err:        may be NULL
 *
 * The target is written in place: what fails leaves it half written.  What lies
 * behind the disk's end is left alone.  Zeros are written by @ops->zero_range or
 * punched where that can be done.
 *
 * Returns: 0; VHD_E_INVAL when the target is too small or cannot be written;
 *          VHD_E_CANCELLED; else as vhd_pread().
 * Threads: any; the slots of @ops are called by up to opts->threads at once.
 */
VHD_API int vhd_convert_io(struct vhd_image *src,
			   const struct vhd_io_ops *ops, void *handle,
			   const char *name,
			   const struct vhd_convert_opts *opts,
			   struct vhd_convert_result *result_out,
			   struct vhd_error *err);

/**
 * vhd_convert_stream - write the bytes of a disk, front to back, to a function
 *
 * @src:          the source, open
 * @write:        takes @len bytes; returns 0 or a negative errno
 * @arg:          passed to it
 * @progress:     may be NULL
 * @progress_arg: passed to it
 * @result_out:   may be NULL
 * @err:          may be NULL
 *
 * Returns: 0; VHD_E_IO with the errno of @write; VHD_E_CANCELLED; else as
 *          vhd_pread().
 * Threads: any.
 */
VHD_API int vhd_convert_stream(struct vhd_image *src,
			       int (*write)(void *arg, const void *buf,
					    size_t len),
			       void *arg, vhd_progress_fn progress,
			       void *progress_arg,
			       struct vhd_convert_result *result_out,
			       struct vhd_error *err);

/**
 * vhd_child_fn - told of one child
 *
 * @path: its file; lives until the function returns
 *
 * Returns: true to go on looking.
 */
typedef bool (*vhd_child_fn)(void *arg, const char *path);

/**
 * vhd_children - look for images whose parent this one is
 *
 * @img: the image
 * @fn:  called for each child that was found
 * @arg: passed to it
 * @err: may be NULL
 *
 * Looks at the image files (.vhd, .avhd, .vhdx, .avhdx) in the
 * directory of the image's file, at most 65536 of them, and compares what they
 * record as their parent's identity, or, for a raw parent, its name.  No lock is
 * taken and nothing is changed.  A file that cannot be read is no child.
 *
 * Writing to an image makes its children worthless (VHDX-PAR-19): programs that
 * open one for writing warn of them.  Children elsewhere are not found.
 *
 * Returns: 0, VHD_E_NOMEM; VHD_E_REFUSED when there are more files: whoever goes
 *          on does not know.
 * Threads: any.
 */
VHD_API int vhd_children(struct vhd_image *img, vhd_child_fn fn, void *arg,
			 struct vhd_error *err);

/**
 * vhd_refuse_children - fail when images are known whose parent this one is
 *
 * @img: the image, before it is written to, replaced or removed
 * @err: may be NULL; says how many there are, and names one
 *
 * Who may be found, and how, is told at vhd_children().
 *
 * Returns: 0: none is known; VHD_E_REFUSED when there are children or more files
 *          than are looked at; VHD_E_NOMEM.
 * Threads: any.
 * Spec:    VHD-D-5, VHDX-PAR-19.
 */
VHD_API int vhd_refuse_children(struct vhd_image *img, struct vhd_error *err);

/**
 * struct vhd_finding - one thing that check has to say
 *
 * @rule:  the rule that is broken; lives for ever
 * @layer: layer of the chain, 0 is the image
 * @off:   byte in @file, or VHD_NO_OFFSET
 * @file:  the file; lives during the call
 * @msg:   one sentence with the numbers; lives during the call
 */
struct vhd_finding {
	const struct vhd_rule *rule;
	uint32_t layer;
	uint64_t off;
	const char *file;
	const char *msg;
};

/** vhd_finding_fn - told of each finding, in the order they are found */
typedef void (*vhd_finding_fn)(void *arg, const struct vhd_finding *finding);

/* Flags for vhd_check(). */
enum {
	/* Check every layer of the chain, not the image alone. */
	VHD_CHECK_CHAIN = 1 << 0,
	/* Look into sector bitmaps and data too: takes as long as reading. */
	VHD_CHECK_DEEP = 1 << 1
};

/**
 * struct vhd_check_opts - how to check
 *
 * @size:         sizeof(struct vhd_check_opts)
 * @flags:        VHD_CHECK_*
 * @now:          seconds since 1970, to judge time stamps; 0 skips that
 * @open:         how to open; may be NULL. Without cache_bytes the image itself
 *                has up to 16 MiB, its parents what vhd_open() gives them
 * @finding:      may be NULL
 * @finding_arg:  passed to it
 * @progress:     may be NULL
 * @progress_arg: passed to it
 */
struct vhd_check_opts {
	uint32_t size;
	uint32_t flags;
	int64_t now;
	const struct vhd_open_opts *open;
	vhd_finding_fn finding;
	void *finding_arg;
	vhd_progress_fn progress;
	void *progress_arg;
};
#define VHD_CHECK_OPTS_INIT { .size = sizeof(struct vhd_check_opts) }

/**
 * struct vhd_check_result - what check found
 *
 * @count:  findings by severity
 * @layers: layers that could be opened
 * @blocks: table entries looked at
 */
struct vhd_check_result {
	uint64_t count[4];
	uint32_t layers;
	uint32_t reserved;
	uint64_t blocks;
};

/**
 * vhd_check - hold an image against the rules of its format
 *
 * @path:       the image; never changed
 * @opts:       may be NULL
 * @result_out: must not be NULL
 * @err:        may be NULL
 *
 * A file that cannot be opened because a rule is broken is a finding, not a
 * failure of this call.
 *
 * Returns: 0 when the check could be made, whatever it found; VHD_E_IO,
 *          VHD_E_NOTFILE, VHD_E_FORMAT, VHD_E_INVAL, VHD_E_BUSY,
 *          VHD_E_CANCELLED, VHD_E_NOMEM.
 * Threads: any.
 * Spec:    vhd.md 19, vhdx.md 22.
 */
VHD_API int vhd_check(const char *path, const struct vhd_check_opts *opts,
		      struct vhd_check_result *result_out,
		      struct vhd_error *err);

#ifdef __cplusplus
}
#endif
#endif
