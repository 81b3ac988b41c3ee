/* SPDX-License-Identifier: BSD-2-Clause */
#include <unistd.h>

#include "cli_make.h"
#include "cli_open.h"
#include "cmds.h"
#include "errors.h"
#include "progress.h"
#include "sigint.h"
#include "common/size.h"
#include "common/text.h"

enum { OPT_PARENT = 1, OPT_PARENT_NAME, OPT_WINDOWS_PATH, OPT_RAW_PARENT,
       OPT_ROOM };

static const struct poptOption parent_opts[] = {
	CLI_OPT_ARG("parent", OPT_PARENT,
		    "Make a differencing image on top of FILE", "FILE"),
	CLI_OPT("raw-parent", OPT_RAW_PARENT,
		"The parent is a raw disk, whatever it looks like (a VHD with "
		"--for xen only)"),
	CLI_OPT_ARG("parent-name", OPT_PARENT_NAME,
		    "Record TEXT as the relative path of the parent", "TEXT"),
	CLI_OPT_ARG("parent-windows-path", OPT_WINDOWS_PATH,
		    "Record TEXT as its absolute path on Windows as well",
		    "TEXT"),
	CLI_OPT_TABLE(cli_open_base_opts, NULL),
	POPT_TABLEEND
};

static const struct poptOption create_opts[] = {
	CLI_OPT_TABLE(cli_make_opts, "The new image:"),
	CLI_OPT_TABLE(parent_opts, "Its parent:"),
	CLI_OPT_ARG("room", OPT_ROOM,
		    "Let a VHD have metadata for a disk of SIZE, to which it "
		    "can grow without moving data", "SIZE"),
	CLI_OPT_END
};

struct create_args {
	struct vhd_create_opts make;
	struct cli_open open;
};

static int create_option(struct cli *cli, int val, const char *text, void *arg)
{
	struct create_args *a = arg;

	if (val >= CLI_OPEN_FIRST)
		return cli_open_option(&a->open, val, text);
	if (val >= CLI_MAKE_FIRST && val <= CLI_MAKE_LAST)
		return cli_make_option(cli, &a->make, val, text);
	switch (val) {
	case OPT_PARENT:
		if (text[0] == '\0')
			return cli_usage(cli, "--parent: the name is empty");
		a->make.parent = text;
		return CLI_GO;
	case OPT_RAW_PARENT:
		a->open.opts.format = VHD_FORMAT_RAW;
		return CLI_GO;
	case OPT_ROOM:
		return cli_value_size(cli, "room", text, &a->make.room_size);
	case OPT_PARENT_NAME:
		a->make.parent_name = text;
		return CLI_GO;
	default:
		a->make.parent_win_path = text;
		return CLI_GO;
	}
}

/* What can be said before anything is looked at. */
static int check_args(struct cli *cli, const struct create_args *a)
{
	if (a->make.parent == NULL) {
		if (a->make.type == VHD_TYPE_DIFF)
			return cli_usage(cli, "a differencing image needs "
					 "--parent FILE");
		if (a->make.parent_name != NULL ||
		    a->make.parent_win_path != NULL ||
		    a->open.opts.format == VHD_FORMAT_RAW)
			return cli_usage(cli, "there is something about a "
					 "parent, but no --parent FILE");
		if (a->make.virtual_size == 0)
			return cli_usage(cli, "--size is needed");
		return CLI_GO;
	}
	if (a->make.type != VHD_TYPE_DEFAULT && a->make.type != VHD_TYPE_DIFF)
		return cli_usage(cli, "an image with a parent is differencing, "
				 "not %s", vhd_type_name(a->make.type));
	return CLI_GO;
}

/* People get a line; scripts get silence. */
static void tell(const char *path)
{
	struct vhd_open_opts opts = VHD_OPEN_OPTS_INIT;
	struct vhd_info info = { .size = sizeof(info) };
	struct vhd_image *img = NULL;
	char size[SIZE_TEXT];

	if (isatty(STDOUT_FILENO) != 1)
		return;
	opts.flags = VHD_OPEN_NO_PARENT | VHD_OPEN_NO_LOCK |
		     VHD_OPEN_ALLOW_RAW;
	if (vhd_open(path, &opts, &img, NULL) != 0)
		return;
	if (vhd_layer_info(img, 0, &info, NULL) == 0) {
		text_put(stdout, path);
		printf(": made, %s %s, %s\n", vhd_type_name(info.type),
		       vhd_format_name(info.format),
		       size_format(info.virtual_size, size));
	}
	vhd_close(&img, NULL);
}

static int create(struct cli *cli, struct create_args *a)
{
	const char *path = cli_operand(cli, 0);
	struct vhd_error err = { .code = VHD_OK };
	struct progress pr;
	int rc, status = check_args(cli, a);

	if (status == CLI_GO)
		status = cli_make_timestamp(cli, &a->make);
	if (status != CLI_GO)
		return status;
	if (a->make.parent != NULL &&
	    cli_foreign_parent(&a->open, a->make.parent, &err))
		return error_report(cli, &err, a->make.parent);
	a->make.open = &a->open.opts;
	a->make.progress = progress_step;
	a->make.progress_arg = &pr;
	sigint_catch();
	progress_begin(&pr, true, true);
	rc = vhd_create(path, &a->make, &err);
	progress_end(&pr);
	if (rc != 0)
		return error_report(cli, &err, path);
	tell(path);
	return CLI_OK;
}

static int create_run(struct cli *cli)
{
	struct create_args a = { .make = VHD_CREATE_OPTS_INIT };
	int status = cli_open_init(&a.open, cli);

	if (status == CLI_GO)
		status = cli_parse(cli, create_option, &a);
	if (status == CLI_GO)
		status = create(cli, &a);
	cli_open_free(&a.open);
	return status;
}

const struct cmd cmd_create = {
	.name = "create",
	.summary = "make a new, empty image",
	.usage = "[OPTION]... FILE",
	.description =
"FILE appears under its name only when it is complete, and an existing file\n"
"is left alone without --force. Without --format, the extension decides: .vhd\n"
".avhd .vhdx .avhdx .raw .img. With --parent, the new image holds the changes\n"
"to that image only and takes its size unless --size says otherwise.\n"
"\n"
"SIZE is a number with K, M, G or T (powers of 1024), or bytes. With the same\n"
"--uuid and the same SOURCE_DATE_EPOCH in the environment, the same bytes\n"
"come out.\n",
	.example =
"  vhd-util create --size 64G disk.vhdx\n"
"  vhd-util create --size 30G --for azure upload.vhd\n"
"  vhd-util create --parent base.vhdx child.avhdx\n",
	.opts = create_opts,
	.min_operands = 1,
	.max_operands = 1,
	.run = create_run,
};
