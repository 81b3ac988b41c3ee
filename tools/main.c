/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "classic/classic.h"
#include "cli.h"
#include "cmds.h"
#include "errors.h"
#include "nearest.h"
#include "common/standard.h"
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

/* What others call it. */
static const struct {
	const char *name;
	const struct cmd *cmd;
} synonyms[] = {
	{ "new", &cmd_create },
	{ "show", &cmd_info },
	{ "clone", &cmd_convert },
	{ "import", &cmd_convert },
	{ "export", &cmd_convert },
	{ "verify", &cmd_check },
	{ "fsck", &cmd_check },
	{ "recover", &cmd_salvage },
	{ "dd", &cmd_read },
	{ "cat", &cmd_read },
	{ "discard", &cmd_trim },
	{ "optimize", &cmd_compact },
	{ "optimise", &cmd_compact },
	{ "defrag", &cmd_compact },
	{ "sparsify", &cmd_compact },
	{ "tree", &cmd_chain },
	{ "reparent", &cmd_relink },
	{ "expand", &cmd_resize },
	{ "extend", &cmd_resize },
	{ "grow", &cmd_resize },
	{ "shrink", &cmd_resize },
	{ "checkpoint", &cmd_snapshot },
	{ "commit", &cmd_merge },
	{ "cbt", &cmd_changes },
	{ "diffs", &cmd_changes },
	{ "backup", &cmd_changes },
	{ "checksum", &cmd_digest },
	{ "hash", &cmd_digest },
	{ "sha256", &cmd_digest },
};

enum { SYNONYMS = sizeof(synonyms) / sizeof(synonyms[0]) };

enum { CMDS = sizeof(cmds) / sizeof(cmds[0]) };

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
	      "When standard output is no terminal, verbs whose result is a "
	      "file or what is\nin one (create, convert, flatten, diff, write, "
	      "trim) print nothing when all\nis well; --json, where there "
	      "is one, makes them report.\n\n"
	      "The command line of XenServer's and XCP-ng's vhd-util is "
	      "understood too, as in\nvhd-util query -n NAME -v: its verbs "
	      "are", file);
	classic_list(file);
	fputs(".\nvhd-util query -h explains one; where both have a verb, a "
	      "short option after it\nmeans Xen's.\n\n"
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

static const char *meant(const char *verb)
{
	const struct classic_verb *classic;
	struct nearest found = NEAREST_INIT(verb);

	for (size_t i = 0; i < SYNONYMS; i++) {
		if (strcasecmp(verb, synonyms[i].name) == 0)
			return synonyms[i].cmd->name;
	}
	for (size_t i = 0; i < CMDS; i++)
		nearest_try(&found, cmds[i]->name);
	for (size_t i = 0; (classic = classic_at(i)) != NULL; i++)
		nearest_try(&found, classic->name);
	return found.word;
}

static const char *meant_option(const char *option)
{
	struct nearest found = NEAREST_INIT(option);

	nearest_try(&found, "--help");
	nearest_try(&found, "--help-all");
	nearest_try(&found, "--version");
	return found.word;
}

static int unknown_verb(const char *verb)
{
	const bool option = verb[0] == '-';
	const char *nearest = option ? meant_option(verb) : meant(verb);

	fprintf(stderr, "vhd-util: there is no %s '", option ? "option" : "verb");
	text_put(stderr, verb);
	if (nearest != NULL)
		fprintf(stderr, "'; do you mean '%s'?\n", nearest);
	else if (!option && access(verb, F_OK) == 0)
		fputs("', which is a file: first comes what to do with it, such "
		      "as info\n", stderr);
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
	const struct classic_verb *classic;
	const struct cmd *cmd;

	if (name == NULL) {
		print_help(stdout);
		return CLI_OK;
	}
	cmd = find_verb(name);
	if (cmd != NULL) {
		cli_print_help(cmd, stdout);
		return CLI_OK;
	}
	for (size_t i = 0; (classic = classic_at(i)) != NULL; i++) {
		if (strcmp(classic->name, name) != 0)
			continue;
		classic_help(classic);
		return CLI_OK;
	}
	return unknown_verb(name);
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
	const struct classic_verb *classic;
	int status;

	standard_fill();
	if (argc < 2) {
		print_help(stderr);
		return CLI_USAGE;
	}
	classic = classic_find(argc, argv);
	status = classic ? classic_run(classic, argc, argv)
			 : dispatch(argc, (const char **)argv);
	if (!classic && status == CLI_USAGE)
		classic_point(argc, argv);
	/* A full disk or a closed pipe shows only here. */
	if (fflush(stdout) != 0 || ferror(stdout))
		return error_output(argv[1]);
	return status;
}
