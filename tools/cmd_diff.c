/* SPDX-License-Identifier: BSD-2-Clause */
#include <unistd.h>

#include "cli_make.h"
#include "cmds.h"
#include "errors.h"
#include "json.h"
#include "progress.h"
#include "sigint.h"
#include "two.h"
#include "common/size.h"
#include "common/text.h"

enum { OPT_OUTPUT = 1, OPT_JSON, OPT_NO_PROGRESS };

static const struct poptOption diff_opts[] = {
	{ "output", 'o', POPT_ARG_STRING, NULL, OPT_OUTPUT,
	  "The differencing image to make", "CHILD" },
	CLI_OPT_TABLE(cli_make_opts, "The new image:"),
	CLI_OPT_TABLE(cli_open_base_opts, "Opening A and B:"),
	CLI_OPT("json", OPT_JSON, "Report the result as JSON"),
	CLI_OPT("no-progress", OPT_NO_PROGRESS, "Draw no progress bar"),
	CLI_OPT_END
};

struct diff_job {
	struct two two;			/* B alone */
	struct cli_open open;
	struct vhd_create_opts make;
	struct vhd_compare_result result;
	struct progress pr;
	const char *output;
	bool json;
	bool no_progress;
};

static int diff_option(struct cli *cli, int val, const char *text, void *arg)
{
	struct diff_job *j = arg;

	if (val >= CLI_OPEN_FIRST)
		return cli_open_option(&j->open, val, text);
	if (val >= CLI_MAKE_FIRST && val <= CLI_MAKE_LAST)
		return cli_make_option(cli, &j->make, val, text);
	if (val == OPT_OUTPUT)
		j->output = text;
	else if (val == OPT_JSON)
		j->json = true;
	else
		j->no_progress = true;
	return CLI_GO;
}

static int report(const struct diff_job *j)
{
	struct cli *cli = j->two.cli;
	char size[SIZE_TEXT];
	json_t *o;

	if (!j->json) {
		if (isatty(STDOUT_FILENO) != 1)
			return CLI_OK;
		text_put(stdout, j->output);
		printf(": made, %s differ\n",
		       size_human(j->result.differing, size));
		return CLI_OK;
	}
	o = json_object();
	json_put(o, "parent", json_text(cli_operand(cli, 0)));
	json_put(o, "disk", json_text(cli_operand(cli, 1)));
	json_put(o, "child", json_text(j->output));
	json_put(o, "differing_bytes", json_u64(j->result.differing));
	json_put(o, "read_bytes", json_u64(j->result.read_bytes));
	json_put(o, "shared_bytes", json_u64(j->result.same_bytes));
	json_put(o, "zero_bytes", json_u64(j->result.zero_bytes));
	return json_print(cli, o);
}

static int make(struct diff_job *j)
{
	struct vhd_compare_opts o = VHD_COMPARE_OPTS_INIT;
	struct vhd_error err = { .code = VHD_OK };
	struct cli *cli = j->two.cli;
	int rc;

	/* The library opens the parent itself; it has said nothing so far. */
	j->make.open = &j->open.opts;
	o.progress = progress_step;
	o.progress_arg = &j->pr;
	progress_begin(&j->pr, !j->no_progress, true);
	rc = vhd_diff(cli_operand(cli, 0), j->two.b, j->output, &j->make, &o,
		      &j->result, &err);
	progress_end(&j->pr);
	return rc != 0 ? error_report(cli, &err, j->output) : report(j);
}

static int check_args(const struct diff_job *j)
{
	struct cli *cli = j->two.cli;

	if (j->output == NULL)
		return cli_usage(cli, "-o CHILD is needed: the image to make");
	if (j->make.type != VHD_TYPE_DEFAULT && j->make.type != VHD_TYPE_DIFF)
		return cli_usage(cli, "--type: the new image is a differencing "
				 "one");
	if (j->make.format == VHD_FORMAT_RAW)
		return cli_usage(cli, "a raw disk cannot have a parent");
	return CLI_GO;
}

static int diff(struct diff_job *j)
{
	struct cli *cli = j->two.cli;
	struct vhd_error err = { .code = VHD_OK };
	int status = check_args(j);

	if (status == CLI_GO)
		status = cli_make_timestamp(cli, &j->make);
	if (status != CLI_GO)
		return status;
	if (cli_foreign_parent(&j->open, cli_operand(cli, 0), &err))
		return error_report(cli, &err, cli_operand(cli, 0));
	sigint_catch();
	status = two_open(cli, &j->open, cli_operand(cli, 1), &j->two.b);
	if (status == CLI_GO)
		status = make(j);
	return two_close(&j->two, status);
}

static int diff_run(struct cli *cli)
{
	struct diff_job j = { .two = { .cli = cli },
			      .make = VHD_CREATE_OPTS_INIT };
	int status = cli_open_init(&j.open, cli);

	if (status == CLI_GO)
		status = cli_parse(cli, diff_option, &j);
	if (status == CLI_GO)
		status = diff(&j);
	cli_open_free(&j.open);
	return status;
}

const struct cmd cmd_diff = {
	.name = "diff",
	.summary = "make a differencing image that turns one disk into another",
	.usage = "[OPTION]... A B -o CHILD",
	.description =
"CHILD is a differencing image whose parent is A and that shows the disk of B:\n"
"it holds what differs, in units of 4096 bytes, and nothing else. B is an image\n"
"of any format with its parents, or a raw disk, and not needed afterwards; it\n"
"may be larger than A, not smaller. A and CHILD are of one format. A and B are\n"
"not changed. CHILD appears under its name only when it is complete and durable:\n"
"a run that fails, is cancelled or killed leaves nothing.\n"
"\n"
"A must not be changed from then on, as the parent of any image.\n",
	.example =
"  vhd-util diff monday.vhdx tuesday.vhdx -o tuesday.avhdx\n"
"  vhd-util compare tuesday.avhdx tuesday.vhdx && rm tuesday.vhdx\n",
	.opts = diff_opts,
	.min_operands = 2,
	.needs = "the names of two images are needed",
	.max_operands = 2,
	.run = diff_run,
};
