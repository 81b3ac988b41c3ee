/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli_make.h"
#include "cli_open.h"
#include "cmds.h"
#include "common/color.h"
#include "common/text.h"
#include "errors.h"
#include "json.h"

enum { OPT_FOR = 1, OPT_JSON };

static const struct poptOption lint_opts[] = {
	CLI_OPT_ARG("for", OPT_FOR,
		    "Who is to use the image: azure, hyperv, xen, wsl or qemu",
		    "TARGET"),
	CLI_OPT("json", OPT_JSON, "Print the advice as JSON"),
	CLI_OPT_TABLE(cli_open_opts, "Opening:"),
	CLI_OPT_END
};

struct lint_args {
	struct cli_open open;
	struct json_writer json_out;
	enum vhd_target target;
	const char *target_name;
	char *convert;		/* the conversion that was printed */
	bool json;
	bool color;
};

static int lint_option(struct cli *cli, int val, const char *text, void *arg)
{
	struct lint_args *a = arg;
	int value = 0, status = CLI_GO;

	if (val >= CLI_OPEN_FIRST)
		return cli_open_option(&a->open, val, text);
	if (val == OPT_JSON) {
		a->json = true;
		return CLI_GO;
	}
	status = cli_value_name(cli, "for", text, cli_targets, &value);
	a->target = (enum vhd_target)value;
	a->target_name = text;
	return status;
}

static const char *kind_name(enum vhd_advice_kind kind)
{
	switch (kind) {
	case VHD_ADVICE_NOTE:
		return "note";
	case VHD_ADVICE_TROUBLE:
		return "trouble";
	case VHD_ADVICE_REFUSED:
		return "refused";
	}
	return "note";
}

static enum color kind_color(enum vhd_advice_kind kind)
{
	switch (kind) {
	case VHD_ADVICE_NOTE:
		return COLOR_DIM;
	case VHD_ADVICE_TROUBLE:
		return COLOR_YELLOW;
	case VHD_ADVICE_REFUSED:
		return COLOR_RED;
	}
	return COLOR_NONE;
}

/* FILE: kind CLAUSE: sentence, and the command below it */
static void print_advice(struct lint_args *a, const struct vhd_advice *v)
{
	text_put(stdout, v->file);
	printf(": %s%s%s %s: ", color_code(a->color, kind_color(v->kind)),
	       kind_name(v->kind), color_code(a->color, COLOR_NONE),
	       v->clause);
	text_put(stdout, v->msg);
	putchar('\n');
	if (v->mend == NULL)
		return;
	if (a->convert != NULL && strcmp(a->convert, v->mend) == 0) {
		puts("    (the same conversion as above)");
		return;
	}
	if (strncmp(v->mend, "vhd-util convert ", 17) == 0) {
		free(a->convert);
		a->convert = strdup(v->mend);
	}
	fputs("    ", stdout);
	text_put(stdout, v->mend);
	putchar('\n');
}

static json_t *advice_object(const struct vhd_advice *v)
{
	json_t *object = json_object();

	json_put(object, "kind", json_string(kind_name(v->kind)));
	json_put(object, "clause", json_string(v->clause));
	json_put(object, "file", json_text(v->file));
	json_put(object, "message", json_text(v->msg));
	json_put(object, "command",
		 v->mend != NULL ? json_text(v->mend) : json_null());
	return object;
}

static void on_advice(void *arg, const struct vhd_advice *advice)
{
	struct lint_args *a = arg;

	if (a->json)
		json_value(&a->json_out, advice_object(advice));
	else
		print_advice(a, advice);
}

static void print_count(uint64_t count, const char *one, const char *many,
			const char **separator)
{
	if (count == 0)
		return;
	printf("%s%" PRIu64 " %s", *separator, count, count == 1 ? one : many);
	*separator = ", ";
}

static void print_summary(const struct lint_args *a, const char *path,
			  const struct vhd_lint_result *r)
{
	bool refused = r->count[VHD_ADVICE_REFUSED] > 0;
	const char *separator = " (";

	text_put(stdout, path);
	printf(": %s%s%s for %s",
	       color_code(a->color, refused ? COLOR_RED : COLOR_GREEN),
	       refused ? "not fit" : "fit", color_code(a->color, COLOR_NONE),
	       a->target_name);
	print_count(r->count[VHD_ADVICE_REFUSED], "refusal", "refusals",
		    &separator);
	print_count(r->count[VHD_ADVICE_TROUBLE], "trouble", "troubles",
		    &separator);
	print_count(r->count[VHD_ADVICE_NOTE], "note", "notes", &separator);
	puts(separator[0] == ',' ? ")" : "");
}

static json_t *result_object(const struct vhd_lint_result *r)
{
	json_t *object = json_object();

	json_put(object, "fit",
		 json_boolean(r->count[VHD_ADVICE_REFUSED] == 0));
	json_put(object, "refused", json_u64(r->count[VHD_ADVICE_REFUSED]));
	json_put(object, "trouble", json_u64(r->count[VHD_ADVICE_TROUBLE]));
	json_put(object, "notes", json_u64(r->count[VHD_ADVICE_NOTE]));
	return object;
}

/* What follows the advice about one file; gives its exit status. */
static int conclude(struct cli *cli, struct lint_args *a, const char *path,
		    const struct vhd_lint_result *r,
		    const struct vhd_error *err)
{
	if (a->json) {
		json_close(&a->json_out, ']');
		json_key(&a->json_out, err != NULL ? "error" : "result");
		json_value(&a->json_out, err != NULL ? json_error_object(err) :
						       result_object(r));
	}
	if (err != NULL)
		return error_report(cli, err, path);
	if (!a->json)
		print_summary(a, path, r);
	return r->count[VHD_ADVICE_REFUSED] > 0 ? CLI_PROBLEMS : CLI_OK;
}

static int lint_file(struct cli *cli, struct lint_args *a, const char *path)
{
	struct vhd_lint_opts opts = VHD_LINT_OPTS_INIT;
	struct vhd_open_opts open = a->open.opts;
	struct vhd_lint_result result = { .count = { 0 } };
	struct vhd_error err = { .code = VHD_OK };
	int rc;

	/* Oddities become advice where they matter. */
	open.log = NULL;
	if (cli_guess_raw(path))
		open.flags |= VHD_OPEN_ALLOW_RAW;
	opts.target = a->target;
	opts.open = &open;
	opts.advice = on_advice;
	opts.arg = a;
	if (a->json) {
		json_open(&a->json_out, '{');
		json_key(&a->json_out, "file");
		json_value(&a->json_out, json_text(path));
		json_key(&a->json_out, "advice");
		json_open(&a->json_out, '[');
	}
	rc = vhd_lint(path, &opts, &result, &err);
	rc = conclude(cli, a, path, &result, rc != 0 ? &err : NULL);
	if (a->json)
		json_close(&a->json_out, '}');
	free(a->convert);
	a->convert = NULL;
	return rc;
}

static int lint_files(struct cli *cli, struct lint_args *a)
{
	int worst = CLI_OK;

	a->color = color_wanted(stdout);
	if (a->json) {
		json_begin(&a->json_out, stdout);
		json_open(&a->json_out, '{');
		json_key(&a->json_out, "target");
		json_value(&a->json_out, json_string(a->target_name));
		json_key(&a->json_out, "files");
		json_open(&a->json_out, '[');
	}
	for (size_t i = 0; i < cli_operands(cli); i++) {
		int status = lint_file(cli, a, cli_operand(cli, i));

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

static int lint_run(struct cli *cli)
{
	struct lint_args a = { .json = false };
	int status = cli_open_init(&a.open, cli);

	if (status == CLI_GO)
		status = cli_parse(cli, lint_option, &a);
	if (status == CLI_GO && a.target == VHD_TARGET_NONE)
		status = cli_usage(cli, "--for TARGET is needed: azure, hyperv, "
				   "xen, wsl or qemu");
	if (status == CLI_GO)
		status = lint_files(cli, &a);
	cli_open_free(&a.open);
	return status;
}

const struct cmd cmd_lint = {
	.name = "lint",
	.summary = "tell what the program that is to use an image will refuse",
	.usage = "--for TARGET [OPTION]... FILE...",
	.description =
"Sound images too may be of no use where they are going. Prints a line for\n"
"each thing that TARGET refuses (\"refused\"), does badly (\"trouble\") or that is\n"
"worth knowing (\"note\"), with the rule behind it and, below it, the command\n"
"that mends it; then a summary. Nothing is changed. Whether an image is\n"
"damaged is told by vhd-util check.\n",
	.example =
"  vhd-util lint --for azure disk.vhdx\n"
"  vhd-util lint --for qemu --json *.vhd\n",
	.exits =
"Exit status: 0 nothing is refused; 1 an image could not be opened; 2 usage;\n"
"3 something is refused. With several files the highest one that applies.\n",
	.opts = lint_opts,
	.min_operands = 1,
	.max_operands = 0,
	.run = lint_run,
};
