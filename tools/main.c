/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "cmds.h"
#include "errors.h"
#include "common/text.h"

static const struct cmd *const cmds[] = {
	&cmd_create,
	&cmd_info,
	&cmd_convert,
	&cmd_check,
	&cmd_repair,
	&cmd_salvage,
	&cmd_lint,
	&cmd_map,
	&cmd_read,
	&cmd_write,
	&cmd_trim,
	&cmd_compact,
	&cmd_chain,
	&cmd_rebase,
	&cmd_relink,
	&cmd_resize,
	&cmd_set,
	&cmd_snapshot,
	&cmd_merge,
	&cmd_flatten,
	&cmd_compare,
	&cmd_changes,
	&cmd_diff,
	&cmd_digest,
	&cmd_bench,
};

enum { CMDS = sizeof(cmds) / sizeof(cmds[0]), WORD_MAX = 24 };

static void print_help(FILE *file)
{
	fputs("Usage: vhd-util VERB [OPTION]... FILE...\n"
	      "Make, inspect, check, convert, read and write VHD and VHDX disk "
	      "images.\n\n"
	      "Verbs:\n", file);
	for (size_t i = 0; i < CMDS; i++)
		fprintf(file, "  %-10s %s\n", cmds[i]->name, cmds[i]->summary);
	fputs("\nvhd-util VERB --help explains a verb, vhd-util --help-all all "
	      "of them.\n"
	      "vhd-util --version prints the version.\n\n"
	      "Exit status: 0 done; 1 failed; 2 usage; 3 something is wrong with "
	      "the image;\n130 cancelled.\n", file);
}

static void print_help_all(void)
{
	print_help(stdout);
	for (size_t i = 0; i < CMDS; i++) {
		printf("\n\n%s: %s\n\n", cmds[i]->name, cmds[i]->summary);
		cli_print_help(cmds[i], stdout);
	}
}

/* How many letters have to be inserted, removed or replaced, at least. */
static size_t distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1], len = strlen(b);

	if (strlen(a) > WORD_MAX || len > WORD_MAX)
		return WORD_MAX;
	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= len; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[len];
}

static int unknown_verb(const char *verb)
{
	const struct cmd *nearest = NULL;
	size_t best = 3;

	for (size_t i = 0; i < CMDS; i++) {
		size_t d = distance(verb, cmds[i]->name);

		if (d < best) {
			best = d;
			nearest = cmds[i];
		}
	}
	fputs("vhd-util: there is no verb '", stderr);
	text_put(stderr, verb);
	if (nearest != NULL)
		fprintf(stderr, "'; do you mean '%s'?\n", nearest->name);
	else
		fputs("'\n", stderr);
	fputs("Try 'vhd-util --help'.\n", stderr);
	return CLI_USAGE;
}

static const struct cmd *find_verb(const char *name)
{
	for (size_t i = 0; i < CMDS; i++) {
		if (strcmp(cmds[i]->name, name) == 0)
			return cmds[i];
	}
	return NULL;
}

/* `vhd-util help [VERB]`, for those who expect it. */
static int help_verb(const char *name)
{
	const struct cmd *cmd;

	if (name == NULL) {
		print_help(stdout);
		return CLI_OK;
	}
	cmd = find_verb(name);
	if (cmd == NULL)
		return unknown_verb(name);
	cli_print_help(cmd, stdout);
	return CLI_OK;
}

static int dispatch(int argc, const char **argv)
{
	const char *verb = argv[1];
	const struct cmd *cmd = find_verb(verb);

	if (cmd != NULL)
		return cli_run(cmd, argc - 1, argv + 1);
	if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0)
		return help_verb(NULL);
	if (strcmp(verb, "help") == 0)
		return help_verb(argc > 2 ? argv[2] : NULL);
	if (strcmp(verb, "--help-all") == 0) {
		print_help_all();
		return CLI_OK;
	}
	if (strcmp(verb, "--version") == 0) {
		printf("vhd-util %s (libvhd %s)\n", VHD_VERSION_STRING,
		       vhd_version_string());
		return CLI_OK;
	}
	return unknown_verb(verb);
}

int main(int argc, char **argv)
{
	int status;

	if (argc < 2) {
		print_help(stderr);
		return CLI_USAGE;
	}
	status = dispatch(argc, (const char **)argv);
	/* A full disk or a closed pipe shows only here. */
	if (fflush(stdout) != 0 || ferror(stdout))
		return error_output(argv[1]);
	return status;
}
