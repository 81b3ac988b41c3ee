/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli_make.h"
#include "cli_open.h"
#include "cmds.h"
#include "common/color.h"
#include "common/size.h"
#include "common/text.h"
#include "errors.h"
#include "json.h"
#include "progress.h"
#include "sigint.h"

enum { OPT_SOURCE_FORMAT = 1, OPT_NO_PARENT, OPT_JSON, OPT_NO_PROGRESS };

/* Of assumptions and of losses, how many are listed for people. */
enum { LISTED = 20 };

static const char list_doubts[] = "doubts", list_losses[] = "losses";

static const struct poptOption source_opts[] = {
	CLI_OPT_ARG("source-format", OPT_SOURCE_FORMAT,
		    "vhd or vhdx, when the file does not tell any more",
		    "FORMAT"),
	CLI_OPT("no-parent", OPT_NO_PARENT,
		"Do without the parent: what only it holds is lost"),
	CLI_OPT_TABLE(cli_open_opts, NULL),
	POPT_TABLEEND
};

static const struct poptOption salvage_opts[] = {
	CLI_OPT_TABLE(cli_make_opts, "The new image:"),
	CLI_OPT_TABLE(source_opts, "The source:"),
	CLI_OPT("json", OPT_JSON, "Report as JSON, with all that was lost"),
	CLI_OPT("no-progress", OPT_NO_PROGRESS, "Draw no progress bar"),
	CLI_OPT_END
};

/*
 * The report: for people it is held back until the bar is gone, and short; JSON
 * is written as it comes.
 */
struct salvage_args {
	struct vhd_salvage_opts opts;
	struct cli_open open;
	struct progress progress;
	struct json_writer json_out;
	FILE *text;
	uint64_t steps, doubts, losses;
	bool json;
	const char *list;	/* the array that is open */
	bool no_progress;
	bool color;
};

static int salvage_option(struct cli *cli, int val, const char *text,
			  void *arg)
{
	struct salvage_args *a = arg;
	int value = 0, status = CLI_GO;

	if (val >= CLI_OPEN_FIRST)
		return cli_open_option(&a->open, val, text);
	if (val >= CLI_MAKE_FIRST && val <= CLI_MAKE_LAST)
		return cli_make_option(cli, &a->opts.create, val, text);
	switch (val) {
	case OPT_SOURCE_FORMAT:
		status = cli_value_name(cli, "source-format", text,
					cli_formats, &value);
		a->open.opts.format = (enum vhd_format)value;
		break;
	case OPT_NO_PARENT:
		a->open.opts.flags |= VHD_OPEN_NO_PARENT;
		break;
	case OPT_JSON:
		a->json = true;
		break;
	default:
		a->no_progress = true;
		break;
	}
	return status;
}

static json_t *step_object(const struct vhd_repair_step *step)
{
	json_t *object = json_object();

	json_put(object, "rule", json_rule(step->rule));
	json_put(object, "file", json_text(step->file));
	json_put(object, "offset", json_u64(step->off));
	json_put(object, "message", json_text(step->msg));
	return object;
}

static void on_step(void *arg, const struct vhd_repair_step *step)
{
	struct salvage_args *a = arg;

	a->steps++;
	if (a->json) {
		json_value(&a->json_out, step_object(step));
		return;
	}
	if (a->steps > LISTED)
		return;
	fprintf(a->text, "%sassumed%s %s: ",
		color_code(a->color, COLOR_YELLOW),
		color_code(a->color, COLOR_NONE), step->rule->id);
	text_put(a->text, step->msg);
	fputc('\n', a->text);
}

static json_t *loss_object(uint64_t off, uint64_t len, const char *msg)
{
	json_t *object = json_object();

	json_put(object, "start", json_u64(off));
	json_put(object, "length", json_u64(len));
	json_put(object, "message", json_text(msg));
	return object;
}

/* One after the other: assumptions, doubts, losses. */
static void begin_list(struct salvage_args *a, const char *name)
{
	if (!a->json || a->list == name)
		return;
	if (a->list != NULL)
		json_close(&a->json_out, ']');
	json_key(&a->json_out, name);
	json_open(&a->json_out, '[');
	a->list = name;
}

static void begin_doubts(struct salvage_args *a)
{
	begin_list(a, list_doubts);
}

static void begin_losses(struct salvage_args *a)
{
	if (a->list != list_losses)
		begin_doubts(a);
	begin_list(a, list_losses);
}

static void print_range(struct salvage_args *a, enum color color,
			const char *what, uint64_t off, uint64_t len,
			const char *msg)
{
	char size[SIZE_TEXT];

	fprintf(a->text, "%s%s%s 0x%" PRIx64 " to 0x%" PRIx64 " (%s): ",
		color_code(a->color, color), what,
		color_code(a->color, COLOR_NONE), off, off + len,
		size_format(len, size));
	text_put(a->text, msg);
	fputc('\n', a->text);
}

static void on_doubt(void *arg, uint64_t off, uint64_t len, const char *msg)
{
	struct salvage_args *a = arg;

	begin_doubts(a);
	a->doubts++;
	if (a->json)
		json_value(&a->json_out, loss_object(off, len, msg));
	else if (a->doubts <= LISTED)
		print_range(a, COLOR_YELLOW, "doubtful", off, len, msg);
}

static void on_loss(void *arg, uint64_t off, uint64_t len, const char *msg)
{
	struct salvage_args *a = arg;

	begin_losses(a);
	a->losses++;
	if (a->json) {
		json_value(&a->json_out, loss_object(off, len, msg));
		return;
	}
	if (a->losses <= LISTED)
		print_range(a, COLOR_RED, "lost", off, len, msg);
}

/* Prints what was held back. */
static void print_lists(struct salvage_args *a, char **held)
{
	if (a->steps > LISTED)
		fprintf(a->text, "and %" PRIu64 " more assumptions; --json "
			"lists all\n", a->steps - LISTED);
	if (a->doubts > LISTED)
		fprintf(a->text, "and %" PRIu64 " more ranges are doubtful; "
			"--json lists all\n", a->doubts - LISTED);
	if (a->losses > LISTED)
		fprintf(a->text, "and %" PRIu64 " more ranges are lost; --json "
			"lists all\n", a->losses - LISTED);
	fclose(a->text);
	a->text = NULL;
	fputs(*held, stdout);
	free(*held);
}

static void print_sum(uint64_t bytes, uint64_t ranges, const char *what)
{
	char size[SIZE_TEXT];

	if (ranges > 0)
		printf(", %s in %" PRIu64 " %s %s", size_human(bytes, size),
		       ranges, ranges == 1 ? "range" : "ranges", what);
}

static void print_summary(const struct salvage_args *a, const char *dst,
			  const struct vhd_salvage_result *r)
{
	char size[SIZE_TEXT], data[SIZE_TEXT];
	bool whole = r->losses == 0 && r->doubts == 0;

	text_put(stdout, dst);
	printf(": %s%s%s; the disk has %s, %s of data copied",
	       color_code(a->color, whole ? COLOR_GREEN : COLOR_YELLOW),
	       whole ? "nothing was lost" :
	       r->losses > 0 ? "something was lost" : "it may not be the disk "
						      "that it was",
	       color_code(a->color, COLOR_NONE),
	       size_format(r->disk_size, size),
	       size_human(r->data_bytes, data));
	print_sum(r->lost_bytes, r->losses, "lost");
	print_sum(r->doubtful_bytes, r->doubts, "doubtful");
	fputs(".\n", stdout);
	if (r->losses > 0)
		puts("What was lost is zeros in the copy.");
	if (r->doubts > 0)
		puts("What is doubtful is what a guess makes of it: compare it "
		     "with a backup, or with what you know of the disk.");
	if (!whole || a->steps > 0)
		puts("Check the file systems on the copy before it is used "
		     "(fsck, chkdsk), and keep the damaged image until then.");
}

static json_t *result_object(const struct vhd_salvage_result *r)
{
	json_t *object = json_object();

	json_put(object, "disk_size", json_u64(r->disk_size));
	json_put(object, "data_bytes", json_u64(r->data_bytes));
	json_put(object, "lost_bytes", json_u64(r->lost_bytes));
	json_put(object, "losses", json_u64(r->losses));
	json_put(object, "doubtful_bytes", json_u64(r->doubtful_bytes));
	json_put(object, "doubts", json_u64(r->doubts));
	return object;
}

static void begin_json(struct cli *cli, struct salvage_args *a)
{
	json_begin(&a->json_out, stdout);
	json_open(&a->json_out, '{');
	json_key(&a->json_out, "source");
	json_value(&a->json_out, json_text(cli_operand(cli, 0)));
	json_key(&a->json_out, "target");
	json_value(&a->json_out, json_text(cli_operand(cli, 1)));
	begin_list(a, "assumptions");
}

static bool end_json(struct salvage_args *a, const struct vhd_error *err,
		     const struct vhd_salvage_result *r)
{
	begin_losses(a);
	json_close(&a->json_out, ']');
	json_key(&a->json_out, err != NULL ? "error" : "result");
	json_value(&a->json_out, err != NULL ? json_error_object(err) :
					       result_object(r));
	json_close(&a->json_out, '}');
	return json_end(&a->json_out);
}

static int salvage(struct cli *cli, struct salvage_args *a)
{
	const char *src = cli_operand(cli, 0), *dst = cli_operand(cli, 1);
	struct vhd_salvage_result result = { 0 };
	struct vhd_error err = { .code = VHD_OK };
	char *held = NULL;
	size_t held_len;
	int rc;

	a->text = a->json ? NULL : open_memstream(&held, &held_len);
	if (!a->json && a->text == NULL) {
		fputs("vhd-util: out of memory\n", stderr);
		return CLI_FAILED;
	}
	a->color = color_wanted(stdout);
	if (a->json)
		begin_json(cli, a);
	sigint_catch();
	progress_begin(&a->progress, !a->no_progress, true);
	rc = vhd_salvage(src, dst, &a->opts, &result, &err);
	progress_end(&a->progress);
	if (a->json) {
		if (!end_json(a, rc != 0 ? &err : NULL, &result) && rc == 0)
			return CLI_FAILED;
	} else {
		print_lists(a, &held);
	}
	if (rc != 0)
		return error_report(cli, &err, src);
	if (!a->json)
		print_summary(a, dst, &result);
	return result.losses > 0 || result.doubts > 0 ? CLI_PROBLEMS : CLI_OK;
}

static int check_args(struct cli *cli, const struct salvage_args *a)
{
	if (strcmp(cli_operand(cli, 0), "-") == 0 ||
	    strcmp(cli_operand(cli, 1), "-") == 0)
		return cli_usage(cli, "a salvage needs two files: it does not "
				 "go front to back");
	if (a->opts.create.type == VHD_TYPE_DIFF)
		return cli_usage(cli, "--type differencing: the copy stands "
				 "alone");
	return CLI_GO;
}

static int salvage_run(struct cli *cli)
{
	struct salvage_args a = { .opts = VHD_SALVAGE_OPTS_INIT };
	int status = cli_open_init(&a.open, cli);

	if (status == CLI_GO)
		status = cli_parse(cli, salvage_option, &a);
	if (status == CLI_GO)
		status = check_args(cli, &a);
	if (status == CLI_GO)
		status = cli_make_timestamp(cli, &a.opts.create);
	if (status == CLI_GO) {
		/* What is odd about the source is expected. */
		a.open.opts.log = NULL;
		a.opts.open = &a.open.opts;
		a.opts.disk_size = a.opts.create.virtual_size;
		a.opts.step = on_step;
		a.opts.step_arg = &a;
		a.opts.doubt = on_doubt;
		a.opts.doubt_arg = &a;
		a.opts.loss = on_loss;
		a.opts.loss_arg = &a;
		a.opts.progress = progress_step;
		a.opts.progress_arg = &a.progress;
		status = salvage(cli, &a);
	}
	cli_open_free(&a.open);
	return status;
}

const struct cmd cmd_salvage = {
	.name = "salvage",
	.summary = "copy what can be read of a damaged image into a new one",
	.usage = "[OPTION]... SRC DST",
	.description =
"For images that are too damaged to be opened, or to be mended where they are.\n"
"SRC is never changed. It is read as if everything in it had been repaired that\n"
"can be, with guesses where it takes some (\"assumed\"); what cannot be read is\n"
"\"lost\", reported with its place in the disk, and zeros in DST. Where a guess\n"
"decides what bytes are, they are \"doubtful\": copied, but perhaps not the\n"
"disk's. DST is made as by vhd-util convert, and appears only when it is\n"
"complete.\n"
"\n"
"When SRC no longer tells how large its disk was, --size does. A parent that is\n"
"damaged too is salvaged first; the copy is then named with --parent and\n"
"--ignore-parent-id.\n",
	.example =
"  vhd-util salvage broken.vhdx saved.vhdx\n"
"  vhd-util salvage --size 64G --source-format vhdx broken.img saved.vhdx\n"
"  vhd-util salvage --no-parent --json child.vhd saved.vhd\n",
	.exits =
"Exit status: 0 nothing was lost; 1 failed, and there is no DST; 2 usage;\n"
"3 something was lost, or is doubtful; 130 cancelled by a signal.\n",
	.opts = salvage_opts,
	.min_operands = 2,
	.needs = "a source and a target are needed",
	.max_operands = 2,
	.run = salvage_run,
};
