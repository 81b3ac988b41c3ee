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
#include "stream.h"
#include "common/text.h"

enum { OPT_SOURCE_FORMAT = 1, OPT_VHD_SIZE, OPT_JSON, OPT_NO_PROGRESS };

static const struct poptOption source_opts[] = {
	CLI_OPT_ARG("source-format", OPT_SOURCE_FORMAT,
		    "raw, vhd or vhdx (default: look into the file)",
		    "FORMAT"),
	CLI_OPT_ARG("vhd-size", OPT_VHD_SIZE,
		    "Size of a VHD source: current, chs (as its geometry "
		    "says), or auto (as its maker meant it)", "RULE"),
	CLI_OPT_TABLE(cli_open_opts, NULL),
	POPT_TABLEEND
};

static const struct poptOption convert_opts[] = {
	CLI_OPT_TABLE(cli_make_opts, "The new image:"),
	CLI_OPT_TABLE(source_opts, "The source:"),
	CLI_OPT("json", OPT_JSON, "Report the result as JSON"),
	CLI_OPT("no-progress", OPT_NO_PROGRESS, "Draw no progress bar"),
	CLI_OPT_END
};

static const struct cli_name size_rules[] = {
	{ "current", VHD_SIZE_CURRENT },
	{ "chs", VHD_SIZE_CHS },
	{ "auto", VHD_SIZE_AUTO },
	{ NULL, 0 }
};

struct convert_args {
	struct vhd_convert_opts convert;
	struct cli_open open;
	bool json;
	bool no_progress;
	bool size_rule_given;
};

static int convert_option(struct cli *cli, int val, const char *text,
			  void *arg)
{
	struct convert_args *a = arg;
	int value = 0, status = CLI_GO;

	if (val >= CLI_OPEN_FIRST)
		return cli_open_option(&a->open, val, text);
	if (val >= CLI_MAKE_FIRST && val <= CLI_MAKE_LAST)
		return cli_make_option(cli, &a->convert.create, val, text);
	switch (val) {
	case OPT_SOURCE_FORMAT:
		status = cli_value_name(cli, "source-format", text,
					cli_formats, &value);
		a->open.opts.format = (enum vhd_format)value;
		break;
	case OPT_VHD_SIZE:
		status = cli_value_name(cli, "vhd-size", text, size_rules,
					&value);
		a->open.opts.size_rule = (enum vhd_size_rule)value;
		a->size_rule_given = true;
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

/*
 * Some programs showed their guests another size than the footer records
 * (VHD-C-21).  The library knows which: ask it for both.
 */
static void warn_about_size(struct cli *cli, const char *path,
			    const struct convert_args *a, uint64_t size)
{
	struct vhd_open_opts opts = a->open.opts;
	struct vhd_image *img = NULL;
	char meant[SIZE_TEXT], used[SIZE_TEXT];

	if (a->size_rule_given)
		return;
	opts.flags |= VHD_OPEN_NO_PARENT | VHD_OPEN_NO_LOCK;
	opts.size_rule = VHD_SIZE_AUTO;
	opts.parents = NULL;
	opts.log = NULL;
	if (vhd_open(path, &opts, &img, NULL) != 0)
		return;
	if (vhd_size(img) != size)
		cli_warn(cli, path, "the program that made it showed its guest "
			 "%s, %s are converted; --vhd-size auto takes its size",
			 size_format(vhd_size(img), meant),
			 size_format(size, used));
	vhd_close(&img, NULL);
}

/* The library takes a file that was cut off as its format says: as zeros. */
static void warn_about_missing(struct cli *cli,
			       const struct vhd_convert_result *r)
{
	const char *path = cli_operand(cli, 0);

	if (r->missing_bytes == 0)
		return;
	cli_warn(cli, path, "%" PRIu64 " bytes of the disk lie past the end of "
		 "the file and were taken as zeros: it may have been cut off; "
		 "vhd-util check --chain says where", r->missing_bytes);
}

static int write_stdout(void *arg, const void *buf, size_t len)
{
	(void)arg;
	return stream_write(STDOUT_FILENO, buf, len);
}

static int to_stdout(struct cli *cli, struct vhd_image *src,
		     struct progress *pr)
{
	struct vhd_convert_result result = { 0 };
	struct vhd_error err = { .code = VHD_OK };

	if (vhd_convert_stream(src, write_stdout, NULL, progress_step, pr,
			       &result, &err) == 0) {
		progress_end(pr);
		warn_about_missing(cli, &result);
		return CLI_OK;
	}
	progress_end(pr);
	if (sigint_seen())
		err.code = VHD_E_CANCELLED;
	/* What helps a target on a full disk does not help here. */
	if (err.code == VHD_E_NOSPACE)
		err.code = VHD_E_IO;
	return error_report(cli, &err, "standard output");
}

static void tell(const char *dst, const struct vhd_convert_result *r)
{
	char size[SIZE_TEXT], data[SIZE_TEXT];

	if (isatty(STDOUT_FILENO) != 1)
		return;
	text_put(stdout, dst);
	printf(": made, %s, of which %s were copied\n",
	       size_format(r->target_size, size),
	       size_human(r->data_bytes, data));
}

static int report(struct cli *cli, const struct convert_args *a,
		  const struct vhd_convert_result *r)
{
	json_t *object;

	if (!a->json) {
		tell(cli_operand(cli, 1), r);
		return CLI_OK;
	}
	object = json_object();
	json_put(object, "source", json_text(cli_operand(cli, 0)));
	json_put(object, "target", json_text(cli_operand(cli, 1)));
	json_put(object, "source_size", json_u64(r->source_size));
	json_put(object, "target_size", json_u64(r->target_size));
	json_put(object, "data_bytes", json_u64(r->data_bytes));
	json_put(object, "zero_bytes", json_u64(r->zero_bytes));
	json_put(object, "missing_bytes", json_u64(r->missing_bytes));
	json_put(object, "source_sector", json_u64(r->source_sector));
	json_put(object, "target_sector", json_u64(r->target_sector));
	return json_print(cli, object);
}

static int to_file(struct cli *cli, struct vhd_image *src,
		   struct convert_args *a, struct progress *pr)
{
	struct vhd_convert_result result = { 0 };
	struct vhd_error err = { .code = VHD_OK };
	const char *dst = cli_operand(cli, 1);
	int rc;

	a->convert.progress = progress_step;
	a->convert.progress_arg = pr;
	rc = vhd_convert(src, dst, &a->convert, &result, &err);
	progress_end(pr);
	if (rc != 0)
		return error_report(cli, &err, dst);
	warn_about_missing(cli, &result);
	if (result.target_sector != result.source_sector)
		cli_warn(cli, dst, "the disk now has sectors of %" PRIu32
			 " bytes, the source's have %" PRIu32 ": a guest's "
			 "partition table counts in these",
			 result.target_sector, result.source_sector);
	return report(cli, a, &result);
}

static int check_args(struct cli *cli, const struct convert_args *a)
{
	if (strcmp(cli_operand(cli, 0), "-") == 0)
		return cli_usage(cli, "a source cannot come from standard "
				 "input: it is not read front to back");
	if (a->convert.create.type == VHD_TYPE_DIFF)
		return cli_usage(cli, "--type differencing: a converted image "
				 "stands alone");
	if (strcmp(cli_operand(cli, 1), "-") != 0)
		return CLI_GO;
	if (a->json)
		return cli_usage(cli, "--json: the bytes of the disk go to "
				 "standard output");
	if (a->convert.create.format != VHD_FORMAT_AUTO &&
	    a->convert.create.format != VHD_FORMAT_RAW)
		return cli_usage(cli, "only raw bytes can go to standard "
				 "output");
	if (a->convert.create.virtual_size != 0)
		return cli_usage(cli, "--size does not work with standard "
				 "output");
	if (isatty(STDOUT_FILENO) == 1)
		return cli_usage(cli, "standard output is a terminal: send the "
				 "bytes to a pipe or a file");
	return CLI_GO;
}

static int convert(struct cli *cli, struct convert_args *a)
{
	const char *path = cli_operand(cli, 0);
	struct vhd_error err = { .code = VHD_OK };
	struct vhd_image *src = NULL;
	struct progress pr;
	int status = check_args(cli, a);

	if (status == CLI_GO)
		status = cli_make_timestamp(cli, &a->convert.create);
	if (status != CLI_GO)
		return status;
	if (a->open.opts.format == VHD_FORMAT_AUTO && !cli_named_as_image(path))
		a->open.opts.flags |= VHD_OPEN_ALLOW_RAW;
	sigint_catch();
	if (cli_open_image(&a->open, path, &src, &err) != 0)
		return error_report(cli, &err, path);
	warn_about_size(cli, path, a, vhd_size(src));
	progress_begin(&pr, !a->no_progress, true);
	if (strcmp(cli_operand(cli, 1), "-") == 0)
		status = to_stdout(cli, src, &pr);
	else
		status = to_file(cli, src, a, &pr);
	progress_end(&pr);
	if (vhd_close(&src, &err) != 0 && status == CLI_OK)
		status = error_report(cli, &err, path);
	return status;
}

static int convert_run(struct cli *cli)
{
	struct convert_args a = { .convert = VHD_CONVERT_OPTS_INIT };
	int status = cli_open_init(&a.open, cli);

	if (status == CLI_GO)
		status = cli_parse(cli, convert_option, &a);
	if (status == CLI_GO)
		status = convert(cli, &a);
	cli_open_free(&a.open);
	return status;
}

const struct cmd cmd_convert = {
	.name = "convert",
	.summary = "copy a disk into a new image of another format or type",
	.usage = "[OPTION]... SRC DST",
	.description =
"SRC is a VHD, a VHDX or a raw disk; what is read is what a guest would see,\n"
"through the whole chain of parents. DST is a stand-alone image with the same\n"
"bytes. It appears under its name only when it is complete: a conversion that\n"
"fails or is cancelled leaves nothing. Zeros are not copied. DST \"-\" writes\n"
"the raw bytes of the disk to standard output, for a pipe.\n"
"\n"
"A file whose name ends in .vhd, .avhd, .vhdx or .avhdx and that is no such\n"
"image is refused; --source-format raw takes it as a raw disk.\n",
	.example =
"  vhd-util convert disk.vhd disk.vhdx\n"
"  vhd-util convert --for azure disk.vhdx upload.vhd\n"
"  vhd-util convert --type fixed disk.raw disk.vhdx\n"
"  vhd-util convert disk.vhdx - | zstd > disk.raw.zst\n",
	.opts = convert_opts,
	.min_operands = 2,
	.max_operands = 2,
	.run = convert_run,
};
