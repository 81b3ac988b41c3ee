/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_LINT_H
#define VHD_LINT_H

/*
 * Will this image do where it is going?  A sound image may still be refused by
 * the program that is to use it.
 */

#include "ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/** enum vhd_advice_kind - what will happen */
enum vhd_advice_kind {
	VHD_ADVICE_NOTE = 0,	/* works; worth knowing */
	VHD_ADVICE_TROUBLE = 1,	/* works badly, or in part */
	VHD_ADVICE_REFUSED = 2	/* does not work */
};

/**
 * struct vhd_advice - one thing that a target will not like
 *
 * @kind:   how bad
 * @clause: rule of the format notes behind it, such as "VHD-A-10"
 * @file:   the file; lives during the call
 * @msg:    what the target does about it, one sentence; lives during the call
 * @mend:   a command line that mends it, the image's name quoted for a shell;
 *          NULL when there is none; lives during the call. All that one
 *          conversion mends has the same one
 */
struct vhd_advice {
	enum vhd_advice_kind kind;
	const char *clause;
	const char *file;
	const char *msg;
	const char *mend;
};

typedef void (*vhd_advice_fn)(void *arg, const struct vhd_advice *advice);

/**
 * struct vhd_lint_opts - how to look
 *
 * @size:   sizeof(struct vhd_lint_opts)
 * @flags:  0
 * @target: who is to use the image
 * @open:   how to open; may be NULL
 * @advice: may be NULL
 * @arg:    passed to it
 */
struct vhd_lint_opts {
	uint32_t size;
	uint32_t flags;
	enum vhd_target target;
	const struct vhd_open_opts *open;
	vhd_advice_fn advice;
	void *arg;
};
#define VHD_LINT_OPTS_INIT { .size = sizeof(struct vhd_lint_opts) }

/** struct vhd_lint_result - advice by kind */
struct vhd_lint_result {
	uint64_t count[3];
};

/**
 * vhd_lint - what a target will refuse about an image
 *
 * @path:       the image; never changed
 * @opts:       names the target
 * @result_out: must not be NULL
 * @err:        may be NULL
 *
 * Damage is vhd_check()'s business; an image that cannot be opened fails this
 * call.
 *
 * Returns: 0; else as vhd_open().
 * Threads: any.
 * Spec:    vhd.md 8, 11, 17; vhdx.md 19, 20.
 */
VHD_API int vhd_lint(const char *path, const struct vhd_lint_opts *opts,
		     struct vhd_lint_result *result_out,
		     struct vhd_error *err);

#ifdef __cplusplus
}
#endif
#endif
