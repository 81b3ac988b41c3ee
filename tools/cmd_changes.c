/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <unistd.h>

#include "cmds.h"
#include "errors.h"
#include "json.h"
#include "progress.h"
#include "sigint.h"
#include "two.h"
#include "common/size.h"
#include "common/text.h"

enum { OPT_LAYERS = 1, OPT_JSON, OPT_NO_PROGRESS };

static const struct poptOption changes_opts[] = {
	CLI_OPT_ARG("layers", OPT_LAYERS,
		    "Layers from the image downwards that are asked for "
		    "(default: 1)", "N"),
	CLI_OPT("json", OPT_JSON, "Print the extents as JSON"),
	CLI_OPT("no-progress", OPT_NO_PROGRESS, "Draw no progress bar"),
	CLI_OPT_TABLE(cli_open_base_opts, "Opening:"),
	CLI_OPT_END
};

struct changes_job {
	struct two two;
	struct cli_open open;
	struct json_writer json_out;
	struct progress pr;
	uint64_t layers;		/* 0: not given */
	uint64_t extents, bytes;	/* told of so far */
	bool json;
	bool no_progress;
};

static int changes_option(struct cli *cli, int val, const char *text,
			  void *arg)
{
	struct changes_job *j = arg;

	if (val >= CLI_OPEN_FIRST)
		return cli_open_option(&j->open, val, text);
	switch (val) {
	case OPT_LAYERS:
		if (!size_parse(text, &j->layers) || j->layers == 0 ||
		    j->layers > UINT32_MAX)
			return cli_usage(cli, "--layers: '%s' is no number "
					 "from 1 on", text);
		return CLI_GO;
	case OPT_JSON:
		j->json = true;
		return CLI_GO;
	default:
		j->no_progress = true;
		return CLI_GO;
	}
}

static json_t *range_object(struct changes_job *j, uint64_t off, uint64_t len)
{
	json_t *o = json_object();

	j->extents++;
	j->bytes += len;
	json_put(o, "start", json_u64(off));
	json_put(o, "length", json_u64(len));
	return o;
}

static void print_range(struct changes_job *j, uint64_t off, uint64_t len)
{
	char size[SIZE_TEXT];

	j->extents++;
	j->bytes += len;
	progress_wipe(&j->pr);
	printf("0x%-16" PRIx64 " %16s", off, size_format(len, size));
}

/* An extent of a layer. */
static bool on_extent(void *arg, const struct vhd_extent *e)
{
	struct changes_job *j = arg;
	bool data = e->kind == VHD_EXTENT_DATA;
	json_t *o;

	if (sigint_seen())
		return false;
	if (!j->json) {
		print_range(j, e->off, e->len);
		printf("  %-4s %5" PRIu32, data ? "data" : "zero", e->layer);
		if (data)
			printf("  0x%" PRIx64, e->file_off);
		else
			fputs("  -", stdout);
		putchar('\n');
		return !ferror(stdout);
	}
	o = range_object(j, e->off, e->len);
	json_put(o, "kind", json_string(data ? "data" : "zero"));
	json_put(o, "data", json_boolean(data));
	json_put(o, "zero", json_boolean(!data));
	json_put(o, "layer", json_u64(e->layer));
	json_put(o, "offset", json_u64(e->file_off));
	json_value(&j->json_out, o);
	return !ferror(stdout);
}

/* A range in which two disks differ. */
static bool on_range(void *arg, uint64_t off, uint64_t len)
{
	struct changes_job *j = arg;

	if (!j->json) {
		print_range(j, off, len);
		putchar('\n');
	} else {
		json_value(&j->json_out, range_object(j, off, len));
	}
	return !ferror(stdout);
}

static int walk_layers(struct changes_job *j, struct vhd_error *err)
{
	uint32_t layers = j->layers != 0 ? (uint32_t)j->layers : 1;
	int rc = vhd_layer_changes(j->two.a, layers, on_extent, j, err);

	if (rc == 0 && sigint_seen()) {
		*err = (struct vhd_error){ .code = VHD_E_CANCELLED,
					   .off = VHD_NO_OFFSET,
					   .msg = "cancelled" };
		rc = VHD_E_CANCELLED;
	}
	return rc;
}

static int walk_both(struct changes_job *j, struct vhd_error *err)
{
	struct vhd_compare_opts o = VHD_COMPARE_OPTS_INIT;
	struct vhd_compare_result result;
	int rc;

	o.differ = on_range;
	o.differ_arg = j;
	o.progress = progress_step;
	o.progress_arg = &j->pr;
	/* JSON has no lines of its own, between which a bar could be. */
	progress_begin(&j->pr, !j->no_progress &&
		       !(j->json && isatty(STDOUT_FILENO) == 1), true);
	rc = vhd_compare(j->two.a, j->two.b, &o, &result, err);
	progress_end(&j->pr);
	return rc;
}

static int walk(struct changes_job *j, struct vhd_error *err)
{
	return j->two.b != NULL ? walk_both(j, err) : walk_layers(j, err);
}

static int list_text(struct changes_job *j, struct vhd_error *err)
{
	char size[SIZE_TEXT];
	int rc;

	printf("%-18s %16s%s\n", "guest offset", "length",
	       j->two.b != NULL ? "" : "  kind layer  file offset");
	rc = walk(j, err);
	if (rc == 0)
		printf("%" PRIu64 " extent%s, %s\n", j->extents,
		       j->extents == 1 ? "" : "s",
		       size_human(j->bytes, size));
	return rc;
}

/* A list that could not be finished is no JSON, so that nobody trusts it. */
static int list_json(struct changes_job *j, struct vhd_error *err)
{
	int rc;

	json_begin(&j->json_out, stdout);
	json_open(&j->json_out, '[');
	rc = walk(j, err);
	if (rc != 0)
		return rc;
	json_close(&j->json_out, ']');
	json_end(&j->json_out);
	return 0;
}

static int check_layers(const struct changes_job *j)
{
	if (j->layers <= vhd_layers(j->two.a))
		return CLI_GO;
	return error_say(j->two.cli, cli_operand(j->two.cli, 0), NULL,
			 "the chain has %" PRIu32 " layer%s, not %" PRIu64,
			 vhd_layers(j->two.a),
			 vhd_layers(j->two.a) == 1 ? "" : "s", j->layers);
}

static int changes(struct changes_job *j)
{
	struct cli *cli = j->two.cli;
	struct vhd_error err = { .code = VHD_OK };
	int status;

	if (cli_operands(cli) == 2 && j->layers != 0)
		return cli_usage(cli, "--layers is about one image");
	sigint_catch();
	status = two_open(cli, &j->open, cli_operand(cli, 0), &j->two.a);
	if (status == CLI_GO && cli_operands(cli) == 2)
		status = two_open(cli, &j->open, cli_operand(cli, 1),
				  &j->two.b);
	if (status == CLI_GO)
		status = check_layers(j);
	if (status != CLI_GO)
		return two_close(&j->two, status);
	status = CLI_OK;
	if ((j->json ? list_json(j, &err) : list_text(j, &err)) != 0)
		status = error_report(cli, &err, cli_operand(cli, 0));
	return two_close(&j->two, status);
}

static int changes_run(struct cli *cli)
{
	struct changes_job j = { .two = { .cli = cli } };
	int status = cli_open_init(&j.open, cli);

	if (status == CLI_GO)
		status = cli_parse(cli, changes_option, &j);
	if (status == CLI_GO)
		status = changes(&j);
	cli_open_free(&j.open);
	return status;
}

const struct cmd cmd_changes = {
	.name = "changes",
	.summary = "list what changed since a snapshot, or between two images",
	.usage = "[OPTION]... IMAGE [OTHER]",
	.description =
"With one image: the extents of the disk that the image itself holds, not its\n"
"parents; --layers N asks the N topmost layers. That is what was written since\n"
"the snapshot below them was made, and what an incremental backup has to copy:\n"
"data, and zeros that hide something in a parent. It is read from the tables,\n"
"without looking at the data, so bytes that were written with what was there\n"
"before are listed too.\n"
"\n"
"With two images: the ranges in which their disks differ, in units of 4096\n"
"bytes, found by reading both where their tables do not tell (see compare).\n"
"Nothing is changed.\n",
	.example =
"  vhd-util changes child.avhdx\n"
"  vhd-util changes --layers 3 --json child.avhdx\n"
"  vhd-util changes --json monday.vhdx tuesday.vhdx\n",
	.opts = changes_opts,
	.min_operands = 1,
	.max_operands = 2,
	.run = changes_run,
};
