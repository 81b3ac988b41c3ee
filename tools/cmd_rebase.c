/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli_open.h"
#include "cmds.h"
#include "common/size.h"
#include "common/text.h"
#include "errors.h"
#include "json.h"
#include "progress.h"
#include "sigint.h"
#include "steps.h"

enum { OPT_PARENT = 1, OPT_UNSAFE, OPT_DRY_RUN, OPT_JSON, OPT_NO_PROGRESS };

static const struct poptOption rebase_opts[] = {
	CLI_OPT_ARG("parent", OPT_PARENT, "The new parent", "FILE"),
	CLI_OPT("unsafe", OPT_UNSAFE, "Record the new parent and copy nothing: "
		"the disk may change"),
	CLI_OPT("dry-run", OPT_DRY_RUN, "Say how much would be copied, and "
		"change nothing"),
	CLI_OPT("json", OPT_JSON, "Report the result as JSON"),
	CLI_OPT("no-progress", OPT_NO_PROGRESS, "Draw no progress bar"),
	CLI_OPT_TABLE(cli_open_where_opts, "Opening:"),
	CLI_OPT_END
};

struct rebase_job {
	struct cli *cli;
	struct cli_open open;
	struct vhd_rebase_opts opts;
	struct progress pr;
	struct steps steps;
	const char *parent;
	bool json;
	bool no_progress;
};

static int rebase_option(struct cli *cli, int val, const char *text, void *arg)
{
	struct rebase_job *j = arg;

	if (val >= CLI_OPEN_FIRST)
		return cli_open_option(&j->open, val, text);
	switch (val) {
	case OPT_PARENT:
		if (text[0] == '\0')
			return cli_usage(cli, "--parent: the name is empty");
		j->parent = text;
		break;
	case OPT_UNSAFE:
		j->opts.flags |= VHD_REBASE_UNSAFE;
		break;
	case OPT_DRY_RUN:
		j->opts.flags |= VHD_CHANGE_DRY_RUN;
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

static int report(struct rebase_job *j, const char *path,
		  const struct vhd_rebase_result *r)
{
	json_t *object = json_object();

	json_put(object, "image", json_text(path));
	json_put(object, "parent", json_text(j->parent));
	json_put(object, "unsafe",
		 json_boolean(j->opts.flags & VHD_REBASE_UNSAFE));
	json_put(object, "dry_run",
		 json_boolean(j->opts.flags & VHD_CHANGE_DRY_RUN));
	json_put(object, "copied", json_u64(r->copied_bytes));
	json_put(object, "same", json_u64(r->same_bytes));
	json_put(object, "steps", steps_take(&j->steps));
	return json_print(j->cli, object);
}

static int rebase(struct rebase_job *j)
{
	const char *path = cli_operand(j->cli, 0);
	struct vhd_rebase_result result = { .copied_bytes = 0 };
	struct vhd_error err = { .code = VHD_OK };
	int rc;

	if (j->parent == NULL)
		return cli_usage(j->cli, "--parent FILE is missing: which is "
				 "the new parent?");
	sigint_catch();
	steps_init(&j->steps, j->json);
	j->opts.open = &j->open.opts;
	j->opts.note = steps_note;
	j->opts.note_arg = &j->steps;
	j->opts.progress = progress_step;
	j->opts.progress_arg = &j->pr;
	progress_begin(&j->pr, !j->no_progress, true);
	rc = vhd_rebase(path, j->parent, &j->opts, &result, &err);
	progress_end(&j->pr);
	if (rc != 0)
		return error_report(j->cli, &err, path);
	return j->json ? report(j, path, &result) : CLI_OK;
}

static int rebase_run(struct cli *cli)
{
	static const struct vhd_rebase_opts defaults = VHD_REBASE_OPTS_INIT;
	struct rebase_job j = { .cli = cli, .opts = defaults };
	int status = cli_open_init(&j.open, cli);

	if (status == CLI_GO)
		status = cli_parse(cli, rebase_option, &j);
	if (status == CLI_GO)
		status = rebase(&j);
	steps_free(&j.steps);
	cli_open_free(&j.open);
	return status;
}

const struct cmd cmd_rebase = {
	.name = "rebase",
	.summary = "give a differencing image another parent",
	.usage = "--parent FILE [OPTION]... IMAGE",
	.description =
"Makes FILE the parent of IMAGE, and leaves the disk of IMAGE as it is: where\n"
"IMAGE shows its old parent, and the new one has other bytes, the old parent's\n"
"are copied into IMAGE first. Both parents are only read. IMAGE keeps its\n"
"identity, so that its own children stay valid. The new parent has the format\n"
"of IMAGE (or is a raw disk, for a VHD made for Xen), and its disk is not larger\n"
"than that of IMAGE.\n"
"\n"
"With --unsafe nothing is copied and the old parent need not be there. That is\n"
"right when the new parent holds what the old one held: it was converted, or\n"
"restored. Otherwise the disk of IMAGE changes, and nobody can tell.\n"
"\n"
"When it is interrupted, IMAGE has its old parent and shows what it showed. The\n"
"same command finishes; what was copied before need not be copied again.\n",
	.example =
"  vhd-util rebase --dry-run --parent base-v2.vhdx vm.avhdx\n"
"  vhd-util rebase --parent base-v2.vhdx vm.avhdx\n"
"  vhd-util rebase --unsafe --parent /mnt/new/base.vhdx vm.avhdx\n",
	.opts = rebase_opts,
	.min_operands = 1,
	.max_operands = 1,
	.run = rebase_run,
};
