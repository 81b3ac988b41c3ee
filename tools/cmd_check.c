/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <time.h>

#include "cli_open.h"
#include "cmds.h"
#include "common/color.h"
#include "errors.h"
#include "json.h"
#include "progress.h"
#include "sigint.h"
#include "common/text.h"

enum { OPT_JSON = 1, OPT_CHAIN, OPT_QUIET, OPT_NO_PROGRESS };

static const struct poptOption check_opts[] = {
	CLI_OPT("chain", OPT_CHAIN, "Check the parents too"),
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
	bool quiet;
	bool no_progress;
	bool color;
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
	case OPT_QUIET:
		a->quiet = true;
		break;
	default:
		a->no_progress = true;
		break;
	}
	return CLI_GO;
}

static const char *repair_name(enum vhd_repair repair)
{
	switch (repair) {
	case VHD_REPAIR_NONE:
		return "none";
	case VHD_REPAIR_AUTO:
		return "automatic";
	case VHD_REPAIR_ASK:
		return "with consent";
	}
	return "none";
}

static enum color severity_color(enum vhd_severity severity)
{
	switch (severity) {
	case VHD_SEV_INFO:
		return COLOR_DIM;
	case VHD_SEV_WARNING:
		return COLOR_YELLOW;
	case VHD_SEV_ERROR:
	case VHD_SEV_FATAL:
		return COLOR_RED;
	}
	return COLOR_NONE;
}

/* FILE: severity RULE-ID NAME at 0xOFF: sentence; repair: ... */
static void print_finding(const struct check_args *a,
			  const struct vhd_finding *f)
{
	text_put(stdout, f->file);
	printf(": %s%s%s %s %s",
	       color_code(a->color, severity_color(f->rule->severity)),
	       vhd_severity_name(f->rule->severity),
	       color_code(a->color, COLOR_NONE), f->rule->id, f->rule->name);
	if (f->off != VHD_NO_OFFSET)
		printf(" at 0x%" PRIx64, f->off);
	fputs(": ", stdout);
	text_put(stdout, f->msg);
	printf("; repair: %s\n", repair_name(f->rule->repair));
}

static json_t *finding_object(const struct vhd_finding *f)
{
	json_t *object = json_object();

	json_put(object, "rule", json_rule(f->rule));
	json_put(object, "layer", json_u64(f->layer));
	json_put(object, "file", json_text(f->file));
	json_put(object, "offset", json_u64(f->off));
	json_put(object, "message", json_text(f->msg));
	json_put(object, "repair",
		 json_string(f->rule->repair == VHD_REPAIR_AUTO ? "auto" :
			     f->rule->repair == VHD_REPAIR_ASK ? "ask" :
								 "none"));
	return object;
}

static void on_finding(void *arg, const struct vhd_finding *finding)
{
	struct check_args *a = arg;

	if (a->json)
		json_value(&a->json_out, finding_object(finding));
	else if (!a->quiet)
		print_finding(a, finding);
}

static void print_count(uint64_t count, const char *one, const char *many,
			const char **separator)
{
	if (count == 0)
		return;
	printf("%s%" PRIu64 " %s", *separator, count, count == 1 ? one : many);
	*separator = ", ";
}

static void print_summary(const struct check_args *a, const char *path,
			  const struct vhd_check_result *r, bool sound)
{
	const char *separator = " (";

	text_put(stdout, path);
	printf(": %s%s%s",
	       color_code(a->color, sound ? COLOR_GREEN : COLOR_RED),
	       sound ? "sound" : "damaged", color_code(a->color, COLOR_NONE));
	print_count(r->count[VHD_SEV_FATAL], "fatal error", "fatal errors",
		    &separator);
	print_count(r->count[VHD_SEV_ERROR], "error", "errors", &separator);
	print_count(r->count[VHD_SEV_WARNING], "warning", "warnings",
		    &separator);
	print_count(r->count[VHD_SEV_INFO], "note", "notes", &separator);
	puts(separator[0] == ',' ? ")" : "");
}

static json_t *result_object(const struct vhd_check_result *r, bool sound)
{
	json_t *object = json_object();

	json_put(object, "sound", json_boolean(sound));
	json_put(object, "fatal", json_u64(r->count[VHD_SEV_FATAL]));
	json_put(object, "errors", json_u64(r->count[VHD_SEV_ERROR]));
	json_put(object, "warnings", json_u64(r->count[VHD_SEV_WARNING]));
	json_put(object, "infos", json_u64(r->count[VHD_SEV_INFO]));
	json_put(object, "layers", json_u64(r->layers));
	json_put(object, "blocks", json_u64(r->blocks));
	return object;
}

/* What follows the findings of one file; gives its exit status. */
static int conclude(struct cli *cli, struct check_args *a, const char *path,
		    const struct vhd_check_result *r,
		    const struct vhd_error *err)
{
	bool sound = r->count[VHD_SEV_ERROR] == 0 &&
		     r->count[VHD_SEV_FATAL] == 0;

	if (a->json) {
		json_close(&a->json_out, ']');
		json_key(&a->json_out, err != NULL ? "error" : "result");
		json_value(&a->json_out, err != NULL ? json_error_object(err) :
						       result_object(r, sound));
	}
	if (err != NULL)
		return error_report(cli, err, path);
	if (!a->json && !a->quiet)
		print_summary(a, path, r, sound);
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
	opts.flags = a->chain ? VHD_CHECK_CHAIN : 0;
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
"  vhd-util check --chain --json child.avhdx\n",
	.opts = check_opts,
	.min_operands = 1,
	.max_operands = 0,
	.run = check_run,
};
