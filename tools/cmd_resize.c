/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order of the steps is what makes an interrupted resize harmless.  A disk
 * that grows is larger before its GPT says so; one that shrinks has its GPT
 * fitted to the new end before that becomes the end.  Whichever step is cut
 * off, the same command goes on with it.
 */
#include <string.h>
#include <strings.h>

#include "children.h"
#include "cmds.h"
#include "errors.h"
#include "resize.h"
#include "sigint.h"

enum {
	OPT_SIZE = 1, OPT_TO_MIN, OPT_FIX_GPT, OPT_FORCE, OPT_ORPHAN, OPT_DRY_RUN,
	OPT_JSON, OPT_NO_PROGRESS
};

static const struct poptOption resize_opts[] = {
	/* For those who come from `create`, to be told where it goes. */
	{ "size", '\0', POPT_ARG_STRING | POPT_ARGFLAG_DOC_HIDDEN, NULL,
	  OPT_SIZE, NULL, NULL },
	CLI_OPT("to-min", OPT_TO_MIN,
		"Make it as small as its partitions, or the file system that "
		"fills it, and what is stored on it allow"),
	CLI_OPT("fix-gpt", OPT_FIX_GPT,
		"Move the backup of a GPT to the new end of the disk"),
	CLI_OPT("force", OPT_FORCE,
		"Cut off partitions and data: they are lost"),
	CLI_OPT("orphan", OPT_ORPHAN,
		"Although the image has children, which become worthless, or "
		"a saved state"),
	CLI_OPT("dry-run", OPT_DRY_RUN,
		"Say what would be done, and change nothing"),
	CLI_OPT("json", OPT_JSON, "Report the result as JSON"),
	CLI_OPT("no-progress", OPT_NO_PROGRESS, "Draw no progress bar"),
	CLI_OPT_TABLE(cli_open_write_opts, "Opening:"),
	CLI_OPT_END
};

static int resize_option(struct cli *cli, int val, const char *text, void *arg)
{
	struct resize_job *j = arg;

	if (val >= CLI_OPEN_FIRST)
		return cli_open_option(&j->open, val, text);
	switch (val) {
	case OPT_SIZE:
		return cli_usage(cli, "the size is written after the image: "
				 "resize IMAGE %s", text);
	case OPT_TO_MIN:
		j->to_min = true;
		break;
	case OPT_FIX_GPT:
		j->fix_gpt = true;
		break;
	case OPT_FORCE:
		j->force = true;
		break;
	case OPT_ORPHAN:
		j->orphan = true;
		break;
	case OPT_DRY_RUN:
		j->dry_run = true;
		break;
	case OPT_JSON:
		j->json = true;
		break;
	default:
		j->no_progress = true;
		break;
	}
	return CLI_GO;
}

/* Only a name that says so makes raw bytes of an unknown file. */
static bool named_raw(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot != NULL && (strcasecmp(dot, ".raw") == 0 ||
			       strcasecmp(dot, ".img") == 0);
}

static int check_args(struct resize_job *j)
{
	const char *text = cli_operand(j->cli, 1);

	j->path = cli_operand(j->cli, 0);
	if (j->to_min && text != NULL)
		return cli_usage(j->cli, "--to-min finds the size: '%s' is one "
				 "operand too many", text);
	if (!j->to_min && text == NULL)
		return cli_usage(j->cli, "a size is needed, or --to-min");
	/* Said before a file is opened, where that is possible. */
	if (text != NULL && resize_parse(j, text) == CLI_USAGE)
		return CLI_USAGE;
	if (named_raw(j->path) && cli_guess_raw(j->path))
		j->open.opts.flags |= VHD_OPEN_ALLOW_RAW;
	return CLI_GO;
}

/* A table that only its second copy keeps is found at the end of a disk. */
static int check_backup(const struct resize_job *j)
{
	static const char hint[] = "mend the table in the guest first (sgdisk, "
		"gdisk)";

	if (j->fix_gpt)
		return error_say(j->cli, j->path, hint, "the first copy of the "
				 "GPT is not sound, and --fix-gpt needs it");
	if (j->new <= j->old || j->force)
		return CLI_GO;
	return error_say(j->cli, j->path, "mend the table in the guest first "
			 "(sgdisk, gdisk), or give it up with --force",
			 "only the copy of the GPT at the end of the disk is "
			 "sound, and nobody would find it in the middle of a "
			 "larger one");
}

static int check_gpt(const struct resize_job *j)
{
	if (j->disk.table.kind == PTABLE_GPT)
		return j->disk.table.backup || (j->fix_gpt && !j->disk.gpt) ?
		       check_backup(j) : CLI_GO;
	if (!j->fix_gpt)
		return CLI_GO;
	if (j->disk.gpt_ruin)
		return error_say(j->cli, j->path, "mend the table in the guest "
				 "first (sgdisk, gdisk), or leave --fix-gpt "
				 "out",
				 "neither copy of the GPT on the disk is "
				 "sound");
	cli_warn(j->cli, j->path, "there is no GPT on the disk: --fix-gpt has "
		 "nothing to do");
	return CLI_GO;
}

/* A new size is asked for where that is changed; a table alone is not. */
static int check_children(struct resize_job *j)
{
	struct vhd_open_opts opts = j->open.opts;
	struct vhd_error err = { .code = VHD_OK };
	struct vhd_image *img = NULL;
	int status;

	if (!j->disk.fix || j->orphan || j->new != j->old)
		return CLI_GO;
	opts.log = NULL;
	if (vhd_open(j->path, &opts, &img, &err) != 0)
		return error_report(j->cli, &err, j->path);
	status = children_refuse(j->cli, img, false);
	vhd_close(&img, NULL);
	return status;
}

static int set_size(struct resize_job *j)
{
	struct vhd_resize_opts opts = VHD_RESIZE_OPTS_INIT;
	struct vhd_error err = { .code = VHD_OK };
	int rc;

	opts.flags = (j->force ? VHD_CHANGE_CUT : 0) |
		     (j->orphan ? VHD_CHANGE_ORPHAN : 0);
	opts.open = &j->open.opts;
	opts.progress = progress_step;
	opts.progress_arg = &j->pr;
	progress_begin(&j->pr, !j->no_progress, true);
	rc = vhd_resize(j->path, j->new, &opts, &j->res, &err);
	progress_end(&j->pr);
	return rc != 0 ? error_report(j->cli, &err, j->path) : CLI_GO;
}

/* What tells others the size, which may have become something else. */
static void look_footer(struct resize_job *j)
{
	struct vhd_open_opts opts = VHD_OPEN_OPTS_INIT;
	struct vhd_info info = { .size = sizeof(info) };
	struct vhd_image *img = NULL;

	opts.flags = VHD_OPEN_NO_PARENT | VHD_OPEN_NO_LOCK;
	if (j->disk.info.format != VHD_FORMAT_VHD ||
	    vhd_open(j->path, &opts, &img, NULL) != 0)
		return;
	if (vhd_layer_info(img, 0, &info, NULL) == 0) {
		j->chs_size = info.vhd.chs_size;
		memcpy(j->creator, info.vhd.creator_app, sizeof(j->creator));
	}
	vhd_close(&img, NULL);
}

static int act(struct resize_job *j)
{
	bool fix = j->disk.fix;
	int status = CLI_GO;

	if (fix && j->new < j->old)
		status = resize_fix_gpt(j);
	if (status == CLI_GO)
		status = set_size(j);
	if (status == CLI_GO && fix && j->new >= j->old)
		status = resize_fix_gpt(j);
	look_footer(j);
	return status;
}

static int resize(struct resize_job *j)
{
	int status = check_args(j);

	if (status != CLI_GO)
		return status;
	sigint_catch();
	status = resize_look(j);
	/* What is odd about the image has been said then. */
	j->open.opts.log = NULL;
	if (status == CLI_GO && !j->to_min)
		status = resize_parse(j, cli_operand(j->cli, 1));
	if (status == CLI_GO)
		status = check_gpt(j);
	if (status == CLI_GO)
		status = resize_allowed(j);
	if (status == CLI_GO)
		status = check_children(j);
	if (status == CLI_GO && !j->dry_run)
		status = act(j);
	return status == CLI_GO ? resize_report(j) : status;
}

static int resize_run(struct cli *cli)
{
	struct resize_job j = { .cli = cli };
	int status = cli_open_init(&j.open, cli);

	if (status == CLI_GO)
		status = cli_parse(cli, resize_option, &j);
	if (status == CLI_GO)
		status = resize(&j);
	cli_open_free(&j.open);
	return status;
}

const struct cmd cmd_resize = {
	.name = "resize",
	.summary = "make a disk larger or smaller",
	.usage = "[OPTION]... IMAGE SIZE|+SIZE|-SIZE\n"
		 "       vhd-util resize --to-min [OPTION]... IMAGE",
	.description =
"Gives the disk another size, in place: a VHD or VHDX of any type, or a raw disk\n"
"(.raw, .img). New bytes are zeros. The disk's content is not touched: what the\n"
"guest has to do to use the new room is said afterwards. A VHD can have up to\n"
"2040 GiB, a VHDX up to 64 TiB. SIZE is in bytes, or with K, M, G or T for\n"
"powers of 1024: 64G, +1.5T; with a sign it is added to the size, or taken away.\n"
"\n"
"A disk is not made smaller than its partitions, than the file system that fills\n"
"it, or than what is stored on it reaches, unless --force is given: what is cut\n"
"off is lost. --to-min finds the smallest size and rounds it up to a whole MiB.\n"
"Shrinking frees on the host what lay behind the new end; what the guest deleted\n"
"below it, compact does.\n"
"\n"
"A GPT has a backup in the last sectors of the disk. --fix-gpt moves it to the\n"
"new end, with the same partitions and identities; a guest's tools do that too\n"
"after a disk has grown, but before one is cut it has to be done here.\n"
"\n"
"Children of an image record what it is: an image that has some next to it is\n"
"refused, unless --orphan gives them up. A child may be larger than its parent;\n"
"what lies behind the parent's end is zeros.\n"
"\n"
"When it is interrupted at any moment, the image opens with the old size or the\n"
"new one, no byte below the smaller of the two is lost, and the same command\n"
"finishes the work. The stories of WSL and Azure disks are in docs/resize.md.\n",
	.example =
"  vhd-util resize disk.vhdx 128G\n"
"  vhd-util resize --fix-gpt ubuntu.vhdx +20G\n"
"  vhd-util resize --dry-run --to-min --fix-gpt windows.vhdx\n"
"  vhd-util resize upload.vhd -512M\n",
	.opts = resize_opts,
	.min_operands = 1,
	.max_operands = 2,
	.numbers = true,
	.run = resize_run,
};
