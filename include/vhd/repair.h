/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_REPAIR_H
#define VHD_REPAIR_H

/*
 * Damaged images: mend them in place, take a repair back, or copy out what can
 * be had.
 *
 * A repair is a plan first: what would be written is worked out on a view of
 * the file, in memory, and the file is checked in that view.  Only then, and
 * only if asked to, it is carried out: what will be overwritten is saved in an
 * undo file and made durable, then the changes are made, in an order in which a
 * power cut at any moment leaves the image no worse than it was; the same
 * repair again finishes it, and the undo file takes it back.
 */

#include "ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct vhd_consent - what the owner of an image allows
 *
 * @rule:   a rule's name or the id of its invariant, or "all"
 * @choice: for rules that can be mended in more than one way, one of the words
 *          docs/check.md lists; NULL is the usual way
 */
struct vhd_consent {
	const char *rule;
	const char *choice;
};

/**
 * vhd_repair_choices - the ways in which a broken rule can be mended
 *
 * @rule:       the rule
 * @needed_out: true: there is no usual way, one of them has to be named; may be
 *              NULL
 *
 * Returns: words for struct vhd_consent, separated by blanks, the usual way
 *          first; NULL when there is only one way, or none. They live for ever.
 * Threads: any.
 */
VHD_API const char *vhd_repair_choices(const struct vhd_rule *rule,
				       bool *needed_out);

/**
 * struct vhd_repair_step - one thing that a repair does
 *
 * @rule:    what it cures
 * @granted: false: it could be done, but needs consent that was not given
 * @off:     byte of the file where the damage is, or VHD_NO_OFFSET
 * @file:    the file; lives during the call
 * @msg:     what is done, one sentence; lives during the call
 * @needs_parent: consent is not enough, vhd_repair_opts.parent has to be set
 *           too (for the usual way, if there are several)
 */
struct vhd_repair_step {
	const struct vhd_rule *rule;
	bool granted;
	bool needs_parent;
	uint64_t off;
	const char *file;
	const char *msg;
};

typedef void (*vhd_repair_step_fn)(void *arg,
				   const struct vhd_repair_step *step);

/* Flags for vhd_repair(). */
enum {
	/* Write: without it the plan is all there is. */
	VHD_REPAIR_APPLY = 1 << 0
};

/**
 * struct vhd_repair_opts - how to repair
 *
 * @size:          sizeof(struct vhd_repair_opts)
 * @flags:         VHD_REPAIR_*
 * @now:           seconds since 1970, to judge time stamps; 0 skips that
 * @open:          how to open; may be NULL
 * @consents:      what is allowed beyond VHD_REPAIR_AUTO
 * @consent_count: how many
 * @drop:          blocks to give up: they read as zeros, or as the parent, then
 * @drop_count:    how many
 * @parent:        record this file as the parent, by name and identity; NULL
 *                 leaves that as it is. Needs the consent to the rule that is
 *                 broken (VHD-K-61, VHD-K-64, VHDX-CHK-82, ...)
 * @undo:          where to save what is overwritten; must not exist, not even
 *                 as a link. Who may read the image may read it. Needed for
 *                 VHD_REPAIR_APPLY
 * @disk_size:     size of the disk where the image no longer tells; 0: unknown
 * @step:          told of each step, granted or possible; may be NULL
 * @step_arg:      passed to it
 * @finding:       told of what remains wrong, in the order of vhd_check(); may
 *                 be NULL
 * @finding_arg:   passed to it
 * @progress:      may be NULL
 * @progress_arg:  passed to it
 */
struct vhd_repair_opts {
	uint32_t size;
	uint32_t flags;
	int64_t now;
	const struct vhd_open_opts *open;
	const struct vhd_consent *consents;
	size_t consent_count;
	const uint64_t *drop;
	size_t drop_count;
	const char *parent;
	const char *undo;
	uint64_t disk_size;
	vhd_repair_step_fn step;
	void *step_arg;
	vhd_finding_fn finding;
	void *finding_arg;
	vhd_progress_fn progress;
	void *progress_arg;
};
#define VHD_REPAIR_OPTS_INIT { .size = sizeof(struct vhd_repair_opts) }

/**
 * struct vhd_repair_result - what a repair did, or would do
 *
 * @steps:    granted steps
 * @possible: steps that need consent
 * @bytes:    bytes of the file that change
 * @applied:  the file was written to, also when the call then failed
 * @more:     the plan is a first part: more than it can hold is wrong. With
 *            VHD_REPAIR_APPLY all parts are done, one after the other
 * @unfinished: vhd_repair_opts.undo was there, and is the undo file of a repair
 *            of this image that was interrupted and not taken back: it can be
 *            still, as long as nothing else has written to the image
 * @after:    a check of the image as the granted steps leave it
 */
struct vhd_repair_result {
	uint64_t steps;
	uint64_t possible;
	uint64_t bytes;
	bool applied;
	bool more;
	bool unfinished;
	struct vhd_check_result after;
};

/**
 * vhd_repair - mend what can be mended
 *
 * @path:       the image; changed only with VHD_REPAIR_APPLY, and then only
 *              after the undo file is durable
 * @opts:       may be NULL: plan what is safe without asking
 * @result_out: must not be NULL
 * @err:        may be NULL
 *
 * Without a granted step nothing is written and no undo file is made.  A guest
 * byte that could be read before reads the same afterwards, except where a step
 * says otherwise; no block is given up that the owner has not named or consented
 * to.  After success the file is durable.
 *
 * Returns: 0 when the plan could be made (and applied), whatever remains wrong;
 *          VHD_E_IO, VHD_E_NOTFILE, VHD_E_FORMAT, VHD_E_BUSY, VHD_E_EXISTS,
 *          VHD_E_INVAL, VHD_E_NOSPACE, VHD_E_NOMEM, VHD_E_CANCELLED (before
 *          the first write only).
 * Threads: any.
 * Spec:    vhd.md 14 and 19, vhdx.md 22.
 */
VHD_API int vhd_repair(const char *path, const struct vhd_repair_opts *opts,
		       struct vhd_repair_result *result_out,
		       struct vhd_error *err);

/* Flags for vhd_repair_undo(). */
enum {
	/* Even if the image has been changed since the repair. */
	VHD_UNDO_FORCE = 1 << 0
};

/**
 * vhd_repair_undo - put back what a repair has overwritten
 *
 * @undo:  the undo file; stays as it is
 * @path:  the image; NULL: the one beside the undo file that has its name
 *         without ".undo", if the undo file is of that one
 * @flags: VHD_UNDO_*
 * @err:   may be NULL
 *
 * Restores the file byte for byte, its length too, whether the repair came to
 * its end or not.
 *
 * Without VHD_UNDO_FORCE nothing is thrown away that something else has written
 * since, as far as checksums of 32 bits can tell.  Before the first write, all
 * that would be overwritten or cut off is compared: with what the repair has
 * left there, if it came to its end; else, sector by sector, with what was there
 * before and with what each change of the repair writes, and the length of the
 * file with those it passes through.  Not compared are the sectors, one or a few,
 * in whose midst the file of an interrupted repair may have ended.  What was
 * written elsewhere in the file stays, as if the repair had never been.
 *
 * Returns: 0; VHD_E_CORRUPT for a damaged undo file, VHD_E_INVAL for one of
 *          another image, or when the image has been changed since; VHD_E_IO,
 *          VHD_E_BUSY, VHD_E_NOMEM.
 * Threads: any.
 */
VHD_API int vhd_repair_undo(const char *undo, const char *path, uint32_t flags,
			    struct vhd_error *err);

/**
 * vhd_loss_fn - told of guest bytes that could not be had, or are doubtful
 *
 * @off: first guest byte
 * @len: how many
 * @msg: why, one sentence; lives during the call
 */
typedef void (*vhd_loss_fn)(void *arg, uint64_t off, uint64_t len,
			    const char *msg);

/**
 * struct vhd_salvage_opts - how to salvage
 *
 * @size:         sizeof(struct vhd_salvage_opts)
 * @create:       what the new image is to be
 * @open:         how to open the source; may be NULL. VHD_OPEN_NO_PARENT: what
 *                only a parent holds is lost
 * @disk_size:    size of the disk where the image no longer tells; 0: unknown
 * @step:         told of what was assumed to make the source readable; may be
 *                NULL
 * @step_arg:     passed to it
 * @loss:         may be NULL
 * @loss_arg:     passed to it
 * @progress:     may be NULL
 * @progress_arg: passed to it
 * @doubt:        told of bytes that are what a guess makes of them, ascending,
 *                after all steps and before all losses; may be NULL
 * @doubt_arg:    passed to it
 */
struct vhd_salvage_opts {
	uint32_t size;
	uint32_t reserved;
	struct vhd_create_opts create;
	const struct vhd_open_opts *open;
	uint64_t disk_size;
	vhd_repair_step_fn step;
	void *step_arg;
	vhd_loss_fn loss;
	void *loss_arg;
	vhd_progress_fn progress;
	void *progress_arg;
	vhd_loss_fn doubt;
	void *doubt_arg;
};
#define VHD_SALVAGE_OPTS_INIT \
	{ .size = sizeof(struct vhd_salvage_opts), .create = VHD_CREATE_OPTS_INIT }

/**
 * struct vhd_salvage_result - what was saved
 *
 * @disk_size:  of the source's disk
 * @data_bytes: bytes of data that were copied
 * @lost_bytes: bytes that could not be had; they are zeros in the new image
 * @losses:     ranges of these
 * @doubtful_bytes: bytes, some of them lost perhaps, that are what a guess makes
 *              of them: the disk may have held something else
 * @doubts:     ranges of these
 */
struct vhd_salvage_result {
	uint64_t disk_size;
	uint64_t data_bytes;
	uint64_t lost_bytes;
	uint64_t losses;
	uint64_t doubtful_bytes;
	uint64_t doubts;
};

/**
 * vhd_salvage - copy whatever can be read into a new image
 *
 * @src:        the damaged image; never changed
 * @dst:        the new image
 * @opts:       may be NULL
 * @result_out: may be NULL
 * @err:        may be NULL
 *
 * Reads the source as every repair, even those that need consent, would leave
 * it, and guesses where it must; each guess is told as a step, and where it
 * decides what bytes are, these are told as doubtful.
 *
 * Returns: 0 when there is a new image, whatever was lost; VHD_E_CORRUPT when
 *          there is nothing to copy; else as vhd_convert().
 * Threads: any.
 */
VHD_API int vhd_salvage(const char *src, const char *dst,
			const struct vhd_salvage_opts *opts,
			struct vhd_salvage_result *result_out,
			struct vhd_error *err);

#ifdef __cplusplus
}
#endif
#endif
