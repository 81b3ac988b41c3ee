/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <string.h>
#include <strings.h>
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

enum { OPT_OUTPUT = 1, OPT_JSON, OPT_NO_PROGRESS };

static const struct poptOption flatten_opts[] = {
	{ "output", 'o', POPT_ARG_STRING, NULL, OPT_OUTPUT,
	  "The image to make", "NEW" },
	CLI_OPT_TABLE(cli_make_opts, "The new image:"),
	CLI_OPT_TABLE(cli_open_opts, "The source:"),
	CLI_OPT("json", OPT_JSON, "Report the result as JSON"),
	CLI_OPT("no-progress", OPT_NO_PROGRESS, "Draw no progress bar"),
	CLI_OPT_END
};

struct flatten_args {
	struct vhd_convert_opts convert;
	struct cli_open open;
	const char *output;
	bool json;
	bool no_progress;
};

static int flatten_option(struct cli *cli, int val, const char *text,
			  void *arg)
{
	struct flatten_args *a = arg;

	if (val >= CLI_OPEN_FIRST)
		return cli_open_option(&a->open, val, text);
	if (val >= CLI_MAKE_FIRST && val <= CLI_MAKE_LAST)
		return cli_make_option(cli, &a->convert.create, val, text);
	if (val == OPT_OUTPUT)
		a->output = text;
	else if (val == OPT_JSON)
		a->json = true;
	else
		a->no_progress = true;
	return CLI_GO;
}

/* What the name of the new image promises. */
static enum vhd_format named_format(const char *path)
{
	static const struct {
		const char *ext;
		enum vhd_format format;
	} known[] = {
		{ ".vhd", VHD_FORMAT_VHD },   { ".avhd", VHD_FORMAT_VHD },
		{ ".vhdx", VHD_FORMAT_VHDX }, { ".avhdx", VHD_FORMAT_VHDX },
		{ ".raw", VHD_FORMAT_RAW },   { ".img", VHD_FORMAT_RAW },
	};
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot != NULL && i < sizeof(known) / sizeof(known[0]);
	     i++) {
		if (strcasecmp(dot, known[i].ext) == 0)
			return known[i].format;
	}
	return VHD_FORMAT_AUTO;
}

/* As the image is, where nothing else was asked for. */
static int like_source(struct flatten_args *a, struct vhd_image *src,
		       struct vhd_error *err)
{
	struct vhd_create_opts *make = &a->convert.create;
	struct vhd_info info = { .size = sizeof(info) };
	int rc = vhd_layer_info(src, 0, &info, err);

	if (rc != 0 || make->target != VHD_TARGET_NONE)
		return rc;
	if (make->format == VHD_FORMAT_AUTO)
		make->format = named_format(a->output);
	if (make->format == VHD_FORMAT_AUTO)
		make->format = info.format;
	if (make->block_size == 0 && make->format == info.format &&
	    make->type != VHD_TYPE_FIXED)
		make->block_size = info.block_size;
	return 0;
}

static int report(struct cli *cli, const struct flatten_args *a,
		  uint32_t layers, const struct vhd_convert_result *r)
{
	char size[SIZE_TEXT], data[SIZE_TEXT];
	json_t *object;

	if (!a->json && isatty(STDOUT_FILENO) == 1) {
		text_put(stdout, a->output);
		printf(": made of %" PRIu32 " layer%s, %s, of which %s were "
		       "copied\n", layers, layers == 1 ? "" : "s",
		       size_format(r->target_size, size),
		       size_human(r->data_bytes, data));
	}
	if (!a->json)
		return CLI_OK;
	object = json_object();
	json_put(object, "image", json_text(cli_operand(cli, 0)));
	json_put(object, "output", json_text(a->output));
	json_put(object, "layers", json_u64(layers));
	json_put(object, "size", json_u64(r->target_size));
	json_put(object, "data_bytes", json_u64(r->data_bytes));
	json_put(object, "zero_bytes", json_u64(r->zero_bytes));
	json_put(object, "missing_bytes", json_u64(r->missing_bytes));
	return json_print(cli, object);
}

static int flatten_open(struct cli *cli, struct flatten_args *a,
			struct vhd_image *src)
{
	struct vhd_convert_result result = { 0 };
	struct vhd_error err = { .code = VHD_OK };
	struct progress pr;
	int rc = like_source(a, src, &err);

	progress_begin(&pr, !a->no_progress, true);
	a->convert.progress = progress_step;
	a->convert.progress_arg = &pr;
	a->convert.threads = CLI_THREADS;
	if (rc == 0)
		rc = vhd_convert(src, a->output, &a->convert, &result, &err);
	progress_end(&pr);
	if (rc != 0)
		return error_report(cli, &err, a->output);
	if (result.missing_bytes != 0)
		cli_warn(cli, cli_operand(cli, 0), "%" PRIu64 " bytes of the "
			 "disk lie past the end of a file and were taken as "
			 "zeros: it may have been cut off", result.missing_bytes);
	return report(cli, a, vhd_layers(src), &result);
}

static int flatten(struct cli *cli, struct flatten_args *a)
{
	const char *path = cli_operand(cli, 0);
	struct vhd_error err = { .code = VHD_OK };
	struct vhd_image *src = NULL;
	int status;

	if (a->output == NULL)
		return cli_usage(cli, "-o NEW is needed");
	status = cli_make_timestamp(cli, &a->convert.create);
	if (status != CLI_GO)
		return status;
	sigint_catch();
	if (cli_open_image(&a->open, path, &src, &err) != 0)
		return error_report(cli, &err, path);
	status = flatten_open(cli, a, src);
	if (vhd_close(&src, &err) != 0 && status == CLI_OK)
		status = error_report(cli, &err, path);
	return status;
}

static int flatten_run(struct cli *cli)
{
	struct flatten_args a = { .convert = VHD_CONVERT_OPTS_INIT };
	int status = cli_open_init(&a.open, cli);

	if (status == CLI_GO)
		status = cli_parse(cli, flatten_option, &a);
	if (status == CLI_GO)
		status = flatten(cli, &a);
	cli_open_free(&a.open);
	return status;
}

const struct cmd cmd_flatten = {
	.name = "flatten",
	.summary = "make one stand-alone image of a chain",
	.usage = "IMAGE -o NEW [OPTION]...",
	.description =
"NEW holds the disk that IMAGE shows through all its parents, and needs none\n"
"of them. Its format is the one that its name or -O says, else that of IMAGE,\n"
"whose block size it has too unless --for or --block-size say otherwise. It has\n"
"new identities, and is dynamic unless --type says fixed. Zeros are not copied.\n"
"Nothing of the chain is changed: children of IMAGE stay its children.\n"
"\n"
"NEW appears under its name only when it is complete: what fails, is cancelled\n"
"or killed leaves nothing behind.\n",
	.example =
"  vhd-util flatten day2.avhdx -o disk.vhdx\n"
"  vhd-util flatten --for azure leaf.vhd -o upload.vhd\n",
	.opts = flatten_opts,
	.min_operands = 1,
	.max_operands = 1,
	.run = flatten_run,
};
