/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_XEN_H
#define VHD_XEN_H

/*
 * What Xen's storage managers keep in a VHD and do to it (vhd.md 12).
 *
 * A storage manager keeps one disk in one file or logical volume, counts on where
 * things are in it, and runs one step at a time: a snapshot is a child and a
 * marked parent, deleting one is a coalesce and a change of parent.  The calls in
 * here are these steps, for files and block devices alike; work that people do
 * on whole images is in change.h and chain.h.
 *
 * All of them take the names of files, write to the one that is named only, and
 * may be cut off at any moment: the image opens with the old state or the new
 * one, or, where a journal is given, after vhd_xen_revert().
 */

#include "change.h"
#include "error.h"
#include "image.h"
#include "types.h"
#include "xen_look.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Flags for vhd_xen_repair(). */
enum {
	/* From the copy at the front, whatever the trailing footer says. */
	VHD_XEN_USE_COPY = 1 << 0
};

/**
 * vhd_xen_repair - write both footers anew
 *
 * @path:  the image; table and data are not touched
 * @flags: VHD_XEN_USE_COPY
 * @open:  may be NULL
 * @err:   may be NULL
 *
 * A file ends behind its last block afterwards, and becomes longer where the last
 * block was cut off; a device keeps its footer in its last sector.  An id of zeros
 * is replaced by a random one.
 *
 * Returns: 0; VHD_E_CORRUPT when a block begins behind the end of the file, or
 *          lies where a device has its footer: nothing is changed then; else as
 *          vhd_open() for writing.
 * Threads: any.
 * Spec:    VHD-X-24, VHD-X-25.
 */
VHD_API int vhd_xen_repair(const char *path, uint32_t flags,
			   const struct vhd_open_opts *open,
			   struct vhd_error *err);

/**
 * vhd_xen_set_end - place the trailing footer where a device will end
 *
 * @path: the image
 * @end:  bytes that the file or device has, or will have; a multiple of 512
 * @open: may be NULL
 * @err:  may be NULL
 *
 * A file gets this length.  The footer that a device ends with stays there as well
 * until the device is cut.
 *
 * Returns: 0; VHD_E_INVAL for less than what is in use; VHD_E_NOSPACE for more than
 *          a device has; else as vhd_open() for writing.
 * Threads: any.
 * Spec:    VHD-X-25.
 */
VHD_API int vhd_xen_set_end(const char *path, uint64_t end,
			    const struct vhd_open_opts *open,
			    struct vhd_error *err);

/**
 * vhd_xen_forget - forget all data of an image
 *
 * @path: the image, dynamic or differencing; what its parent is stays, and so does
 *        the hash of a key
 * @open: may be NULL
 * @err:  may be NULL
 *
 * A file ends behind its headers afterwards.  When the call is cut off some of the
 * data may be forgotten and some not.
 *
 * Returns: 0; VHD_E_UNSUPPORTED (os_errno ENOSYS) for a fixed disk; else as
 *          vhd_open() for writing.
 * Threads: any.
 * Spec:    VHD-X-10, VHD-W-7.
 */
VHD_API int vhd_xen_forget(const char *path, const struct vhd_open_opts *open,
			   struct vhd_error *err);

/**
 * vhd_xen_step_fn - told of a stage of a call, before it begins
 *
 * @stage: a word such as "RESIZE_BEGIN"
 *
 * Returns: true to go on; false: the call ends at once, and leaves everything as
 *          a crash would.
 */
typedef bool (*vhd_xen_step_fn)(void *arg, const char *stage);

/* Flags of struct vhd_xen_link_opts. */
enum {
	/* The parent is the bytes of a raw disk, whatever they look like. */
	VHD_XEN_LINK_RAW = 1 << 0
};

/**
 * struct vhd_xen_link_opts - how to record another parent
 *
 * @size:     sizeof(struct vhd_xen_link_opts)
 * @flags:    VHD_XEN_LINK_RAW
 * @open:     may be NULL
 * @step:     may be NULL; told of REPARENT_BEGIN, REPARENT_LOCATOR, REPARENT_END
 * @step_arg: passed to it
 */
struct vhd_xen_link_opts {
	uint32_t size;
	uint32_t flags;
	const struct vhd_open_opts *open;
	vhd_xen_step_fn step;
	void *step_arg;
};
#define VHD_XEN_LINK_OPTS_INIT { .size = sizeof(struct vhd_xen_link_opts) }

/**
 * vhd_xen_link - record another parent of an image, and copy nothing
 *
 * @path:   the image, a differencing VHD
 * @parent: a VHD or, with VHD_XEN_LINK_RAW, anything; a file or a block device
 * @opts:   may be NULL
 * @err:    may be NULL
 *
 * Its id, its time and its name are recorded, the way from the folder of the one
 * canonical name to the other in three forms.  What is below the parent need not be
 * there.
 *
 * Returns: 0; VHD_E_INVAL for an image that has no parent, or would be below
 *          itself; VHD_E_IO (ENOENT) without a parent; VHD_E_NOSPACE (os_errno
 *          ENAMETOOLONG) when there is no room for its name in front of the
 *          blocks, and nothing is changed; else as vhd_open() for writing.
 * Threads: any.
 * Spec:    VHD-D-12, VHD-L-8, VHD-L-13, VHD-W-11, VHD-W-12.
 */
VHD_API int vhd_xen_link(const char *path, const char *parent,
			 const struct vhd_xen_link_opts *opts,
			 struct vhd_error *err);

/**
 * struct vhd_xen_resize_opts - how to resize
 *
 * @size:    sizeof(struct vhd_xen_resize_opts)
 * @flags:   0
 * @journal: a new file, or a block device, for what has to be put back after a
 *           crash; NULL: within the room that the metadata has
 * @open:    may be NULL
 * @step:    may be NULL
 * @step_arg: passed to it
 */
struct vhd_xen_resize_opts {
	uint32_t size;
	uint32_t flags;
	const char *journal;
	const struct vhd_open_opts *open;
	vhd_xen_step_fn step;
	void *step_arg;
};
#define VHD_XEN_RESIZE_OPTS_INIT { .size = sizeof(struct vhd_xen_resize_opts) }

/**
 * vhd_xen_resize - make a disk larger in the way of blktap
 *
 * @path:     the image; creator "tap", dynamic or differencing
 * @new_size: bytes, rounded up to blocks
 * @opts:     must not be NULL
 * @err:      may be NULL
 *
 * Without a journal the size in both footers changes and nothing else.  With
 * one the metadata grows, blocks in the way move to the end, and meanwhile the
 * image is poisoned (VHD-X-20), so that nobody uses it half done.
 *
 * @opts->step is told "JOURNAL" before the journal is made, and RESIZE_BEGIN,
 * RESIZE_DATA_MOVED, RESIZE_METADATA_MOVED and RESIZE_END when it is there.  After
 * any other failure the image is as it was, and the journal gone, unless that
 * fails as well: then the journal stays, for vhd_xen_revert().
 *
 * Returns: 0, also when the disk has that size; VHD_E_INVAL for a fixed disk, for
 *          more than 2 TiB, and without a journal for more than the room that
 *          there is or less than the disk has; VHD_E_UNSUPPORTED for an image of
 *          another creator, and with os_errno ENOSYS for a smaller size with a
 *          journal; VHD_E_EXISTS for a journal that is there; VHD_E_NOSPACE when
 *          the device is too small; VHD_E_CANCELLED; else as vhd_open() for
 *          writing.
 * Threads: any.
 * Spec:    VHD-X-20 to VHD-X-23.
 */
VHD_API int vhd_xen_resize(const char *path, uint64_t new_size,
			   const struct vhd_xen_resize_opts *opts,
			   struct vhd_error *err);

/**
 * vhd_xen_revert - undo an interrupted vhd_xen_resize(), ours or blktap's
 *
 * @path:    the image
 * @journal: what that call has left; removed at the end unless it is a device
 * @open:    may be NULL
 * @err:     may be NULL
 *
 * Returns: 0; VHD_E_IO (ENOENT, ...) when the journal cannot be opened;
 *          VHD_E_CORRUPT or VHD_E_INVAL for one that is damaged or another
 *          image's: nothing is changed then; else as vhd_open() for writing.
 * Threads: any.
 * Spec:    VHD-X-21 to VHD-X-23.
 */
VHD_API int vhd_xen_revert(const char *path, const char *journal,
			   const struct vhd_open_opts *open,
			   struct vhd_error *err);

/* Flags for vhd_xen_coalesce(). */
enum {
	/*
	 * @into is a layer further down.  The layers between, which would hide
	 * what is new there, give up the sectors that the image holds; that is
	 * done when the ancestor has them, and durable too.
	 */
	VHD_XEN_ANCESTOR = 1 << 0,
	/* Sectors of new blocks that are not written are left as the file has
	 * them; nobody reads them. */
	VHD_XEN_UNZEROED = 1 << 1,
	/*
	 * @into is a new file, which appears when it is complete: a dynamic VHD
	 * without a parent that shows what the image shows.  Blocks of zeros are
	 * left out, but for an encrypted disk: there every sector that the chain
	 * holds is copied, and no other, and the hash of its key.
	 */
	VHD_XEN_NEW = 1 << 2
};

/**
 * struct vhd_xen_coalesce_opts - how to coalesce
 *
 * @size:         sizeof(struct vhd_xen_coalesce_opts)
 * @flags:        VHD_XEN_ANCESTOR or VHD_XEN_NEW; VHD_XEN_UNZEROED
 * @into:         the parent's file; NULL: where the image says that it is
 * @open:         how to open the image and the parent; may be NULL
 * @progress:     may be NULL; counts bytes of the disk
 * @progress_arg: passed to it
 * @threads:      0 means 1
 */
struct vhd_xen_coalesce_opts {
	uint32_t size;
	uint32_t flags;
	const char *into;
	const struct vhd_open_opts *open;
	vhd_progress_fn progress;
	void *progress_arg;
	uint32_t threads;
	uint32_t reserved;
};
#define VHD_XEN_COALESCE_OPTS_INIT \
	{ .size = sizeof(struct vhd_xen_coalesce_opts) }

/**
 * vhd_xen_coalesce - write what an image holds into its parent
 *
 * @path:        the image; opened without a lock, not changed
 * @opts:        may be NULL
 * @sectors_out: sectors of 512 bytes that the image holds, and the parent has
 *               now (VHD_XEN_NEW: that were written); may be NULL
 * @err:         may be NULL
 *
 * The parent is a VHD or, where the image records it as one, a raw disk; its own
 * parents need not be there.  Exactly the sectors that the image marks become its
 * own, blocks that Xen's batmap shows full being marked as a whole.  It is not
 * resized, and its identity not compared.  Nothing is relinked, marked or removed;
 * doing it again does no harm.  A parent that was cut off in the middle is sound:
 * each sector has the old bytes or the new ones, and the disk of @path does not
 * change.  An encrypted disk is copied as it is stored.
 *
 * Returns: 0; VHD_E_RANGE when the image holds data behind the end of its
 *          parent: what lies before that may have been written; VHD_E_INVAL when
 *          it has no parent; VHD_E_CANCELLED; else as vhd_open(),
 *          vhd_xen_parent() and vhd_pwrite().
 * Threads: any.
 * Spec:    VHD-D-11, VHD-X-5, VHD-W-6.
 */
VHD_API int vhd_xen_coalesce(const char *path,
			     const struct vhd_xen_coalesce_opts *opts,
			     uint64_t *sectors_out, struct vhd_error *err);

/**
 * vhd_xen_base - the file that a snapshot of an image is to be a child of
 *
 * @path: the image
 * @buf:  receives its name: @path as given, or a canonical one
 * @room: bytes of it
 * @raw_out: true: it is a raw disk; may be NULL
 * @err:  may be NULL
 *
 * A differencing image that holds no block is passed over for its parent, again
 * and again, as long as that shows no more bytes than @path.
 *
 * Returns: 0; VHD_E_RANGE when @room is too small; else as vhd_open() and
 *          vhd_xen_parent().
 * Threads: any.
 */
VHD_API int vhd_xen_base(const char *path, char *buf, size_t room,
			 bool *raw_out, struct vhd_error *err);

/* Flags for vhd_xen_snapshot(). */
enum {
	/* @parent is the parent, even where vhd_xen_base() is another file. */
	VHD_XEN_KEEP_EMPTY = 1 << 0,
	/* @parent is the bytes of a raw disk, whatever they look like. */
	VHD_XEN_RAW_PARENT = 1 << 1
};

/**
 * struct vhd_xen_snapshot_opts - how to make a snapshot
 *
 * @size:      sizeof(struct vhd_xen_snapshot_opts)
 * @flags:     VHD_XEN_KEEP_EMPTY, VHD_XEN_RAW_PARENT
 * @room_size: struct vhd_create_opts; rounded up to blocks
 */
struct vhd_xen_snapshot_opts {
	uint32_t size;
	uint32_t flags;
	uint64_t room_size;
};
#define VHD_XEN_SNAPSHOT_OPTS_INIT \
	{ .size = sizeof(struct vhd_xen_snapshot_opts) }

/**
 * vhd_xen_snapshot - make an empty child of an image
 *
 * @path:   the child: a new file, one to be replaced, or a block device
 * @parent: the image; not changed
 * @opts:   may be NULL
 * @err:    may be NULL
 *
 * The child has the size of @parent, to the byte, and the hash of its key.  A
 * @path that is a file of the chain that the child would have is refused.
 *
 * Returns: 0; VHD_E_INVAL; else as vhd_create() and vhd_xen_base().
 * Threads: any.
 * Spec:    VHD-D-2, VHD-L-8, VHD-X-15.
 */
VHD_API int vhd_xen_snapshot(const char *path, const char *parent,
			     const struct vhd_xen_snapshot_opts *opts,
			     struct vhd_error *err);

/**
 * vhd_xen_cipher_fn - changes the bytes of some sectors in place
 *
 * @sector: the first one's number on the disk
 * @buf:    @len bytes, a multiple of 512
 */
typedef void (*vhd_xen_cipher_fn)(void *arg, uint64_t sector, void *buf,
				  size_t len);

/**
 * struct vhd_xen_copy_opts - how to copy
 *
 * @size:       sizeof(struct vhd_xen_copy_opts)
 * @flags:      0
 * @key_hash:   to record in the copy; may be NULL
 * @cipher:     what is to be done to each block before it is written; may be
 *              NULL
 * @cipher_arg: passed to it
 */
struct vhd_xen_copy_opts {
	uint32_t size;
	uint32_t flags;
	const struct vhd_key_hash *key_hash;
	vhd_xen_cipher_fn cipher;
	void *cipher_arg;
};
#define VHD_XEN_COPY_OPTS_INIT { .size = sizeof(struct vhd_xen_copy_opts) }

/**
 * vhd_xen_copy - copy a dynamic VHD block by block
 *
 * @path: the image; not changed
 * @dst:  a new file, which appears when it is complete
 * @opts: may be NULL
 * @err:  may be NULL
 *
 * The copy has the blocks that @path has, each of them whole: with an encrypted
 * disk, zeros that are stored are something else than a block that is not there.
 *
 * Returns: 0; VHD_E_EXISTS; VHD_E_INVAL for an image that is not dynamic, or has
 *          a key already; else as vhd_create() and vhd_pwrite().
 * Threads: any.
 * Spec:    VHD-X-15.
 */
VHD_API int vhd_xen_copy(const char *path, const char *dst,
			 const struct vhd_xen_copy_opts *opts,
			 struct vhd_error *err);

/* Flags for vhd_xen_fill(). */
enum {
	/* Zeros may be holes of the file. */
	VHD_XEN_FILL_SPARSE = 1 << 0
};

/**
 * vhd_xen_fill - give blocks of an image their space
 *
 * @path:  the image, dynamic or differencing
 * @off:   the first byte; the whole of its block counts
 * @len:   bytes
 * @flags: VHD_XEN_FILL_SPARSE
 * @open:  may be NULL
 * @err:   may be NULL
 *
 * All sectors of the blocks are the image's own afterwards: what the disk showed
 * there it shows still.
 *
 * Returns: 0; VHD_E_RANGE behind the end of the disk; VHD_E_INVAL for a fixed
 *          disk; else as vhd_open() for writing and vhd_pwrite().
 * Threads: any.
 */
VHD_API int vhd_xen_fill(const char *path, uint64_t off, uint64_t len,
			 uint32_t flags, const struct vhd_open_opts *open,
			 struct vhd_error *err);

/**
 * vhd_xen_wrap - turn a raw disk into a fixed VHD, in place
 *
 * @path: a regular file; a length that is no multiple of 512 grows to one
 * @err:  may be NULL
 *
 * Returns: 0; VHD_E_INVAL for more than 2 TiB; VHD_E_NOTFILE, VHD_E_BUSY,
 *          VHD_E_IO, VHD_E_NOSPACE.
 * Threads: any.
 */
VHD_API int vhd_xen_wrap(const char *path, struct vhd_error *err);

/**
 * vhd_xen_unwrap - turn a fixed VHD into a raw disk, in place
 *
 * @path: a regular file
 * @err:  may be NULL
 *
 * Returns: 0; VHD_E_INVAL for another type of image; VHD_E_REFUSED for a footer
 *          that states less than there is in front of it; else as vhd_open()
 *          for writing.
 * Threads: any.
 */
VHD_API int vhd_xen_unwrap(const char *path, struct vhd_error *err);

#ifdef __cplusplus
}
#endif
#endif
