/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli_make.h"
#include "cli_open.h"
#include "cmds.h"
#include "errors.h"
#include "json.h"
#include "sigint.h"
#include "common/text.h"

enum {
	OPT_PARENT_NAME = 1, OPT_WINDOWS_PATH, OPT_RAW_PARENT, OPT_SKIP_EMPTY,
	OPT_JSON
};

/* Names are tried up to this number. */
enum { NAMES = 10000 };
/* So much of a table is read to find out whether it is empty. */
static const uint64_t look_bytes = UINT64_C(64) << 20;

static const struct poptOption parent_opts[] = {
	CLI_OPT("skip-empty", OPT_SKIP_EMPTY,
		"If IMAGE and layers below it hold nothing, make the first "
		"layer that does the parent"),
	CLI_OPT("raw-parent", OPT_RAW_PARENT,
		"IMAGE is a raw disk, whatever it looks like (with --for xen)"),
	CLI_OPT_ARG("parent-name", OPT_PARENT_NAME,
		    "Record TEXT as the relative path of IMAGE", "TEXT"),
	CLI_OPT_ARG("parent-windows-path", OPT_WINDOWS_PATH,
		    "Record TEXT as its absolute path on Windows as well",
		    "TEXT"),
	CLI_OPT_TABLE(cli_open_base_opts, NULL),
	POPT_TABLEEND
};

static const struct poptOption snapshot_opts[] = {
	CLI_OPT_TABLE(cli_make_opts, "The child:"),
	CLI_OPT_TABLE(parent_opts, "Its parent:"),
	CLI_OPT("json", OPT_JSON, "Report the result as JSON"),
	CLI_OPT_END
};

struct snapshot_args {
	struct cli *cli;
	struct vhd_create_opts make;
	struct cli_open open;
	char *child;
	char *parent;		/* of --skip-empty; NULL: IMAGE */
	bool skip_empty;
	bool json;
};

static int snapshot_option(struct cli *cli, int val, const char *text,
			   void *arg)
{
	struct snapshot_args *a = arg;

	if (val >= CLI_OPEN_FIRST)
		return cli_open_option(&a->open, val, text);
	if (val >= CLI_MAKE_FIRST && val <= CLI_MAKE_LAST)
		return cli_make_option(cli, &a->make, val, text);
	switch (val) {
	case OPT_PARENT_NAME:
		a->make.parent_name = text;
		break;
	case OPT_WINDOWS_PATH:
		a->make.parent_win_path = text;
		break;
	case OPT_RAW_PARENT:
		a->open.opts.format = VHD_FORMAT_RAW;
		break;
	case OPT_SKIP_EMPTY:
		a->skip_empty = true;
		break;
	default:
		a->json = true;
		break;
	}
	return CLI_GO;
}

/* Length of the name without extension, and without the number of a name that
 * was made here. */
static size_t stem_len(const char *path)
{
	const char *base = strrchr(path, '/');
	const char *dot, *end;
	bool child;

	base = base != NULL ? base + 1 : path;
	dot = strrchr(base, '.');
	if (dot == NULL || dot == base)
		return strlen(path);
	child = strcasecmp(dot, ".avhd") == 0 || strcasecmp(dot, ".avhdx") == 0;
	if (!child && cli_guess_raw(path) &&
	    strcasecmp(dot, ".raw") != 0 && strcasecmp(dot, ".img") != 0)
		return strlen(path);
	end = dot;
	while (child && end > base && end[-1] >= '0' && end[-1] <= '9')
		end--;
	if (end < dot && end > base + 1 && end[-1] == '-')
		return (size_t)(end - 1 - path);
	return (size_t)(dot - path);
}

/* The first name that is free: STEM.avhdx, STEM-2.avhdx, ... */
static char *free_name(const char *path, enum vhd_format format)
{
	const char *ext = format == VHD_FORMAT_VHDX ? "avhdx" : "avhd";
	size_t stem = stem_len(path), room = stem + 24;
	char *name = malloc(room);
	struct stat st;

	for (int i = 1; name != NULL && i < NAMES; i++) {
		if (i == 1)
			snprintf(name, room, "%.*s.%s", (int)stem, path, ext);
		else
			snprintf(name, room, "%.*s-%d.%s", (int)stem, path, i,
				 ext);
		if (lstat(name, &st) != 0)
			return name;
	}
	free(name);
	return NULL;
}

static int is_empty(struct vhd_image *img, uint32_t layer, bool *empty_out,
		    struct vhd_error *err)
{
	struct vhd_info info = { .size = sizeof(info) };
	struct vhd_usage usage;
	int rc = vhd_layer_info(img, layer, &info, err);

	*empty_out = false;
	if (rc != 0 || info.type != VHD_TYPE_DIFF)
		return rc;
	rc = vhd_layer_usage(img, layer, look_bytes, &usage, err);
	*empty_out = rc == 0 && usage.complete && usage.blocks_data == 0 &&
		     usage.blocks_zero == 0;
	return rc;
}

/* VHD-D-10: a parent that holds nothing only makes the chain longer. */
static int skip_empty(struct snapshot_args *a, struct vhd_image *img,
		      struct vhd_error *err)
{
	uint32_t layer = 0;
	bool empty = true;
	int rc = 0;

	while (rc == 0 && layer + 1 < vhd_layers(img)) {
		rc = is_empty(img, layer, &empty, err);
		if (!empty)
			break;
		layer++;
	}
	if (rc != 0 || layer == 0)
		return rc;
	if (a->make.virtual_size == 0)
		a->make.virtual_size = vhd_size(img);
	a->parent = strdup(vhd_layer_path(img, layer));
	if (a->parent == NULL) {
		snprintf(err->msg, sizeof(err->msg), "out of memory");
		err->code = VHD_E_NOMEM;
	}
	a->make.parent = a->parent;
	/* What was named below IMAGE is not all below that one. */
	a->open.opts.parents = NULL;
	return err->code;
}

static int name_child(struct snapshot_args *a, enum vhd_format format,
		      struct vhd_error *err)
{
	if (cli_operands(a->cli) > 1) {
		if (a->make.format == VHD_FORMAT_AUTO &&
		    !cli_named_as_image(cli_operand(a->cli, 1)))
			a->make.format = format;
		return 0;
	}
	if (a->make.format != VHD_FORMAT_AUTO)
		format = a->make.format;
	a->child = free_name(cli_operand(a->cli, 0), format);
	if (a->child != NULL)
		return 0;
	snprintf(err->msg, sizeof(err->msg), "no name is free for the child: "
		 "give it one");
	err->code = VHD_E_EXISTS;
	return err->code;
}

/* What the image itself decides: the format, and so the name. */
static int look(struct snapshot_args *a, struct vhd_error *err)
{
	const char *path = cli_operand(a->cli, 0);
	struct vhd_open_opts opts = a->open.opts;
	struct vhd_info info = { .size = sizeof(info) };
	struct vhd_image *img = NULL;
	int rc;

	if (a->make.target == VHD_TARGET_XEN && cli_guess_raw(path))
		opts.flags |= VHD_OPEN_ALLOW_RAW;
	rc = vhd_open(path, &opts, &img, err);
	if (rc == 0)
		rc = vhd_layer_info(img, 0, &info, err);
	if (rc == 0 && a->skip_empty)
		rc = skip_empty(a, img, err);
	vhd_close(&img, NULL);
	if (rc != 0)
		return rc;
	if (info.format == VHD_FORMAT_RAW)
		info.format = VHD_FORMAT_VHD;
	return name_child(a, info.format, err);
}

static int report(const struct snapshot_args *a, const char *child)
{
	const char *parent = a->make.parent;
	json_t *object;

	if (a->json) {
		object = json_object();
		json_put(object, "image",
			 json_text(cli_operand(a->cli, 0)));
		json_put(object, "parent", json_text(parent));
		json_put(object, "child", json_text(child));
		return json_print(a->cli, object);
	}
	/* A name that was chosen here is a result, for scripts too. */
	if (cli_operands(a->cli) < 2 && isatty(STDOUT_FILENO) != 1)
		printf("%s\n", child);
	if (isatty(STDOUT_FILENO) != 1)
		return CLI_OK;
	text_put(stdout, child);
	fputs(": made; from now on write to this one: ", stdout);
	text_put(stdout, parent);
	fputs(" must not be written to any more\n", stdout);
	return CLI_OK;
}

static int snapshot(struct cli *cli, struct snapshot_args *a)
{
	const char *path = cli_operand(cli, 0), *child;
	struct vhd_error err = { .code = VHD_OK };
	int status = cli_make_timestamp(cli, &a->make);

	if (status != CLI_GO)
		return status;
	if (a->make.type != VHD_TYPE_DEFAULT && a->make.type != VHD_TYPE_DIFF)
		return cli_usage(cli, "a snapshot is differencing, not %s",
				 vhd_type_name(a->make.type));
	sigint_catch();
	a->make.parent = path;
	if (look(a, &err) != 0)
		return error_report(cli, &err, path);
	child = a->child != NULL ? a->child : cli_operand(cli, 1);
	a->make.open = &a->open.opts;
	if (vhd_create(child, &a->make, &err) != 0)
		return error_report(cli, &err, child);
	return report(a, child);
}

static int snapshot_run(struct cli *cli)
{
	struct snapshot_args a = {
		.cli = cli,
		.make = VHD_CREATE_OPTS_INIT,
	};
	int status = cli_open_init(&a.open, cli);

	if (status == CLI_GO)
		status = cli_parse(cli, snapshot_option, &a);
	if (status == CLI_GO)
		status = snapshot(cli, &a);
	cli_open_free(&a.open);
	free(a.child);
	free(a.parent);
	return status;
}

const struct cmd cmd_snapshot = {
	.name = "snapshot",
	.summary = "make a child that takes the changes from now on",
	.usage = "IMAGE [CHILD] [OPTION]...",
	.description =
"CHILD is an empty differencing image on top of IMAGE: it shows the same disk,\n"
"and what is written to it from then on stays in it. IMAGE is only read, and\n"
"from then on must not be written to: that would spoil CHILD, and a VHDX is\n"
"refused by its child after it. To go back, throw CHILD away; to keep what it\n"
"holds, vhd-util merge CHILD.\n"
"\n"
"CHILD has the format of IMAGE; a VHD cannot be a child of a VHDX, nor the\n"
"other way round. Without a name it gets the first one that is free of\n"
"IMAGE.avhdx, IMAGE-2.avhdx, ... (.avhd for a VHD, IMAGE without its\n"
"extension), which is printed. The path from CHILD to IMAGE is recorded; with\n"
"--parent-windows-path also one for Windows, which wants it absolute.\n"
"\n"
"--for xen makes a VHD as Xen does, with the names that its tools look for; its\n"
"IMAGE may be a raw disk. --skip-empty is what Xen's own snapshot does: where\n"
"IMAGE itself holds nothing, its parent becomes CHILD's.\n"
"\n"
"A virtual machine that runs has to be stopped or to flush first: what it has\n"
"not written yet is not in IMAGE. CHILD appears only when it is complete; an\n"
"interruption leaves nothing.\n",
	.example =
"  vhd-util snapshot disk.vhdx\n"
"  vhd-util snapshot disk.vhdx before-update.avhdx\n"
"  vhd-util snapshot --for xen --skip-empty base.vhd leaf.vhd\n",
	.opts = snapshot_opts,
	.min_operands = 1,
	.max_operands = 2,
	.run = snapshot_run,
};
