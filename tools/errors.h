/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_ERRORS_H
#define VHD_TOOLS_ERRORS_H

#include "cli.h"

/*
 * error_report - print what went wrong, and what to do about it
 *
 * @file: named when the error names no file; may be NULL
 *
 * One line "vhd-util VERB: FILE: sentence (RULE, CLAUSE) at 0xOFF", and where
 * there is something to suggest a second one, "hint: ...".
 *
 * Returns: the status to exit with.
 */
int error_report(struct cli *cli, const struct vhd_error *error,
		 const char *file);

/* error_hint - the second line alone, if there is one */
void error_hint(struct cli *cli, const struct vhd_error *err, const char *file);

/*
 * error_say - a failure that only the program knows of, and a hint or NULL;
 * @file may be NULL.  Returns CLI_FAILED.
 */
int error_say(struct cli *cli, const char *file, const char *hint,
	      const char *fmt, ...) VHD_PRINTF(4, 5);

/* error_output - standard output could not be written */
int error_output(const char *verb);

#endif
