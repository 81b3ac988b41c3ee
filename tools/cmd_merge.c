/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "cli_make.h"
#include "cli_open.h"
#include "cmds.h"
#include "errors.h"
#include "json.h"
#include "progress.h"
#include "sigint.h"
#include "common/size.h"
#include "common/text.h"

enum {
	OPT_INTO = 1, OPT_OUTPUT, OPT_DRY_RUN, OPT_DELETE, OPT_KEEP_ID,
	OPT_NO_RELINK, OPT_ORPHAN, OPT_JSON, OPT_NO_PROGRESS
};

static const struct poptOption how_opts[] = {
	CLI_OPT_ARG("into", OPT_INTO,
		    "The layer that takes the changes of all above it "
		    "(default: the parent)", "ANCESTOR"),
	{ "output", 'o', POPT_ARG_STRING, NULL, OPT_OUTPUT,
	  "Make a new image of these layers and change nothing", "NEW" },
	CLI_OPT("delete", OPT_DELETE,
		"Remove the files that are no longer needed, at the end"),
	CLI_OPT("keep-id", OPT_KEEP_ID,
		"A VHD keeps its unique id, as Xen's coalesce has it"),
	CLI_OPT("no-relink", OPT_NO_RELINK,
		"Leave the children of CHILD as they are"),
	CLI_OPT("orphan", OPT_ORPHAN,
		"Although other children of these layers are lost; with -o "
		"and --force, those of the file that is replaced"),
	CLI_OPT("dry-run", OPT_DRY_RUN,
		"Say what would be done, and change nothing"),
	CLI_OPT("json", OPT_JSON, "Report as JSON"),
	CLI_OPT("no-progress", OPT_NO_PROGRESS, "Draw no progress bar"),
	POPT_TABLEEND
};

static const struct poptOption merge_opts[] = {
	CLI_OPT_TABLE(how_opts, "Merging:"),
	CLI_OPT_TABLE(cli_make_base_opts, "The new image, with -o:"),
	CLI_OPT_TABLE(cli_open_write_opts, "Opening:"),
	CLI_OPT_END
};

struct merge_args {
	struct cli *cli;
	struct cli_open open;
	struct vhd_merge_opts merge;
	struct vhd_create_opts make;
	struct vhd_merge_result result;
	const char *output;
	json_t *steps;
	struct progress pr;
	bool make_given;
	bool json;
	bool no_progress;
};

static int merge_option(struct cli *cli, int val, const char *text, void *arg)
{
	struct merge_args *a = arg;

	if (val >= CLI_OPEN_FIRST)
		return cli_open_option(&a->open, val, text);
	if (val >= CLI_MAKE_FIRST && val <= CLI_MAKE_LAST) {
		a->make_given = true;
		return cli_make_option(cli, &a->make, val, text);
	}
	switch (val) {
	case OPT_INTO:
		a->merge.into = text;
		break;
	case OPT_OUTPUT:
		a->output = text;
		break;
	case OPT_DRY_RUN:
		a->merge.flags |= VHD_CHANGE_DRY_RUN;
		break;
	case OPT_DELETE:
		a->merge.flags |= VHD_MERGE_DELETE;
		break;
	case OPT_KEEP_ID:
		a->merge.flags |= VHD_MERGE_KEEP_ID;
		break;
	case OPT_NO_RELINK:
		a->merge.flags |= VHD_MERGE_NO_RELINK;
		break;
	case OPT_ORPHAN:
		a->merge.flags |= VHD_CHANGE_ORPHAN;
		a->make.flags |= VHD_CREATE_ORPHAN;
		break;
	case OPT_JSON:
		a->json = true;
		break;
	default:
		a->no_progress = true;
		break;
	}
	return CLI_GO;
}

static int check_args(struct cli *cli, const struct merge_args *a)
{
	const uint32_t in_place = VHD_MERGE_DELETE | VHD_MERGE_KEEP_ID |
				  VHD_MERGE_NO_RELINK;

	if (a->output == NULL && a->make_given)
		return cli_usage(cli, "format, sizes, --for and the like are "
				 "about a new image, and there is no -o NEW");
	if (a->output != NULL && a->merge.flags & in_place)
		return cli_usage(cli, "-o changes no image: --delete, "
				 "--keep-id and --no-relink do not go with it");
	return CLI_GO;
}

static bool is_dry(const struct merge_args *a)
{
	return a->merge.flags & VHD_CHANGE_DRY_RUN;
}

/* What happens to which file is worth a line in a log; a new image is not. */
static void on_note(void *arg, const char *file, const char *msg)
{
	struct merge_args *a = arg;
	json_t *step;

	if (!a->json) {
		if (a->output != NULL && !is_dry(a) &&
		    isatty(STDOUT_FILENO) != 1)
			return;
		progress_end(&a->pr);
		text_put(stdout, file);
		fputs(": ", stdout);
		text_put(stdout, msg);
		fputc('\n', stdout);
		return;
	}
	step = json_object();
	json_put(step, "file", json_text(file));
	json_put(step, "message", json_text(msg));
	json_array_append_new(a->steps, step);
}

static void report_text(const struct merge_args *a)
{
	const struct vhd_merge_result *r = &a->result;
	char data[SIZE_TEXT], zero[SIZE_TEXT];

	if (r->layers == 0 || (a->output != NULL && !is_dry(a) &&
			       isatty(STDOUT_FILENO) != 1))
		return;
	text_put(stdout, cli_operand(a->cli, 0));
	printf(": %" PRIu32 " layer%s %s, %s of data and %s of zeros\n",
	       r->layers, r->layers == 1 ? "" : "s",
	       is_dry(a) ? "to merge" : "merged",
	       size_human(r->data_bytes, data),
	       size_human(r->zero_bytes, zero));
}

static int report(struct merge_args *a)
{
	const struct vhd_merge_result *r = &a->result;
	json_t *object;

	if (!a->json) {
		report_text(a);
		return CLI_OK;
	}
	object = json_object();
	json_put(object, "image", json_text(cli_operand(a->cli, 0)));
	json_put(object, "into", a->merge.into != NULL ?
		 json_text(a->merge.into) : json_null());
	json_put(object, "output", a->output != NULL ?
		 json_text(a->output) : json_null());
	json_put(object, "dry_run", json_boolean(is_dry(a)));
	json_put(object, "layers", json_u64(r->layers));
	json_put(object, "data_bytes", json_u64(r->data_bytes));
	json_put(object, "zero_bytes", json_u64(r->zero_bytes));
	json_put(object, "skipped_bytes", json_u64(r->skipped_bytes));
	json_put(object, "relinked", json_u64(r->relinked));
	json_put(object, "removed", json_u64(r->removed));
	json_put(object, "steps", json_incref(a->steps));
	return json_print(a->cli, object);
}

static int merge(struct cli *cli, struct merge_args *a)
{
	const char *path = cli_operand(cli, 0);
	struct vhd_error err = { .code = VHD_OK };
	int rc, status = check_args(cli, a);

	if (status == CLI_GO && a->output != NULL)
		status = cli_make_timestamp(cli, &a->make);
	if (status != CLI_GO)
		return status;
	sigint_catch();
	progress_begin(&a->pr, !a->no_progress, true);
	a->merge.open = &a->open.opts;
	a->merge.note = on_note;
	a->merge.note_arg = a;
	a->merge.progress = progress_step;
	a->merge.progress_arg = &a->pr;
	a->merge.threads = CLI_THREADS;
	if (a->output != NULL)
		rc = vhd_merge_new(path, a->output, &a->make, &a->merge,
				   &a->result, &err);
	else
		rc = vhd_merge(path, &a->merge, &a->result, &err);
	progress_end(&a->pr);
	return rc != 0 ? error_report(cli, &err, path) : report(a);
}

static int merge_run(struct cli *cli)
{
	struct merge_args a = {
		.cli = cli,
		.merge = VHD_MERGE_OPTS_INIT,
		.make = VHD_CREATE_OPTS_INIT,
		.steps = json_array(),
	};
	int status = cli_open_init(&a.open, cli);

	if (status == CLI_GO)
		status = cli_parse(cli, merge_option, &a);
	if (status == CLI_GO)
		status = merge(cli, &a);
	cli_open_free(&a.open);
	json_decref(a.steps);
	return status;
}

const struct cmd cmd_merge = {
	.name = "merge",
	.summary = "bring the changes of upper layers into a lower one",
	.usage = "CHILD [--into ANCESTOR | -o NEW] [OPTION]...",
	.description =
"Writes what CHILD and the layers between hold into ANCESTOR (its parent\n"
"unless --into names one further down), in one pass and nothing but that.\n"
"ANCESTOR then shows the disk that CHILD showed, and takes over its identity:\n"
"images made on top of CHILD and lying beside it get ANCESTOR as their parent.\n"
"The layers that were merged are spent: they no longer open as a chain, and\n"
"--delete removes them. This is what Hyper-V calls Merge-VHD, Xen coalesce,\n"
"and others commit.\n"
"\n"
"Whoever else is a child of ANCESTOR or of a layer between would be spoilt:\n"
"if there is one beside its parent, nothing is done without --orphan. Children\n"
"in other directories are not found; vhd-util chain DIR... shows them.\n"
"An ANCESTOR whose disk is smaller grows first; one that is larger is refused.\n"
"\n"
"No program may have ANCESTOR open, nor a child of CHILD. The merge may be\n"
"interrupted at any moment, by Ctrl-C, a kill or a power cut: CHILD shows its\n"
"disk as before (layers between need not), and the same command goes on where\n"
"it was. Meanwhile there is a file ANCESTOR.merge.\n"
"\n"
"A raw ANCESTOR, and a VHD with --keep-id, cannot tell that the layers are spent:\n"
"remove them, or those between show what never was. Until then ANCESTOR.merge\n"
"stays and sees to it that no layer is merged twice. With --keep-id a VHD keeps\n"
"Xen's hidden flag as well; vhd-util set --hidden no takes that off.\n"
"\n"
"-o leaves all images alone and makes NEW of the layers from CHILD down to\n"
"ANCESTOR: a child of what is below ANCESTOR, or a stand-alone image.\n",
	.example =
"  vhd-util merge --dry-run --into base.vhdx day2.avhdx\n"
"  vhd-util merge --into base.vhdx --delete day2.avhdx\n"
"  vhd-util merge -o days.avhdx --into day1.avhdx day2.avhdx\n",
	.opts = merge_opts,
	.min_operands = 1,
	.max_operands = 1,
	.run = merge_run,
};
