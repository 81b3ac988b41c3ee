/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "children.h"
#include "cli_open.h"
#include "cli_range.h"
#include "cmds.h"
#include "errors.h"
#include "json.h"
#include "progress.h"
#include "sigint.h"
#include "common/size.h"
#include "common/text.h"

enum { OPT_ORPHAN = 1, OPT_JSON, OPT_NO_PROGRESS };

/* A step is what can be cancelled. */
static const uint64_t trim_step = UINT64_C(1) << 30;

static const struct poptOption trim_opts[] = {
	CLI_OPT_TABLE(cli_range_opts, "What:"),
	CLI_OPT("orphan", OPT_ORPHAN,
		"Although the image has children, which become worthless"),
	CLI_OPT("json", OPT_JSON, "Report the result as JSON"),
	CLI_OPT("no-progress", OPT_NO_PROGRESS, "Draw no progress bar"),
	CLI_OPT_TABLE(cli_open_write_opts, "Opening:"),
	CLI_OPT_END
};

/**
 * struct trim_job - one run of the verb
 *
 * @before, @after: bytes that the file occupies on its file system
 */
struct trim_job {
	struct cli *cli;
	struct cli_open open;
	struct cli_range range;
	struct vhd_image *img;
	struct progress pr;
	uint64_t before, after;
	bool orphan;
	bool json;
	bool no_progress;
};

static int trim_option(struct cli *cli, int val, const char *text, void *arg)
{
	struct trim_job *t = arg;

	if (val >= CLI_OPEN_FIRST)
		return cli_open_option(&t->open, val, text);
	if (val >= CLI_RANGE_FIRST && val <= CLI_RANGE_LAST)
		return cli_range_option(cli, &t->range, val, text);
	if (val == OPT_ORPHAN)
		t->orphan = true;
	else if (val == OPT_JSON)
		t->json = true;
	else
		t->no_progress = true;
	return CLI_GO;
}

static uint64_t usage_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
}

static int image_error(const struct trim_job *t, struct vhd_error *err)
{
	return error_report(t->cli, err, cli_operand(t->cli, 0));
}

static int discard(struct trim_job *t)
{
	struct vhd_error err = { .code = VHD_OK };
	uint64_t done = 0;

	while (done < t->range.len) {
		uint64_t off = t->range.off + done;
		uint64_t len = trim_step - off % trim_step;

		if (len > t->range.len - done)
			len = t->range.len - done;
		if (vhd_discard(t->img, off, len, &err) != 0)
			return image_error(t, &err);
		done += len;
		if (!progress_step(&t->pr, done, t->range.len)) {
			err.code = VHD_E_CANCELLED;
			return image_error(t, &err);
		}
	}
	if (vhd_flush(t->img, &err) != 0)
		return image_error(t, &err);
	return CLI_GO;
}

static int report(const struct trim_job *t)
{
	char size[SIZE_TEXT], freed[SIZE_TEXT];
	json_t *object;

	if (!t->json) {
		if (isatty(STDOUT_FILENO) != 1)
			return CLI_OK;
		text_put(stdout, cli_operand(t->cli, 0));
		printf(": %s discarded, %s of the file given back\n",
		       size_format(t->range.len, size),
		       size_human(t->before > t->after ?
				  t->before - t->after : 0, freed));
		return CLI_OK;
	}
	object = json_object();
	json_put(object, "image", json_text(cli_operand(t->cli, 0)));
	json_put(object, "offset", json_u64(t->range.off));
	json_put(object, "length", json_u64(t->range.len));
	json_put(object, "disk_usage_before", json_u64(t->before));
	json_put(object, "disk_usage", json_u64(t->after));
	return json_print(t->cli, object);
}

static int trim(struct trim_job *t)
{
	const char *path = cli_operand(t->cli, 0);
	struct vhd_error err = { .code = VHD_OK };
	int status;

	if (t->range.len == 0)
		return cli_usage(t->cli, "--length is needed: trimming loses "
				 "data");
	sigint_catch();
	t->open.opts.flags |= VHD_OPEN_RDWR | VHD_OPEN_THREAD;
	if (cli_open_image(&t->open, path, &t->img, &err) != 0)
		return error_report(t->cli, &err, path);
	t->before = usage_of(path);
	status = cli_range_fit(t->cli, &t->range, vhd_size(t->img));
	if (status == CLI_GO)
		status = children_refuse(t->cli, t->img, t->orphan);
	if (status == CLI_GO) {
		progress_begin(&t->pr, !t->no_progress, true);
		status = discard(t);
		progress_end(&t->pr);
	}
	if (vhd_close(&t->img, &err) != 0 && status == CLI_GO)
		status = error_report(t->cli, &err, path);
	t->after = usage_of(path);
	return status == CLI_GO ? report(t) : status;
}

static int trim_run(struct cli *cli)
{
	struct trim_job t = { .cli = cli };
	int status = cli_open_init(&t.open, cli);

	if (status == CLI_GO)
		status = cli_parse(cli, trim_option, &t);
	if (status == CLI_GO)
		status = trim(&t);
	cli_open_free(&t.open);
	return status;
}

const struct cmd cmd_trim = {
	.name = "trim",
	.summary = "discard bytes of the disk and give their space back",
	.usage = "--length SIZE [OPTION]... IMAGE",
	.description =
"Says for a guest that it does not need a range of its disk any more. Blocks\n"
"that lie in it as a whole read as zeros from then on, and their space goes\n"
"back to the file system; so does what the image stores of other blocks. In a\n"
"differencing image, parts of blocks show the parent where the image itself\n"
"has nothing. Fixed disks keep everything. An image that has children beside it\n"
"is not changed without --orphan, since that spoils their disks.\n"
"\n"
"To make sure that a range reads as zeros: vhd-util write --zero.\n",
	.example =
"  vhd-util trim --offset 1G --length 512M disk.vhdx\n",
	.opts = trim_opts,
	.min_operands = 1,
	.max_operands = 1,
	.run = trim_run,
};
