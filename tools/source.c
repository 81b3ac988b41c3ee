/* SPDX-License-Identifier: BSD-2-Clause */
#include "source.h"

#include <string.h>
#include <unistd.h>

#include "errors.h"

static int file_open(const struct source_how *how, struct source *src)
{
	struct vhd_error err = { .code = VHD_OK };

	if (how->open->opts.format == VHD_FORMAT_AUTO &&
	    cli_guess_raw(how->name))
		how->open->opts.flags |= VHD_OPEN_ALLOW_RAW;
	if (cli_open_image(how->open, how->name, &src->img, &err) != 0)
		return error_report(how->cli, &err, how->name);
	return CLI_GO;
}

int source_open(const struct source_how *how, struct source *src)
{
	static int (*const kinds[])(const struct source_how *, struct source *,
				    bool *) = {
		source_nbd_open,
		source_stream_open,
	};

	*src = (struct source){ .img = NULL };
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		bool mine = false;
		int status = kinds[i](how, src, &mine);

		if (mine)
			return status;
	}
	return file_open(how, src);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

const char *source_has(const struct source_how *how, const struct source *src,
		       const char *name)
{
	bool from_stdin = strcmp(how->name, "-") == 0;
	struct stat target, st;

	if (strcmp(name, "-") == 0 || stat(name, &target) != 0)
		return NULL;
	if ((from_stdin ? fstat(STDIN_FILENO, &st) :
			  stat(how->name, &st)) == 0 &&
	    same_file(&target, &st))
		return "the target is the same file as the source";
	if (src->holds != NULL && src->holds(src->more, &target))
		return "the target is a file that the source is read from";
	return NULL;
}

int source_close(const struct source_how *how, struct source *src, int status)
{
	struct vhd_error err = { .code = VHD_OK };
	int ended = CLI_OK;

	if (vhd_close(&src->img, &err) != 0 && status == CLI_OK)
		status = error_report(how->cli, &err, how->name);
	if (src->end != NULL)
		ended = src->end(how->cli, src->more);
	*src = (struct source){ .img = NULL };
	return status == CLI_OK ? ended : status;
}
