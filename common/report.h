/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_COMMON_REPORT_H
#define VHD_COMMON_REPORT_H

#include <stdio.h>

#include <vhd/error.h>

/*
 * report_sentence - one line "FILE: sentence (RULE, CLAUSE) at 0xOFF"
 *
 * @file: named when the error names no file; may be NULL
 */
void report_sentence(FILE *to, const struct vhd_error *err, const char *file);

/*
 * report_hint - a second line "hint: ..." where there is something to suggest
 *
 * @who: the program, or the verb of vhd-util, that speaks
 */
void report_hint(FILE *to, const struct vhd_error *err, const char *who,
		 const char *file);

#endif
