/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_CHECK_H
#define VHD_OPS_CHECK_H

#include "io/io.h"
#include "vhd/ops.h"

/*
 * A file to be checked that is not found by its name alone.
 *
 * @open:     opens it, perhaps with the given options; once for each pass
 * @path:     its name
 * @tolerant: what keeps a parent from being looked at is a finding, not a
 *            failure
 */
struct vhd_check_source {
	int (*open)(void *arg, const struct vhd_open_opts *open,
		    struct vhd_io **io_out, struct vhd_error *err);
	void *arg;
	const char *path;
	bool tolerant;
};

/* vhd_check() of it, in the place where it lies. */
int vhd_check_from(const struct vhd_check_source *src,
		   const struct vhd_check_opts *opts,
		   struct vhd_check_result *result_out, struct vhd_error *err);

/*
 * vhd_check() of an open file, alone: without its parents and what lies beside
 * it.  @io is taken over.
 */
int vhd_check_io(struct vhd_io *io, const struct vhd_check_opts *opts,
		 struct vhd_check_result *result_out, struct vhd_error *err);

#endif
