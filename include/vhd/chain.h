/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_CHAIN_H
#define VHD_CHAIN_H

/*
 * Work on chains: who is whose child, merging, and new parents.  A snapshot is
 * vhd_create() with a parent; flattening is vhd_convert().
 */

#include "change.h"
#include "error.h"
#include "image.h"
#include "ops.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* More flags, beside VHD_CHANGE_DRY_RUN and VHD_CHANGE_ORPHAN. */
enum {
	/*
	 * vhd_merge(): a VHD ancestor keeps its own unique id, as Xen's
	 * coalesce has it; children of the merged image then are pointed at it.
	 */
	VHD_MERGE_KEEP_ID = 1 << 8,
	/* vhd_merge(): leave the children of the merged image alone. */
	VHD_MERGE_NO_RELINK = 1 << 9,
	/* vhd_rebase(): record the new parent, and copy nothing. */
	VHD_REBASE_UNSAFE = 1 << 10,
	/* vhd_merge(): remove the files of the layers that are spent. */
	VHD_MERGE_DELETE = 1 << 11
};

/** vhd_note_fn - told of one thing that is done, or would be; one sentence */
typedef void (*vhd_note_fn)(void *arg, const char *file, const char *msg);

/**
 * struct vhd_merge_opts - how to merge
 *
 * @size:         sizeof(struct vhd_merge_opts)
 * @flags:        VHD_CHANGE_*, VHD_MERGE_*
 * @into:         the layer that takes it all, a file of the chain; NULL: the
 *                parent
 * @open:         how to open the chain; may be NULL
 * @note:         told of each step; may be NULL
 * @note_arg:     passed to it
 * @progress:     may be NULL; one call at a time
 * @progress_arg: passed to it
 * @threads:      how many threads may work, this one included; 0 is 1
 */
struct vhd_merge_opts {
	uint32_t size;
	uint32_t flags;
	const char *into;
	const struct vhd_open_opts *open;
	vhd_note_fn note;
	void *note_arg;
	vhd_progress_fn progress;
	void *progress_arg;
	uint32_t threads;
	uint32_t reserved;
};
#define VHD_MERGE_OPTS_INIT { .size = sizeof(struct vhd_merge_opts) }

/**
 * struct vhd_merge_result - what a merge did, or would do
 *
 * @layers:      layers that went into the ancestor; 0: they were in it before
 * @relinked:    children of the merged image that have the ancestor as their
 *               parent now
 * @data_bytes:  bytes of the layers' data that were written to it
 * @zero_bytes:  bytes that became zeros in it
 * @skipped_bytes: how much of the disk an interrupted merge had been through
 * @removed:     files of spent layers that were removed
 */
struct vhd_merge_result {
	uint32_t layers;
	uint32_t relinked;
	uint64_t data_bytes;
	uint64_t zero_bytes;
	uint64_t skipped_bytes;
	uint32_t removed;
	uint32_t reserved;
};

/**
 * vhd_merge - bring what a chain's upper layers hold into one of the lower ones
 *
 * @path:       the image whose disk the ancestor is to show
 * @opts:       may be NULL: into its parent
 * @result_out: may be NULL
 * @err:        may be NULL
 *
 * The ancestor then shows the disk of @path, takes over its identity (unless
 * VHD_MERGE_KEEP_ID), and the children of @path that lie beside it get the
 * ancestor as their parent.  The layers that were merged are spent: they no
 * longer match the ancestor, are refused by who opens them, and may be removed.
 * Until the last step they can be opened and show what they did.
 *
 * Other children of the ancestor and of the layers between refuse the merge
 * unless VHD_CHANGE_ORPHAN is given.  While it runs there is a file NAME.merge
 * beside the ancestor NAME.  An interrupted merge is finished by the same call,
 * which goes on where the other one was.  Until then the merged image shows what
 * it did, and the layers between, which have no way to tell, need not.
 *
 * A raw ancestor has no identity that could tell the spent layers apart, and one
 * that keeps its own has the old one: remove them.
 *
 * Returns: 0, also for a @path that is gone, when all was in @opts->into before
 *          and only the file NAME.merge was left to remove; VHD_E_REFUSED,
 *          VHD_E_INVAL, VHD_E_CANCELLED; else as vhd_open() and vhd_pwrite().
 * Threads: any.
 * Spec:    VHD-D-5, VHD-D-11; VHDX-MRG-02 to VHDX-MRG-06.
 */
VHD_API int vhd_merge(const char *path, const struct vhd_merge_opts *opts,
		      struct vhd_merge_result *result_out,
		      struct vhd_error *err);

/**
 * vhd_merge_new - the same into a new image; the old ones stay as they are
 *
 * @path:       the image whose disk the new one is to show
 * @dst:        the new image: a child of what is below the ancestor, or
 *              stand-alone when nothing is
 * @create:     what may be chosen of it; may be NULL
 * @opts:       as for vhd_merge(); children are not touched
 * @result_out: may be NULL
 * @err:        may be NULL
 *
 * Returns: as vhd_create() and vhd_merge().
 * Threads: any.
 */
VHD_API int vhd_merge_new(const char *path, const char *dst,
			  const struct vhd_create_opts *create,
			  const struct vhd_merge_opts *opts,
			  struct vhd_merge_result *result_out,
			  struct vhd_error *err);

/**
 * vhd_merge_unfinished - was a merge into a layer of an image interrupted?
 *
 * @img:         the image, with its parents
 * @merged_out:  the layer that is merged; -1: it is none of this chain
 * @into_out:    the ancestor's layer; -1: no such merge is known
 * @pos_out:     bytes of the merged image's disk that are known to be there
 * @err:         may be NULL
 *
 * Where the merged image is no layer, the ancestor is not covered by it, and
 * @img shows a mixture of two disks until the merge is finished.  A program
 * warns of that, and says that the same merge has to be done again.
 *
 * Returns: 0, VHD_E_NOMEM.
 * Threads: any.
 * Spec:    VHD-D-11, VHDX-MRG-03.
 */
VHD_API int vhd_merge_unfinished(struct vhd_image *img, int64_t *merged_out,
				 int64_t *into_out, uint64_t *pos_out,
				 struct vhd_error *err);

/**
 * struct vhd_rebase_opts - how to rebase
 *
 * @size:         sizeof(struct vhd_rebase_opts)
 * @flags:        VHD_CHANGE_DRY_RUN, VHD_REBASE_UNSAFE
 * @open:         how to open the image, its old parent and the new one; may be
 *                NULL
 * @note:         told of each step; may be NULL
 * @note_arg:     passed to it
 * @progress:     may be NULL
 * @progress_arg: passed to it
 */
struct vhd_rebase_opts {
	uint32_t size;
	uint32_t flags;
	const struct vhd_open_opts *open;
	vhd_note_fn note;
	void *note_arg;
	vhd_progress_fn progress;
	void *progress_arg;
};
#define VHD_REBASE_OPTS_INIT { .size = sizeof(struct vhd_rebase_opts) }

/**
 * struct vhd_rebase_result - what a rebase did, or would do
 *
 * @copied_bytes: bytes of the old parent that the image got
 * @same_bytes:   bytes that the image shows of its parent, and go on doing so
 */
struct vhd_rebase_result {
	uint64_t copied_bytes;
	uint64_t same_bytes;
};

/**
 * vhd_rebase - give a child another parent
 *
 * @path:       the child
 * @parent:     the new parent
 * @opts:       may be NULL
 * @result_out: may be NULL
 * @err:        may be NULL
 *
 * The disk stays what it is: where the child shows its old parent and the new
 * one differs, the old parent's bytes are copied into the child first.  With
 * VHD_REBASE_UNSAFE only the child's record of its parent changes, and so may
 * the disk; the old parent need not be there.  The image keeps its identity, so
 * that its own children stay valid.
 *
 * Cut off at any moment, the image has its old parent and shows the same bytes;
 * the same call finishes.
 *
 * Returns: 0; VHD_E_INVAL for a new parent of another format, of other sectors,
 *          larger than the image, or below which the image lies;
 *          VHD_E_CANCELLED; else as vhd_open() and vhd_pwrite().
 * Threads: any.
 * Spec:    VHD-D-2, VHD-D-6, VHD-D-12, VHD-W-11, VHD-W-12; VHDX-PAR-15,
 *          VHDX-PAR-20, VHDX-PAR-21.
 */
VHD_API int vhd_rebase(const char *path, const char *parent,
		       const struct vhd_rebase_opts *opts,
		       struct vhd_rebase_result *result_out,
		       struct vhd_error *err);

/**
 * vhd_relink - find the parent of a child again
 *
 * @path:       the child
 * @dirs:       folders to search, with those below them; ended by NULL; may be
 *              NULL. The child's own is searched in any case, without what is
 *              below it
 * @flags:      VHD_CHANGE_DRY_RUN
 * @open:       may be NULL
 * @note:       told of what was found and done; may be NULL
 * @note_arg:   passed to it
 * @changed_out: may be NULL; false: the record was right
 * @err:        may be NULL
 *
 * Takes the file whose identity the child records, wherever it is and whatever
 * its name, and records where that is; then the same for its parent's parent, and
 * so on.  The disk does not change, and nothing does before all were found.
 *
 * Returns: 0; VHD_E_PARENT when no such file is there, VHD_E_REFUSED when there
 *          are several; else as vhd_rebase().
 * Threads: any.
 */
VHD_API int vhd_relink(const char *path, const char *const *dirs,
		       uint32_t flags, const struct vhd_open_opts *open,
		       vhd_note_fn note, void *note_arg, bool *changed_out,
		       struct vhd_error *err);

/**
 * struct vhd_member - one image of a family
 *
 * @path:   its file
 * @info:   as vhd_layer_info() of layer 0; format AUTO when it cannot be opened
 * @mtime:  seconds since 1970
 * @parent: the member that is its parent, counted from 0; -1: none, or lost
 * @parent_path: what it records of a parent (the first name), else NULL
 * @why:    NULL when all is well; else one sentence: why the file could not be
 *          opened (format AUTO), where a parent was found that the record does
 *          not lead to (@parent is not -1), or what became of the parent
 */
struct vhd_member {
	const char *path;
	struct vhd_info info;
	int64_t mtime;
	int64_t parent;
	const char *parent_path;
	const char *why;
};

/** The images of some folders. Opaque. */
struct vhd_family;

/**
 * vhd_family_scan - look who is whose child
 *
 * @paths:   folders and images, ended by NULL; an image stands for its folder
 * @open:    may be NULL
 * @fam_out: to be freed with vhd_family_free()
 * @err:     may be NULL
 *
 * Looks at the headers of the image files (.vhd, .avhd, .vhdx, .avhdx) in these
 * folders, not below them, and of the parents that they lead to, wherever these
 * lie; at most 65536 files.  Nothing is changed and no lock is taken.
 *
 * Returns: 0, VHD_E_IO, VHD_E_NOMEM, VHD_E_INVAL, VHD_E_RANGE for more files.
 * Threads: any.
 */
VHD_API int vhd_family_scan(const char *const *paths,
			    const struct vhd_open_opts *open,
			    struct vhd_family **fam_out,
			    struct vhd_error *err);

/** vhd_family_count - how many members there are. Threads: any. */
VHD_API size_t vhd_family_count(const struct vhd_family *fam);

/**
 * vhd_family_get - a member; they are in the order of their paths
 *
 * Returns: what lives until vhd_family_free(); NULL when there is no such one.
 * Threads: any.
 */
VHD_API const struct vhd_member *vhd_family_get(const struct vhd_family *fam,
						size_t idx);

/** vhd_family_free - set to NULL; a pointer to NULL is fine. Threads: any. */
VHD_API void vhd_family_free(struct vhd_family **fam);

#ifdef __cplusplus
}
#endif
#endif
