/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli_open.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/foreign.h"

enum {
	OPT_PARENT = CLI_OPEN_FIRST,
	OPT_PARENT_DIR,
	OPT_ANY_PARENT_DIR,
	OPT_IGNORE_PARENT_ID,
	OPT_NO_LOCK
};

const struct poptOption cli_open_where_opts[] = {
	CLI_OPT_ARG("parent-dir", OPT_PARENT_DIR,
		    "A parent may also lie below DIR (repeatable); otherwise "
		    "only beside or below its child", "DIR"),
	CLI_OPT("any-parent-dir", OPT_ANY_PARENT_DIR,
		"A parent may lie anywhere: for images you trust"),
	CLI_OPT("ignore-parent-id", OPT_IGNORE_PARENT_ID,
		"Use a parent although it is not the recorded one"),
	POPT_TABLEEND
};

const struct poptOption cli_open_base_opts[] = {
	CLI_OPT_TABLE(cli_open_where_opts, NULL),
	CLI_OPT("no-lock", OPT_NO_LOCK,
		"Read an image that another program may be changing"),
	POPT_TABLEEND
};

#define PARENT_OPT \
	CLI_OPT_ARG("parent", OPT_PARENT, \
		    "Use FILE as parent instead of looking for it; again for " \
		    "the parent's parent, and so on", "FILE")

const struct poptOption cli_open_write_opts[] = {
	PARENT_OPT,
	CLI_OPT_TABLE(cli_open_where_opts, NULL),
	POPT_TABLEEND
};

const struct poptOption cli_open_opts[] = {
	PARENT_OPT,
	CLI_OPT_TABLE(cli_open_base_opts, NULL),
	POPT_TABLEEND
};

static void log_message(void *arg, enum vhd_log_level level, const char *msg)
{
	struct cli_open *open = arg;

	if (level != VHD_LOG_WARNING)
		return;
	if (open->held != NULL)
		fprintf(open->held, "%s\n", msg);
	else
		cli_warn(open->cli, NULL, "%s", msg);
}

int cli_open_init(struct cli_open *open, struct cli *cli)
{
	static const struct vhd_open_opts defaults = VHD_OPEN_OPTS_INIT;
	size_t room = cli_max_options(cli) + 1;

	memset(open, 0, sizeof(*open));
	open->opts = defaults;
	open->opts.log = log_message;
	open->opts.log_arg = open;
	open->cli = cli;
	open->parents = calloc(room, sizeof(*open->parents));
	open->dirs = calloc(room, sizeof(*open->dirs));
	if (open->parents == NULL || open->dirs == NULL) {
		fputs("vhd-util: out of memory\n", stderr);
		return CLI_FAILED;
	}
	return CLI_GO;
}

void cli_open_free(struct cli_open *open)
{
	free(open->parents);
	free(open->dirs);
}

/*
 * Images of some programs deviate in a handful of harmless ways every time: one
 * line for all of it, with the first remark and where to find the others.
 */
static void print_held(struct cli *cli, char *text, const char *path)
{
	char *end = strchr(text, '\n');
	size_t more = 0;

	if (end == NULL)
		return;
	*end = '\0';
	for (const char *p = end + 1; (p = strchr(p, '\n')) != NULL; p++)
		more++;
	if (more == 0)
		cli_warn(cli, NULL, "%s", text);
	else
		cli_warn(cli, NULL, "%s (and %zu more: vhd-util check --chain "
			 "%s)", text, more, path);
}

static void hold(struct cli_open *open, char **text, size_t *len)
{
	open->held = open_memstream(text, len);
}

/* @text is there only once the stream was closed. */
static void unhold(struct cli_open *open, char **text, const char *path, int rc)
{
	if (open->held != NULL && fclose(open->held) == 0 && rc == 0)
		print_held(open->cli, *text, path);
	open->held = NULL;
	free(*text);
}

int cli_open_image(struct cli_open *open, const char *path,
		   struct vhd_image **img_out, struct vhd_error *err)
{
	char *text = NULL;
	size_t len;
	int rc;

	hold(open, &text, &len);
	rc = vhd_open(path, &open->opts, img_out, err);
	unhold(open, &text, path, rc);
	return rc;
}

int cli_open_stream(struct cli_open *open, const struct vhd_stream *stream,
		    struct vhd_image **img_out, struct vhd_error *err)
{
	char *text = NULL;
	size_t len;
	int rc;

	hold(open, &text, &len);
	rc = vhd_stream_open(stream, &open->opts, img_out, err);
	unhold(open, &text, stream->name, rc);
	return rc;
}

int cli_open_option(struct cli_open *open, int val, const char *text)
{
	switch (val) {
	case OPT_PARENT:
		if (text[0] == '\0')
			return cli_usage(open->cli, "--parent: the name is "
					 "empty");
		open->parents[open->parent_count++] = text;
		open->opts.parents = open->parents;
		break;
	case OPT_PARENT_DIR:
		if (text[0] == '\0')
			return cli_usage(open->cli, "--parent-dir: the name "
					 "is empty");
		open->dirs[open->dir_count++] = text;
		open->opts.parent_dirs = open->dirs;
		break;
	case OPT_ANY_PARENT_DIR:
		open->opts.flags |= VHD_OPEN_ANY_PARENT_DIR;
		break;
	case OPT_IGNORE_PARENT_ID:
		open->opts.flags |= VHD_OPEN_IGNORE_PARENT_ID;
		break;
	case OPT_NO_LOCK:
		open->opts.flags |= VHD_OPEN_NO_LOCK;
		break;
	default:
		abort();
	}
	return CLI_GO;
}

bool cli_named_as_image(const char *path)
{
	static const char *const extensions[] = {
		".vhd", ".vhdx", ".avhd", ".avhdx"
	};
	const char *dot = strrchr(path, '.');

	if (dot == NULL)
		return false;
	for (size_t i = 0; i < sizeof(extensions) / sizeof(*extensions); i++) {
		if (strcasecmp(dot, extensions[i]) == 0)
			return true;
	}
	return false;
}

bool cli_guess_raw(const char *path)
{
	struct vhd_error err;

	return !cli_named_as_image(path) && !foreign_file(path, &err);
}

bool cli_foreign_parent(const struct cli_open *open, const char *path,
			struct vhd_error *err)
{
	struct vhd_open_opts opts = open->opts;
	struct vhd_image *img = NULL;
	struct vhd_error other;

	if (opts.format != VHD_FORMAT_AUTO || !foreign_file(path, err))
		return false;
	/* A disk's first bytes are its guest's: an image is one all the same. */
	opts.flags |= VHD_OPEN_NO_PARENT | VHD_OPEN_NO_LOCK;
	opts.log = NULL;
	if (vhd_open(path, &opts, &img, &other) != 0)
		return other.code == VHD_E_FORMAT;
	vhd_close(&img, NULL);
	return false;
}
