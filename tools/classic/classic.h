/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_CLASSIC_H
#define VHD_TOOLS_CLASSIC_H

/*
 * The command line of XenServer's and XCP-ng's vhd-util.
 *
 * Its clients are programs: they build lines of short options, compare statuses
 * with errnos, and cut words out of what is printed.  So verbs in here parse with
 * getopt(3), print results and errors to standard output, and return positive
 * errnos; what they do is libvhd's (vhd/xen.h and the others).  A verb is one
 * file, named for it.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <vhd/vhd.h>

/**
 * struct classic_verb - a verb
 *
 * @usage:       its options, in one line
 * @options:     what they mean, a line or more for each
 * @help_status: exit status of -h
 * @run:         argv[0] is the verb, "--debug" is gone, and getopt() is at its
 *               start
 */
struct classic_verb {
	const char *name;
	const char *usage;
	const char *options;
	int help_status;
	int (*run)(const struct classic_verb *verb, int argc, char **argv);
};

extern const struct classic_verb classic_check;
extern const struct classic_verb classic_coalesce;
extern const struct classic_verb classic_convert;
extern const struct classic_verb classic_copy;
extern const struct classic_verb classic_create;
extern const struct classic_verb classic_fill;
extern const struct classic_verb classic_key;
extern const struct classic_verb classic_modify;
extern const struct classic_verb classic_query;
extern const struct classic_verb classic_read;
extern const struct classic_verb classic_repair;
extern const struct classic_verb classic_resize;
extern const struct classic_verb classic_revert;
extern const struct classic_verb classic_scan;
extern const struct classic_verb classic_set;
extern const struct classic_verb classic_snapshot;

/* classic_find - the verb of a command line of that form; NULL: it is not one */
const struct classic_verb *classic_find(int argc, char **argv);

/* classic_run - run it; argv[1] is the verb; the exit status */
int classic_run(const struct classic_verb *verb, int argc, char **argv);

/* classic_at - the @i-th of them; NULL behind the last */
const struct classic_verb *classic_at(size_t i);

/* classic_point - a line in the modern form was wrong: it may have been meant for
 * this one */
void classic_point(int argc, char **argv);

/* classic_list - their names, each behind a blank, in lines that end there */
void classic_list(FILE *file);

/*
 * classic_usage - print how the verb is used; 22
 * classic_help - also what its options mean, for -h, with that one's status
 * classic_explain - either, anywhere
 */
int classic_usage(const struct classic_verb *verb);
int classic_help(const struct classic_verb *verb);
void classic_explain(FILE *out, const struct classic_verb *verb, bool options);

/* classic_no_operands - whether getopt() has left nothing */
bool classic_no_operands(int argc);

/*
 * classic_number - a decimal number from 0 to @most, and nothing else
 *
 * False when it is none; nothing is printed.
 */
bool classic_number(const char *text, uint64_t most, uint64_t *out);

/* classic_status - the positive errno that stands for an error, never 5 or 11
 * for what lasts */
int classic_status(const struct vhd_error *err);

/* classic_open_error - "error opening NAME: -N" on standard output; N */
int classic_open_error(const char *name, const struct vhd_error *err);

/*
 * classic_writable - whether an image can be opened for changes; nothing is done
 * classic_may_write - 0 if it can; else what classic_open_error() returns: that is
 *                     said
 */
bool classic_writable(const char *name, struct vhd_error *err);
int classic_may_write(const char *name);

/*
 * How images are opened: without locks, for tapdisk uses none; parents may be
 * anywhere and on devices, and are not compared; broken states can be looked at.
 */
extern const struct vhd_open_opts classic_open_opts;

/* The same for this layer alone. */
extern const struct vhd_open_opts classic_alone_opts;

/* For changes: locked, whatever else uses it, and not in a broken state. */
extern const struct vhd_open_opts classic_change_opts;

#endif
