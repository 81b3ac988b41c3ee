/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/color.h"
#include "common/text.h"

struct cli {
	const struct cmd *cmd;
	poptContext popt;
	const char **operands;		/* popt's */
	size_t operand_count;
	size_t argc;
	char **texts;			/* values of options, argc at most */
	size_t text_count;
};

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

int cli_run(const struct cmd *cmd, int argc, const char **argv)
{
	struct cli cli = { .cmd = cmd, .argc = (size_t)argc };
	int status = CLI_FAILED;

	cli.texts = calloc((size_t)argc + 1, sizeof(*cli.texts));
	cli.popt = new_context(cmd, argc, argv);
	if (cli.texts == NULL || cli.popt == NULL)
		fputs("vhd-util: out of memory\n", stderr);
	else
		status = cmd->run(&cli);
	for (size_t i = 0; i < cli.text_count; i++)
		free(cli.texts[i]);
	free(cli.texts);
	if (cli.popt != NULL)
		poptFreeContext(cli.popt);
	return status;
}

/* popt names a missing or unwanted value in its own words; these are ours. */
static int bad_option(struct cli *cli, int code)
{
	const char *opt = poptBadOption(cli->popt, POPT_BADOPTION_NOALIAS);

	switch (code) {
	case POPT_ERROR_BADOPT:
		return cli_usage(cli, "there is no option '%s'", opt);
	case POPT_ERROR_NOARG:
		return cli_usage(cli, "option '%s' needs a value", opt);
	case POPT_ERROR_UNWANTEDARG:
		return cli_usage(cli, "option '%s' takes no value", opt);
	default:
		return cli_usage(cli, "%s: %s", opt, poptStrerror(code));
	}
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
		return cli_usage(cli, "%s", cmd->min_operands == 2 ?
				 "a source and a target are needed" :
				 "the name of a file is needed");
	if (cmd->max_operands != 0 && n > cmd->max_operands)
		return cli_usage(cli, "'%s' is one operand too many",
				 cli->operands[cmd->max_operands]);
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
	return idx < cli->operand_count ? cli->operands[idx] : NULL;
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
