/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_CLI_RANGE_H
#define VHD_TOOLS_CLI_RANGE_H

/*
 * --offset and --length: which bytes of the disk a verb is about.
 */

#include "cli.h"

/* Their `val` codes, between those of verbs and of cli_open.h. */
enum { CLI_RANGE_FIRST = 900, CLI_RANGE_LAST = 909 };

extern const struct poptOption cli_range_opts[];

struct cli_range {
	uint64_t off;
	uint64_t len;		/* 0: not given */
};

/* Takes one option of the table above. */
int cli_range_option(struct cli *cli, struct cli_range *range, int val,
		     const char *text);

/*
 * cli_range_fit - is the range inside a disk of @size bytes?
 *
 * A length that was not given reaches to the end.  Returns: CLI_GO, or the
 * status to exit with, having said what is wrong with it.
 */
int cli_range_fit(struct cli *cli, struct cli_range *range, uint64_t size);

/* cli_range_error - "these bytes are not there", in the words of the above */
int cli_range_error(struct cli *cli, uint64_t off, uint64_t len,
		    uint64_t size);

#endif
