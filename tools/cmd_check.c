/* SPDX-License-Identifier: BSD-2-Clause */
#include <time.h>

#include "cli_open.h"
#include "cmds.h"
#include "errors.h"
#include "findings.h"
#include "json.h"
#include "progress.h"
#include "sigint.h"
#include "common/text.h"

enum { OPT_JSON = 1, OPT_CHAIN, OPT_DEEP, OPT_QUIET, OPT_NO_PROGRESS };

static const struct poptOption check_opts[] = {
	CLI_OPT("chain", OPT_CHAIN, "Check the parents too"),
	CLI_OPT("deep", OPT_DEEP,
		"Look into sector bitmaps and data too, which takes as long as "
		"reading the image"),
	CLI_OPT("json", OPT_JSON, "Print the findings as JSON"),
	CLI_OPT("quiet", OPT_QUIET, "Print nothing; the exit status tells"),
	CLI_OPT("no-progress", OPT_NO_PROGRESS, "Draw no progress bar"),
	CLI_OPT_TABLE(cli_open_opts, "Opening:"),
	CLI_OPT_END
};

struct check_args {
	struct cli_open open;
	struct json_writer json_out;
	struct progress progress;
	bool json;
	bool chain;
	bool deep;
	bool quiet;
	bool no_progress;
	bool color;
	/* The present file itself, not its parents. */
	bool damaged;
	bool mendable;
};

static int check_option(struct cli *cli, int val, const char *text, void *arg)
{
	struct check_args *a = arg;

	(void)cli;
	if (val >= CLI_OPEN_FIRST)
		return cli_open_option(&a->open, val, text);
	switch (val) {
	case OPT_JSON:
		a->json = true;
		break;
	case OPT_CHAIN:
		a->chain = true;
		break;
	case OPT_DEEP:
		a->deep = true;
		break;
	case OPT_QUIET:
		a->quiet = true;
		break;
	default:
		a->no_progress = true;
		break;
	}
	return CLI_GO;
}

static void on_finding(void *arg, const struct vhd_finding *finding)
{
	struct check_args *a = arg;

	if (finding->layer == 0 && finding->rule->severity >= VHD_SEV_ERROR) {
		a->damaged = true;
		if (finding->rule->repair != VHD_REPAIR_NONE)
			a->mendable = true;
	}
	if (a->json)
		json_value(&a->json_out, finding_object(finding));
	else if (!a->quiet)
		finding_print(finding, a->color);
}

static void print_summary(const struct check_args *a, const char *path,
			  const struct vhd_check_result *r)
{
	text_put(stdout, path);
	fputs(": ", stdout);
	findings_verdict(r, a->color);
	putchar('\n');
}

/* The next step for who has a damaged image. */
static void print_hint(const struct check_args *a, const char *path)
{
	fflush(stdout);
	fputs(a->mendable ? "hint: what can be mended is listed by: vhd-util "
			    "repair --plan " :
			    "hint: what can be read is copied out by: vhd-util "
			    "salvage ", stderr);
	text_put_shell(stderr, path);
	fputs(a->mendable ? "\n" : " NEW.vhdx\n", stderr);
}

/* What follows the findings of one file; gives its exit status. */
static int conclude(struct cli *cli, struct check_args *a, const char *path,
		    const struct vhd_check_result *r,
		    const struct vhd_error *err)
{
	bool sound = findings_sound(r);

	if (a->json) {
		json_close(&a->json_out, ']');
		json_key(&a->json_out, err != NULL ? "error" : "result");
		json_value(&a->json_out, err != NULL ? json_error_object(err) :
						       findings_object(r));
	}
	if (err != NULL)
		return error_report(cli, err, path);
	if (!a->json && !a->quiet) {
		print_summary(a, path, r);
		if (a->damaged)
			print_hint(a, path);
	}
	return sound ? CLI_OK : CLI_PROBLEMS;
}

static int check_file(struct cli *cli, struct check_args *a, const char *path)
{
	struct vhd_check_opts opts = VHD_CHECK_OPTS_INIT;
	struct vhd_check_result result = { .count = { 0 } };
	struct vhd_error err = { .code = VHD_OK };
	int rc;

	/* What is odd becomes a finding; no need to hear it twice. */
	a->open.opts.log = NULL;
	opts.flags = (a->chain ? VHD_CHECK_CHAIN : 0u) |
		     (a->deep ? VHD_CHECK_DEEP : 0u);
	opts.now = (int64_t)time(NULL);
	opts.open = &a->open.opts;
	opts.finding = on_finding;
	opts.finding_arg = a;
	opts.progress = progress_step;
	opts.progress_arg = &a->progress;
	if (a->json) {
		json_open(&a->json_out, '{');
		json_key(&a->json_out, "file");
		json_value(&a->json_out, json_text(path));
		json_key(&a->json_out, "findings");
		json_open(&a->json_out, '[');
	}
	a->damaged = a->mendable = false;
	progress_begin(&a->progress, !a->no_progress && !a->quiet, false);
	rc = vhd_check(path, &opts, &result, &err);
	progress_end(&a->progress);
	rc = conclude(cli, a, path, &result, rc != 0 ? &err : NULL);
	if (a->json)
		json_close(&a->json_out, '}');
	return rc;
}

static int check_files(struct cli *cli, struct check_args *a)
{
	int worst = CLI_OK;

	a->color = color_wanted(stdout);
	sigint_catch();
	if (a->json) {
		json_begin(&a->json_out, stdout);
		json_open(&a->json_out, '{');
		json_key(&a->json_out, "files");
		json_open(&a->json_out, '[');
	}
	for (size_t i = 0; i < cli_operands(cli) && worst != CLI_CANCELLED;
	     i++) {
		int status = check_file(cli, a, cli_operand(cli, i));

		if (status > worst)
			worst = status;
	}
	if (a->json) {
		json_close(&a->json_out, ']');
		json_close(&a->json_out, '}');
		if (!json_end(&a->json_out) && worst == CLI_OK)
			worst = CLI_FAILED;
	}
	return worst;
}

static int check_run(struct cli *cli)
{
	struct check_args a = { .json = false };
	int status = cli_open_init(&a.open, cli);

	if (status == CLI_GO)
		status = cli_parse(cli, check_option, &a);
	if (status == CLI_GO && a.json && a.quiet)
		status = cli_usage(cli, "--json does not go with --quiet");
	if (status == CLI_GO)
		status = check_files(cli, &a);
	cli_open_free(&a.open);
	return status;
}

const struct cmd cmd_check = {
	.name = "check",
	.summary = "hold images against the rules of their format",
	.usage = "[OPTION]... FILE...",
	.description =
"Prints a line for each rule that is broken, with the severity, the rule's id\n"
"and name, the place in the file, and whether it could be repaired; then a\n"
"summary. Nothing is changed. \"info\" and \"warning\" do not count against an\n"
"image; \"error\" means that data is at risk, \"fatal\" that it cannot be opened.\n",
	.example =
"  vhd-util check disk.vhdx\n"
"  vhd-util check --chain --deep --json child.avhdx\n",
	.exits =
"Exit status: 0 sound (warnings included); 1 could not be checked;\n"
"2 usage; 3 errors were found; 130 cancelled by a signal. With several\n"
"files the highest one that applies.\n",
	.opts = check_opts,
	.min_operands = 1,
	.max_operands = 0,
	.run = check_run,
};
