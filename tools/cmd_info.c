/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli_open.h"
#include "cmds.h"
#include "errors.h"
#include "info.h"

enum { OPT_JSON = 1, OPT_CHAIN, OPT_ALLOCATION };

/* How much of a table is read just to count blocks, unless asked to. */
static const uint64_t quick_budget = UINT64_C(4) << 20;

static const struct poptOption info_opts[] = {
	CLI_OPT("json", OPT_JSON, "Print JSON"),
	CLI_OPT("chain", OPT_CHAIN, "Describe the parents in full too"),
	CLI_OPT("allocation", OPT_ALLOCATION,
		"Count allocated blocks however large the table is"),
	CLI_OPT_TABLE(cli_open_opts, "Opening:"),
	CLI_OPT_END
};

struct info_args {
	struct cli_open open;
	bool json;
	bool chain;
	bool allocation;
};

static int info_option(struct cli *cli, int val, const char *text, void *arg)
{
	struct info_args *a = arg;

	(void)cli;
	if (val >= CLI_OPEN_FIRST)
		return cli_open_option(&a->open, val, text);
	if (val == OPT_JSON)
		a->json = true;
	else if (val == OPT_CHAIN)
		a->chain = true;
	else
		a->allocation = true;
	return CLI_GO;
}

/*
 * An image whose chain is broken still has headers worth seeing: open it alone,
 * and say what is wrong with the chain.  A fault of its own fails here as well.
 */
static int open_image(struct cli *cli, struct info_args *a, const char *path,
		      struct vhd_image **img_out, struct vhd_error *parent_err)
{
	struct vhd_error err = { .code = VHD_OK };

	parent_err->code = VHD_OK;
	if (cli_open_image(&a->open, path, img_out, parent_err) == 0)
		return CLI_GO;
	a->open.opts.flags |= VHD_OPEN_NO_PARENT;
	a->open.opts.parents = NULL;
	if (cli_open_image(&a->open, path, img_out, &err) != 0)
		return error_report(cli, parent_err, path);
	cli_warn(cli, parent_err->file[0] != '\0' ? parent_err->file : path,
		 "%s", parent_err->msg);
	error_hint(cli, parent_err, path);
	return CLI_GO;
}

static int info(struct cli *cli, struct info_args *a)
{
	const char *path = cli_operand(cli, 0);
	struct vhd_error err = { .code = VHD_OK }, parent_err;
	struct info_view view = { .path = path, .chain = a->chain };
	int status = open_image(cli, a, path, &view.img, &parent_err);

	if (status != CLI_GO)
		return status;
	if (parent_err.code != VHD_OK)
		view.parent_err = &parent_err;
	view.bat_budget = a->allocation ? UINT64_MAX : quick_budget;
	status = a->json ? info_json(cli, &view) : info_text(cli, &view);
	if (vhd_close(&view.img, &err) != 0 && status == CLI_OK)
		status = error_report(cli, &err, path);
	return status;
}

static int info_run(struct cli *cli)
{
	struct info_args a = { .json = false };
	int status = cli_open_init(&a.open, cli);

	if (status == CLI_GO)
		status = cli_parse(cli, info_option, &a);
	if (status == CLI_GO)
		status = info(cli, &a);
	cli_open_free(&a.open);
	return status;
}

const struct cmd cmd_info = {
	.name = "info",
	.summary = "show what an image and its headers say",
	.usage = "[OPTION]... FILE",
	.description =
"Shows the disk, the file, its identity, its headers, the partitions, and the\n"
"chain of parents. When a parent is missing or does not match, the image is\n"
"described all the same, with a warning. Blocks are counted when that needs no\n"
"more than 4 MiB of the block allocation table, or with --allocation.\n",
	.example =
"  vhd-util info disk.vhdx\n"
"  vhd-util info --chain --json child.avhdx\n",
	.opts = info_opts,
	.min_operands = 1,
	.max_operands = 1,
	.run = info_run,
};
