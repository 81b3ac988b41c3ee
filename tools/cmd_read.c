/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli_open.h"
#include "cli_range.h"
#include "cmds.h"
#include "errors.h"
#include "json.h"
#include "newfile.h"
#include "progress.h"
#include "sigint.h"
#include "common/size.h"
#include "stream.h"
#include "common/text.h"

enum {
	OPT_OUTPUT = 1, OPT_FORCE, OPT_ORPHAN, OPT_JSON, OPT_NO_PROGRESS
};

/*
 * What is moved at once, in what pieces zeros are looked for, and how many
 * extents are asked for at once.
 */
enum { PIECE = 256 << 10, GRAIN = 4096, EXTENTS = 64 };

static const struct poptOption read_opts[] = {
	CLI_OPT_TABLE(cli_range_opts, "What:"),
	{ "output", 'o', POPT_ARG_STRING, NULL, OPT_OUTPUT,
	  "Write a new FILE; zeros become holes", "FILE" },
	CLI_OPT("force", OPT_FORCE, "Replace FILE if it exists"),
	CLI_OPT("orphan", OPT_ORPHAN,
		"With --force: although FILE has children, which become "
		"worthless"),
	CLI_OPT("json", OPT_JSON, "Report the result as JSON"),
	CLI_OPT("no-progress", OPT_NO_PROGRESS, "Draw no progress bar"),
	CLI_OPT_TABLE(cli_open_opts, "Opening:"),
	CLI_OPT_END
};

/**
 * struct read_job - one run of the verb
 *
 * @output: name of the new file, or NULL for standard output
 * @done:   bytes read, zeros included
 * @data:   bytes that were written out
 */
struct read_job {
	struct cli *cli;
	struct cli_open open;
	struct cli_range range;
	struct vhd_image *img;
	struct progress pr;
	struct newfile file;
	const char *output;
	void *buf;
	uint64_t done;
	uint64_t data;
	bool force;
	bool json;
	bool no_progress;
};

static int read_option(struct cli *cli, int val, const char *text, void *arg)
{
	struct read_job *r = arg;

	if (val >= CLI_OPEN_FIRST)
		return cli_open_option(&r->open, val, text);
	if (val >= CLI_RANGE_FIRST && val <= CLI_RANGE_LAST)
		return cli_range_option(cli, &r->range, val, text);
	switch (val) {
	case OPT_OUTPUT:
		if (text[0] == '\0')
			return cli_usage(cli, "--output: the name is empty");
		/* As in other programs: "-" is where output goes anyway. */
		r->output = strcmp(text, "-") == 0 ? NULL : text;
		break;
	case OPT_FORCE:
		r->force = true;
		break;
	case OPT_ORPHAN:
		r->file.orphan = true;
		break;
	case OPT_JSON:
		r->json = true;
		break;
	default:
		r->no_progress = true;
		break;
	}
	return CLI_GO;
}

static int check_args(const struct read_job *r)
{
	if (strcmp(cli_operand(r->cli, 0), "-") == 0)
		return cli_usage(r->cli, "an image cannot come from standard "
				 "input: it is not read front to back");
	if (r->output != NULL)
		return CLI_GO;
	if (r->json)
		return cli_usage(r->cli, "--json: the bytes of the disk go to "
				 "standard output; name a file with --output");
	if (r->force)
		return cli_usage(r->cli, "--force is about --output");
	if (isatty(STDOUT_FILENO) == 1)
		return cli_usage(r->cli, "standard output is a terminal: send "
				 "the bytes to a pipe or a file");
	return CLI_GO;
}

static int image_error(const struct read_job *r, struct vhd_error *err)
{
	return error_report(r->cli, err, cli_operand(r->cli, 0));
}

static int output_error(const struct read_job *r, int errnum)
{
	struct vhd_error err = { .code = VHD_E_IO, .off = VHD_NO_OFFSET,
				 .os_errno = errnum };

	if (sigint_seen())
		err.code = VHD_E_CANCELLED;
	snprintf(err.msg, sizeof(err.msg), "%s", strerror(errnum));
	return error_report(r->cli, &err, r->output != NULL ?
			    r->output : "standard output");
}

static bool is_zero(const char *buf, size_t len)
{
	return len == 0 || (buf[0] == 0 && memcmp(buf, buf + 1, len - 1) == 0);
}

/* Stored zeros become holes as well. */
static int put_in_file(struct read_job *r, size_t len)
{
	const char *buf = r->buf;

	for (size_t at = 0; at < len; at += GRAIN) {
		size_t n = len - at < GRAIN ? len - at : GRAIN;
		int rc;

		if (is_zero(buf + at, n))
			continue;
		rc = stream_pwrite(r->file.fd, buf + at, n, r->done + at);
		if (rc != 0)
			return rc;
		r->data += n;
	}
	return 0;
}

static int put_in_pipe(struct read_job *r, size_t len)
{
	r->data += len;
	return stream_write(STDOUT_FILENO, r->buf, len);
}

static int put(struct read_job *r, size_t len)
{
	int rc = r->output != NULL ? put_in_file(r, len) : put_in_pipe(r, len);

	return rc == 0 ? CLI_GO : output_error(r, -rc);
}

static int step(struct read_job *r, uint64_t len)
{
	struct vhd_error cancelled = { .code = VHD_E_CANCELLED };

	r->done += len;
	if (!progress_step(&r->pr, r->done, r->range.len))
		return image_error(r, &cancelled);
	return CLI_GO;
}

static int copy_extent(struct read_job *r, const struct vhd_extent *ext)
{
	struct vhd_error err = { .code = VHD_OK };
	uint64_t left = ext->len;
	int status = CLI_GO;

	if (ext->kind == VHD_EXTENT_ZERO && r->output != NULL)
		return step(r, left);
	while (status == CLI_GO && left > 0) {
		uint64_t off = r->range.off + r->done;
		uint64_t len = PIECE - off % PIECE;

		if (len > left)
			len = left;
		if (vhd_pread(r->img, r->buf, (size_t)len, off, &err) != 0)
			return image_error(r, &err);
		status = put(r, (size_t)len);
		if (status == CLI_GO)
			status = step(r, len);
		left -= len;
	}
	return status;
}

static int copy(struct read_job *r)
{
	struct vhd_extent ext[EXTENTS];
	struct vhd_error err = { .code = VHD_OK };
	int status = CLI_GO;
	size_t n;

	while (status == CLI_GO && r->done < r->range.len) {
		if (vhd_resolve(r->img, r->range.off + r->done,
				r->range.len - r->done, ext, EXTENTS, &n,
				&err) != 0)
			return image_error(r, &err);
		for (size_t i = 0; status == CLI_GO && i < n; i++)
			status = copy_extent(r, &ext[i]);
	}
	return status;
}

static int to_file(struct read_job *r)
{
	struct vhd_error err = { .code = VHD_OK };
	int status;

	if (newfile_open(&r->file, r->output, r->force, r->img, &err) != 0)
		return error_report(r->cli, &err, r->output);
	status = copy(r);
	if (status == CLI_GO &&
	    ftruncate(r->file.fd, (off_t)r->range.len) != 0)
		status = output_error(r, errno);
	if (status == CLI_GO && newfile_commit(&r->file, &err) != 0)
		status = error_report(r->cli, &err, r->output);
	return status;
}

static int report(const struct read_job *r)
{
	char size[SIZE_TEXT];
	json_t *object;

	if (r->output == NULL)
		return CLI_OK;
	if (!r->json) {
		if (isatty(STDOUT_FILENO) != 1)
			return CLI_OK;
		text_put(stdout, r->output);
		printf(": made, %s\n", size_format(r->done, size));
		return CLI_OK;
	}
	object = json_object();
	json_put(object, "image", json_text(cli_operand(r->cli, 0)));
	json_put(object, "output", json_text(r->output));
	json_put(object, "offset", json_u64(r->range.off));
	json_put(object, "length", json_u64(r->done));
	json_put(object, "data_bytes", json_u64(r->data));
	return json_print(r->cli, object);
}

static int read_image(struct read_job *r)
{
	const char *path = cli_operand(r->cli, 0);
	struct vhd_error err = { .code = VHD_OK };
	int status;

	if (cli_open_image(&r->open, path, &r->img, &err) != 0)
		return error_report(r->cli, &err, path);
	status = cli_range_fit(r->cli, &r->range, vhd_size(r->img));
	if (status == CLI_GO) {
		progress_begin(&r->pr, !r->no_progress, true);
		status = r->output != NULL ? to_file(r) : copy(r);
		progress_end(&r->pr);
	}
	newfile_discard(&r->file);
	if (vhd_close(&r->img, &err) != 0 && status == CLI_GO)
		status = error_report(r->cli, &err, path);
	return status == CLI_GO ? report(r) : status;
}

static int read_run(struct cli *cli)
{
	struct read_job r = { .cli = cli, .file = NEWFILE_NONE };
	int status = cli_open_init(&r.open, cli);

	if (status == CLI_GO)
		status = cli_parse(cli, read_option, &r);
	if (status == CLI_GO)
		status = check_args(&r);
	if (status == CLI_GO) {
		sigint_catch();
		r.buf = malloc(PIECE);
		if (r.buf == NULL) {
			fputs("vhd-util: out of memory\n", stderr);
			status = CLI_FAILED;
		}
	}
	if (status == CLI_GO)
		status = read_image(&r);
	free(r.buf);
	cli_open_free(&r.open);
	return status;
}

const struct cmd cmd_read = {
	.name = "read",
	.summary = "copy bytes out of the disk of an image",
	.usage = "[OPTION]... IMAGE",
	.description =
"Writes the bytes of the disk from --offset on, --length of them or up to its\n"
"end, to standard output or into a new file. What is read is what a guest would\n"
"see, through the whole chain of parents. A new file appears only when it is\n"
"complete. To copy a whole disk, vhd-util convert does more.\n",
	.example =
"  vhd-util read --length 512 disk.vhdx | hexdump -C\n"
"  vhd-util read --offset 1M --length 64M --output part.img disk.vhdx\n",
	.opts = read_opts,
	.min_operands = 1,
	.max_operands = 1,
	.run = read_run,
};
