/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nearest.h"
#include "common/color.h"
#include "common/size.h"
#include "common/text.h"

struct cli {
	const struct cmd *cmd;
	poptContext popt;
	const char **operands;		/* popt's */
	size_t operand_count;
	size_t argc;
	char **texts;			/* values of options, argc at most */
	size_t text_count;
	char **minus;			/* what popt would take for another */
	const char **argv;		/* thing, and all, with these in place */
};

/* popt takes "-512M" for an option; behind this mark it does not. */
enum { MINUS_MARK = 1 };

static const char exit_statuses[] =
	"Exit status: 0 done; 1 failed; 2 usage; 130 cancelled by a signal.\n";

/* popt's own help, with the verb as the name of the program. */
static poptContext new_context(const struct cmd *cmd, int argc,
			       const char **argv)
{
	poptContext popt = poptGetContext("vhd-util", argc, argv, cmd->opts, 0);

	if (popt != NULL)
		poptSetOtherOptionHelp(popt, cmd->usage);
	return popt;
}

void cli_print_help(const struct cmd *cmd, FILE *file)
{
	char name[64];
	const char *argv[2] = { name, NULL };
	poptContext popt;

	snprintf(name, sizeof(name), "vhd-util %s", cmd->name);
	popt = new_context(cmd, 1, argv);
	if (popt == NULL)
		return;
	poptPrintHelp(popt, file, 0);
	fprintf(file, "\n%s\nExamples:\n%s\n%s", cmd->description, cmd->example,
		cmd->exits != NULL ? cmd->exits : exit_statuses);
	poptFreeContext(popt);
}

static bool is_minus(const char *arg)
{
	uint64_t size;

	return arg[0] == '-' && arg[1] != '-' && size_parse(arg + 1, &size);
}

/* popt takes what follows such an option for its value. */
static bool is_bare(const struct cmd *cmd, const char *arg)
{
	return cmd->bare != NULL && strcmp(arg, cmd->bare) == 0;
}

static bool copy_args(struct cli *cli, int argc, const char **argv)
{
	cli->argv = calloc((size_t)argc + 1, sizeof(*cli->argv));
	cli->minus = calloc((size_t)argc + 1, sizeof(*cli->minus));
	if (cli->argv == NULL || cli->minus == NULL)
		return false;
	for (int i = 0; i < argc; i++) {
		size_t room = strlen(argv[i]) + 2;
		bool minus = cli->cmd->numbers && is_minus(argv[i]);

		cli->argv[i] = argv[i];
		if (i == 0 || (!minus && !is_bare(cli->cmd, argv[i])))
			continue;
		cli->minus[i] = malloc(room);
		if (cli->minus[i] == NULL)
			return false;
		if (minus)
			snprintf(cli->minus[i], room, "%c%s", MINUS_MARK,
				 argv[i]);
		else
			snprintf(cli->minus[i], room, "%s=", argv[i]);
		cli->argv[i] = cli->minus[i];
	}
	return true;
}

static void free_all(struct cli *cli)
{
	if (cli->popt != NULL)
		poptFreeContext(cli->popt);
	for (size_t i = 0; i < cli->text_count; i++)
		free(cli->texts[i]);
	for (size_t i = 0; cli->minus != NULL && i < cli->argc; i++)
		free(cli->minus[i]);
	free(cli->texts);
	free(cli->minus);
	free(cli->argv);
}

int cli_run(const struct cmd *cmd, int argc, const char **argv)
{
	struct cli cli = { .cmd = cmd, .argc = (size_t)argc };
	int status = CLI_FAILED;

	cli.texts = calloc((size_t)argc + 1, sizeof(*cli.texts));
	if (cli.texts != NULL && copy_args(&cli, argc, argv))
		cli.popt = new_context(cmd, argc, cli.argv);
	if (cli.popt == NULL)
		fputs("vhd-util: out of memory\n", stderr);
	else
		status = cmd->run(&cli);
	free_all(&cli);
	return status;
}

static void try_options(struct nearest *n, const struct poptOption *opts)
{
	for (const struct poptOption *o = opts; o->longName || o->shortName ||
	     o->arg; o++) {
		if (o->argInfo == POPT_ARG_INCLUDE_TABLE)
			try_options(n, o->arg);
		else if (o->longName != NULL)
			nearest_try(n, o->longName);
	}
}

/* @opt as it was given: its value may be behind it. */
static int no_such_option(struct cli *cli, const char *opt)
{
	char name[32];
	struct nearest found = NEAREST_INIT(name);

	if (strncmp(opt, "--", 2) == 0) {
		snprintf(name, sizeof(name), "%.*s",
			 (int)strcspn(opt + 2, "="), opt + 2);
		try_options(&found, cli->cmd->opts);
	}
	if (found.word != NULL)
		return cli_usage(cli, "there is no option '%s'; do you mean "
				 "'--%s'?", opt, found.word);
	return cli_usage(cli, "there is no option '%s'", opt);
}

/* popt names a missing or unwanted value in its own words; these are ours. */
static int bad_option(struct cli *cli, int code)
{
	const char *opt = poptBadOption(cli->popt, POPT_BADOPTION_NOALIAS);

	switch (code) {
	case POPT_ERROR_BADOPT:
		return no_such_option(cli, opt);
	case POPT_ERROR_NOARG:
		return cli_usage(cli, "option '%s' needs a value", opt);
	case POPT_ERROR_UNWANTEDARG:
		return cli_usage(cli, "option '%s' takes no value", opt);
	default:
		return cli_usage(cli, "%s: %s", opt, poptStrerror(code));
	}
}

static bool has_option(const struct poptOption *opts, const char *name)
{
	struct nearest found = NEAREST_INIT(name);

	try_options(&found, opts);
	return found.word != NULL && found.distance == 0;
}

/* One operand too many: often a size that other programs take there. */
static int surplus(struct cli *cli)
{
	const struct cmd *cmd = cli->cmd;
	uint64_t size;

	for (size_t i = 0; has_option(cmd->opts, "size") &&
	     i < cli->operand_count; i++) {
		if (size_parse(cli->operands[i], &size))
			return cli_usage(cli, "the size is given as --size %s",
					 cli->operands[i]);
	}
	return cli_usage(cli, "'%s' is one operand too many",
			 cli->operands[cmd->max_operands]);
}

static int count_operands(struct cli *cli)
{
	const struct cmd *cmd = cli->cmd;
	size_t n = 0;

	cli->operands = poptGetArgs(cli->popt);
	while (cli->operands != NULL && cli->operands[n] != NULL)
		n++;
	cli->operand_count = n;
	for (size_t i = 0; i < n; i++) {
		if (cli->operands[i][0] == '\0')
			return cli_usage(cli, "a file name is empty");
	}
	if (n < cmd->min_operands)
		return cli_usage(cli, "%s", cmd->needs != NULL ? cmd->needs :
				 "the name of a file is needed");
	if (cmd->max_operands != 0 && n > cmd->max_operands)
		return surplus(cli);
	return CLI_GO;
}

int cli_parse(struct cli *cli, cli_option_fn fn, void *arg)
{
	int val, status;

	while ((val = poptGetNextOpt(cli->popt)) > 0) {
		char *text = poptGetOptArg(cli->popt);

		if (text != NULL && cli->text_count <= cli->argc)
			cli->texts[cli->text_count++] = text;
		if (val == CLI_OPT_HELP) {
			cli_print_help(cli->cmd, stdout);
			return CLI_OK;
		}
		status = fn(cli, val, text, arg);
		if (status != CLI_GO)
			return status;
	}
	if (val < -1)
		return bad_option(cli, val);
	return count_operands(cli);
}

const char *cli_verb(const struct cli *cli)
{
	return cli->cmd->name;
}

size_t cli_operands(const struct cli *cli)
{
	return cli->operand_count;
}

const char *cli_operand(const struct cli *cli, size_t idx)
{
	const char *text = idx < cli->operand_count ? cli->operands[idx] :
						      NULL;

	return text != NULL && text[0] == MINUS_MARK && text[1] == '-' ?
	       text + 1 : text;
}

size_t cli_max_options(const struct cli *cli)
{
	return cli->argc;
}

int cli_usage(struct cli *cli, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fprintf(stderr, "vhd-util %s: ", cli->cmd->name);
	text_put(stderr, line);
	fprintf(stderr, "\nTry 'vhd-util %s --help'.\n", cli->cmd->name);
	return CLI_USAGE;
}

void cli_warn(struct cli *cli, const char *file, const char *fmt, ...)
{
	bool color = color_wanted(stderr);
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fprintf(stderr, "vhd-util %s: %swarning:%s ", cli->cmd->name,
		color_code(color, COLOR_YELLOW), color_code(color, COLOR_NONE));
	if (file != NULL) {
		text_put(stderr, file);
		fputs(": ", stderr);
	}
	text_put(stderr, line);
	fputc('\n', stderr);
}
