/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_CLI_H
#define VHD_TOOLS_CLI_H

/*
 * Verbs as tables.
 *
 * A verb is one `const struct cmd`: its options are a popt table, and parser,
 * --help and the manual all come from it.  Options deliver their `val` to a
 * function of the verb; the tables hold no pointers to variables, so they are
 * constant.  Only -h is a short option: the others are kept for the classic
 * command line of Xen's vhd-util.
 */

#include <popt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <vhd/vhd.h>

/* Exit statuses, the same for every verb.  CLI_GO: no status yet, go on. */
enum {
	CLI_GO = -1,
	CLI_OK = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_PROBLEMS = 3,
	CLI_CANCELLED = 130
};

struct cli;

/**
 * struct cmd - a verb
 *
 * @usage:        what follows the name, such as "[OPTION]... SRC DST"
 * @description:  paragraphs for --help, lines of up to 78 columns
 * @example:      command lines
 * @exits:        what its exit statuses mean, as for --help; NULL: the usual
 * @min_operands: how many operands it needs
 * @needs:        which, when they are too few; NULL: "the name of a file"
 * @max_operands: and takes; 0 is any number
 * @numbers:      an operand may be a negative size, such as -512M
 * @bare:         an option that may go without its value, such as "--compress":
 *                then that is empty, and what follows is no value; or NULL
 */
struct cmd {
	const char *name;
	const char *summary;
	const char *usage;
	const char *description;
	const char *example;
	const char *exits;
	const struct poptOption *opts;
	size_t min_operands;
	const char *needs;
	size_t max_operands;
	bool numbers;
	const char *bare;
	int (*run)(struct cli *cli);
};

/* Every option table ends with these. */
enum { CLI_OPT_HELP = 'h' };

/* Of a copy, where nobody says how many: one reads while the other writes, and
 * more only wait for each other. */
enum { CLI_THREADS = 2 };
#define CLI_OPT(name, val, descrip) \
	{ name, '\0', POPT_ARG_NONE, NULL, val, descrip, NULL }
#define CLI_OPT_ARG(name, val, descrip, arg) \
	{ name, '\0', POPT_ARG_STRING, NULL, val, descrip, arg }
#define CLI_OPT_TABLE(table, title) \
	{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, (void *)table, 0, title, NULL }
#define CLI_OPT_END \
	{ "help", 'h', POPT_ARG_NONE, NULL, CLI_OPT_HELP, \
	  "Show this help and exit", NULL }, \
	POPT_TABLEEND

/* cli_run - parse nothing yet, run a verb; argv[0] is the verb */
int cli_run(const struct cmd *cmd, int argc, const char **argv);

/* cli_print_help - what VERB --help prints */
void cli_print_help(const struct cmd *cmd, FILE *file);

/* Called for each option; returns CLI_GO or an exit status. */
typedef int (*cli_option_fn)(struct cli *cli, int val, const char *text,
			     void *arg);

/*
 * cli_parse - parse the options and count the operands
 *
 * Returns: CLI_GO, or the status to exit with (--help, usage errors).
 */
int cli_parse(struct cli *cli, cli_option_fn fn, void *arg);

const char *cli_verb(const struct cli *cli);
size_t cli_operands(const struct cli *cli);
const char *cli_operand(const struct cli *cli, size_t idx);

/* An upper bound of how often any option can have been given. */
size_t cli_max_options(const struct cli *cli);

/* cli_usage - a usage error: one line and where to find help */
int cli_usage(struct cli *cli, const char *fmt, ...) VHD_PRINTF(2, 3);

/* cli_warn - one line on stderr; @file may be NULL */
void cli_warn(struct cli *cli, const char *file, const char *fmt, ...)
	VHD_PRINTF(3, 4);

/* struct cli_name - a word that an option takes; the last has a NULL name */
struct cli_name {
	const char *name;
	int value;
};

/* Values of options; each returns CLI_GO or CLI_USAGE, having said why. */
int cli_value_size(struct cli *cli, const char *opt, const char *text,
		   uint64_t *value_out);
int cli_value_sector(struct cli *cli, const char *opt, const char *text,
		     uint32_t *value_out);
int cli_value_guid(struct cli *cli, const char *opt, const char *text,
		   struct vhd_guid *value_out);
/* A number from @least to @most. */
int cli_value_count(struct cli *cli, const char *opt, const char *text,
		    uint64_t least, uint64_t most, uint64_t *value_out);
int cli_value_name(struct cli *cli, const char *opt, const char *text,
		   const struct cli_name *names, int *value_out);

#endif
