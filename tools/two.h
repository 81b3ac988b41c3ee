/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_TWO_H
#define VHD_TOOLS_TWO_H

/* Verbs that look at two disks. */

#include "cli_open.h"

struct two {
	struct cli *cli;
	struct vhd_image *a, *b;
};

/*
 * two_open - open one of them: an image, or, under a name that promises none, a
 * raw disk
 *
 * Returns: CLI_GO, or the status to exit with, having said why.
 */
int two_open(struct cli *cli, struct cli_open *open, const char *path,
	     struct vhd_image **img_out);

/* two_close - end both; a failure is told of, and changes @status if it is good */
int two_close(struct two *t, int status);

#endif
