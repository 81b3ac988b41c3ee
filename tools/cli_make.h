/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_CLI_MAKE_H
#define VHD_TOOLS_CLI_MAKE_H

/*
 * The options that say what a new image is to be, shared by the verbs that make
 * one.
 */

#include "cli.h"

/* Their `val` codes lie between these. */
enum {
	CLI_MAKE_FIRST = 500,
	CLI_MAKE_FORMAT = CLI_MAKE_FIRST,
	CLI_MAKE_LAST = 599
};

extern const struct poptOption cli_make_opts[];
/* without --orphan, for verbs that have one of their own */
extern const struct poptOption cli_make_base_opts[];

/* Takes one option of the table above; CLI_GO or CLI_USAGE. */
int cli_make_option(struct cli *cli, struct vhd_create_opts *make, int val,
		    const char *text);

/* Takes the time stamp from SOURCE_DATE_EPOCH, if it is set. */
int cli_make_timestamp(struct cli *cli, struct vhd_create_opts *make);

extern const struct cli_name cli_formats[];
extern const struct cli_name cli_targets[];

#endif
