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

/* Flags for vhd_xen_fill(). */
enum {
	/* Zeros may be holes of the file. */
	VHD_XEN_FILL_SPARSE = 1 << 0
};

#ifdef __cplusplus
}
#endif
#endif
