/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes from a file or a pipe into a disk.
 *
 * What can be known before the first byte is written is refused before it: a
 * file, or --length, that reaches past the end of the disk.  How long a pipe is
 * shows only at its end; each piece is looked at before it is written, so a pipe
 * that is too long fills the disk up to its last piece and then fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
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
#include "stream.h"
#include "common/text.h"

enum {
	OPT_ZERO = 1, OPT_FLUSH_EVERY, OPT_ORPHAN, OPT_JSON, OPT_NO_PROGRESS
};

/* A pipe is read, and a disk is written, in pieces that end at multiples. */
enum { PIECE = 1 << 20 };
/* Zeros need no memory; a step is what can be cancelled. */
static const uint64_t zero_step = UINT64_C(1) << 30;

static const struct poptOption write_opts[] = {
	CLI_OPT_TABLE(cli_range_opts, "Where:"),
	CLI_OPT("zero", OPT_ZERO,
		"Write zeros of --length; whole blocks give their space back"),
	CLI_OPT_ARG("flush-every", OPT_FLUSH_EVERY,
		    "Make it durable after each SIZE bytes, not just at the "
		    "end", "SIZE"),
	CLI_OPT("orphan", OPT_ORPHAN,
		"Although the image has children, which become worthless"),
	CLI_OPT("json", OPT_JSON, "Report the result as JSON"),
	CLI_OPT("no-progress", OPT_NO_PROGRESS, "Draw no progress bar"),
	CLI_OPT_TABLE(cli_open_write_opts, "Opening:"),
	CLI_OPT_END
};

/**
 * struct write_job - one run of the verb
 *
 * @in:          where the bytes come from, or -1
 * @in_name:     what to call it
 * @total:       bytes to write, if @known; else only the end of a pipe tells
 * @done:        bytes written
 * @since_flush: of these, since the last flush
 */
struct write_job {
	struct cli *cli;
	struct cli_open open;
	struct cli_range range;
	struct vhd_image *img;
	struct progress pr;
	const char *in_name;
	int in;
	uint64_t flush_every;
	uint64_t total;
	uint64_t done;
	uint64_t since_flush;
	uint64_t flushes;
	bool known;
	bool zero;
	bool orphan;
	bool json;
	bool no_progress;
};

static int write_option(struct cli *cli, int val, const char *text, void *arg)
{
	struct write_job *w = arg;
	int status = CLI_GO;

	if (val >= CLI_OPEN_FIRST)
		return cli_open_option(&w->open, val, text);
	if (val >= CLI_RANGE_FIRST && val <= CLI_RANGE_LAST)
		return cli_range_option(cli, &w->range, val, text);
	switch (val) {
	case OPT_ZERO:
		w->zero = true;
		break;
	case OPT_FLUSH_EVERY:
		status = cli_value_size(cli, "flush-every", text,
					&w->flush_every);
		if (status == CLI_GO && w->flush_every == 0)
			status = cli_usage(cli, "--flush-every: 0 bytes are "
					   "written before anything");
		break;
	case OPT_ORPHAN:
		w->orphan = true;
		break;
	case OPT_JSON:
		w->json = true;
		break;
	default:
		w->no_progress = true;
		break;
	}
	return status;
}

static int check_args(const struct write_job *w)
{
	const char *from = cli_operand(w->cli, 1);

	if (strcmp(cli_operand(w->cli, 0), "-") == 0)
		return cli_usage(w->cli, "an image cannot be standard input");
	if (w->zero && from != NULL)
		return cli_usage(w->cli, "--zero takes no bytes from '%s'",
				 from);
	if (w->zero && w->range.len == 0)
		return cli_usage(w->cli, "--zero needs --length: how many?");
	if (!w->zero && (from == NULL || strcmp(from, "-") == 0) &&
	    isatty(STDIN_FILENO) == 1)
		return cli_usage(w->cli, "standard input is a terminal: name a "
				 "file, or write from a pipe");
	return CLI_GO;
}

static int input_error(const struct write_job *w, int errnum)
{
	struct vhd_error err = { .code = VHD_E_IO, .off = VHD_NO_OFFSET,
				 .os_errno = errnum };

	if (sigint_seen())
		err.code = VHD_E_CANCELLED;
	snprintf(err.msg, sizeof(err.msg), "%s", strerror(errnum));
	return error_report(w->cli, &err, w->in_name);
}

/* The input has only @have bytes of those that --length promised. */
static int input_short(const struct write_job *w, uint64_t have)
{
	struct vhd_error err = { .code = VHD_E_INVAL, .off = VHD_NO_OFFSET };

	snprintf(err.msg, sizeof(err.msg), "ends after %" PRIu64 " of %" PRIu64
		 " bytes; %" PRIu64 " were written", have, w->total, w->done);
	return error_report(w->cli, &err, w->in_name);
}

static int input_long(const struct write_job *w)
{
	struct vhd_error err = { .code = VHD_E_RANGE, .off = VHD_NO_OFFSET };
	char disk[SIZE_TEXT];

	snprintf(err.msg, sizeof(err.msg), "%s goes on past the end of the "
		 "disk (%s); %" PRIu64 " bytes were written", w->in_name,
		 size_format(vhd_size(w->img), disk), w->done);
	return error_report(w->cli, &err, cli_operand(w->cli, 0));
}

/* How many bytes a file has to give from its present position on. */
static int measure_input(struct write_job *w)
{
	struct stat st;
	off_t at;

	if (fstat(w->in, &st) != 0)
		return input_error(w, errno);
	if (S_ISDIR(st.st_mode))
		return input_error(w, EISDIR);
	w->total = w->range.len;
	w->known = w->total != 0;
	if (!S_ISREG(st.st_mode))
		return CLI_GO;
	at = lseek(w->in, 0, SEEK_CUR);
	if (at < 0 || at > st.st_size)
		at = st.st_size;
	if (w->total == 0)
		w->total = (uint64_t)(st.st_size - at);
	w->known = true;
	if (w->total > (uint64_t)(st.st_size - at))
		return input_short(w, (uint64_t)(st.st_size - at));
	return CLI_GO;
}

static int open_input(struct write_job *w)
{
	const char *from = cli_operand(w->cli, 1);

	if (w->zero) {
		w->total = w->range.len;
		w->known = true;
		return CLI_GO;
	}
	w->in_name = "standard input";
	w->in = STDIN_FILENO;
	if (from != NULL && strcmp(from, "-") != 0) {
		w->in_name = from;
		w->in = open(from, O_RDONLY | O_CLOEXEC);
		if (w->in < 0)
			return input_error(w, errno);
	}
	return measure_input(w);
}

/* The bytes of an image are no bytes for its own disk. */
static bool is_own_file(const struct write_job *w)
{
	struct stat in, own;
	int fd = vhd_layer_fd(w->img, 0);

	return w->in >= 0 && fd >= 0 && fstat(w->in, &in) == 0 &&
	       fstat(fd, &own) == 0 && in.st_dev == own.st_dev &&
	       in.st_ino == own.st_ino;
}

static int fit(const struct write_job *w)
{
	uint64_t size = vhd_size(w->img), off = w->range.off;
	struct vhd_error err = { .code = VHD_E_INVAL, .off = VHD_NO_OFFSET };

	if (is_own_file(w)) {
		snprintf(err.msg, sizeof(err.msg), "is the image that is to be "
			 "written");
		return error_report(w->cli, &err, w->in_name);
	}
	if (off > size || w->total > size - off || (!w->known && off == size))
		return cli_range_error(w->cli, off, w->total, size);
	return CLI_GO;
}

static int image_error(const struct write_job *w, struct vhd_error *err)
{
	if (sigint_seen())
		err->code = VHD_E_CANCELLED;
	return error_report(w->cli, err, cli_operand(w->cli, 0));
}

static int flush(struct write_job *w)
{
	struct vhd_error err = { .code = VHD_OK };

	w->since_flush = 0;
	w->flushes++;
	if (vhd_flush(w->img, &err) != 0)
		return image_error(w, &err);
	return CLI_GO;
}

/* After each piece. */
static int step(struct write_job *w, uint64_t len)
{
	struct vhd_error cancelled = { .code = VHD_E_CANCELLED };

	w->done += len;
	w->since_flush += len;
	if (w->flush_every != 0 && w->since_flush >= w->flush_every) {
		int status = flush(w);

		if (status != CLI_GO)
			return status;
	}
	if (!progress_step(&w->pr, w->done, w->total))
		return image_error(w, &cancelled);
	return CLI_GO;
}

/* How much to take next: to a multiple of @piece, a flush, or the end. */
static uint64_t next_len(const struct write_job *w, uint64_t piece)
{
	uint64_t len = piece - (w->range.off + w->done) % piece;

	if (w->flush_every != 0 && len > w->flush_every - w->since_flush)
		len = w->flush_every - w->since_flush;
	if (w->known && len > w->total - w->done)
		len = w->total - w->done;
	/* One byte too many tells before the last piece is written. */
	if (!w->known && w->range.off + w->done + len == vhd_size(w->img))
		len++;
	return len;
}

static int write_zeros(struct write_job *w)
{
	struct vhd_error err = { .code = VHD_OK };
	int status = CLI_GO;

	while (status == CLI_GO && w->done < w->total) {
		uint64_t len = next_len(w, zero_step);

		if (vhd_write_zeroes(w->img, w->range.off + w->done, len, 0,
				     &err) != 0)
			return image_error(w, &err);
		status = step(w, len);
	}
	return status;
}

static int write_piece(struct write_job *w, const void *buf, uint64_t len)
{
	struct vhd_error err = { .code = VHD_OK };
	uint64_t off = w->range.off + w->done;

	if (len > vhd_size(w->img) - off)
		return input_long(w);
	if (vhd_pwrite(w->img, buf, (size_t)len, off, &err) != 0)
		return image_error(w, &err);
	return step(w, len);
}

static int write_bytes(struct write_job *w, void *buf)
{
	int status = CLI_GO;

	while (status == CLI_GO && !(w->known && w->done == w->total)) {
		uint64_t want = next_len(w, PIECE);
		int64_t len = stream_read(w->in, buf, (size_t)want);

		if (len < 0)
			return input_error(w, (int)-len);
		if (len == 0)
			return w->known ? input_short(w, w->done) : CLI_GO;
		status = write_piece(w, buf, (uint64_t)len);
	}
	return status;
}

static int copy(struct write_job *w)
{
	void *buf;
	int status;

	if (w->zero)
		return write_zeros(w);
	buf = malloc(PIECE + 1);
	if (buf == NULL) {
		fputs("vhd-util: out of memory\n", stderr);
		return CLI_FAILED;
	}
	status = write_bytes(w, buf);
	free(buf);
	return status;
}

static int report(const struct write_job *w)
{
	char size[SIZE_TEXT], off[SIZE_TEXT];
	json_t *object;

	if (!w->json) {
		if (isatty(STDOUT_FILENO) != 1)
			return CLI_OK;
		text_put(stdout, cli_operand(w->cli, 0));
		printf(": %s written from offset %s on\n",
		       size_format(w->done, size),
		       size_format(w->range.off, off));
		return CLI_OK;
	}
	object = json_object();
	json_put(object, "image", json_text(cli_operand(w->cli, 0)));
	json_put(object, "source", w->in_name == NULL ? json_null() :
						json_text(w->in_name));
	json_put(object, "offset", json_u64(w->range.off));
	json_put(object, "length", json_u64(w->done));
	json_put(object, "flushes", json_u64(w->flushes));
	return json_print(w->cli, object);
}

static int write_image(struct write_job *w)
{
	const char *path = cli_operand(w->cli, 0);
	struct vhd_error err = { .code = VHD_OK };
	int status;

	w->open.opts.flags |= VHD_OPEN_RDWR | VHD_OPEN_THREAD;
	if (cli_open_image(&w->open, path, &w->img, &err) != 0)
		return error_report(w->cli, &err, path);
	status = fit(w);
	if (status == CLI_GO)
		status = children_refuse(w->cli, w->img, w->orphan);
	if (status == CLI_GO) {
		progress_begin(&w->pr, !w->no_progress, true);
		status = copy(w);
		if (status == CLI_GO && w->since_flush > 0)
			status = flush(w);
		progress_end(&w->pr);
	}
	if (vhd_close(&w->img, &err) != 0 && status == CLI_GO)
		status = error_report(w->cli, &err, path);
	return status == CLI_GO ? report(w) : status;
}

static int write_run(struct cli *cli)
{
	struct write_job w = { .cli = cli, .in = -1 };
	int status = cli_open_init(&w.open, cli);

	if (status == CLI_GO)
		status = cli_parse(cli, write_option, &w);
	if (status == CLI_GO)
		status = check_args(&w);
	if (status == CLI_GO) {
		sigint_catch();
		status = open_input(&w);
	}
	if (status == CLI_GO)
		status = write_image(&w);
	if (w.in > STDIN_FILENO)
		close(w.in);
	cli_open_free(&w.open);
	return status;
}

const struct cmd cmd_write = {
	.name = "write",
	.summary = "copy bytes into the disk of an image",
	.usage = "[OPTION]... IMAGE [FILE]",
	.description =
"Copies FILE, or standard input, into the disk that IMAGE holds, from --offset\n"
"on and up to --length bytes. When the program ends with status 0 the bytes are\n"
"durable. The parents of a differencing image are only read; an image that has\n"
"children beside it is not written to without --orphan, since that spoils their\n"
"disks.\n"
"\n"
"Zeros are stored as any other bytes, and so are holes of FILE: a whole disk is\n"
"copied by convert, which leaves them out.\n"
"\n"
"A range that is not inside the disk is refused before anything is written. The\n"
"length of a pipe is not known before its end: one that is too long fails after\n"
"its first bytes were written. What a failure or a signal leaves is the old\n"
"bytes or the new ones, and a sound image.\n",
	.example =
"  vhd-util write disk.vhdx boot.img\n"
"  zstdcat disk.raw.zst | vhd-util write --flush-every 1G disk.vhdx\n"
"  vhd-util write --offset 1M --length 512 disk.vhdx sector.bin\n"
"  vhd-util write --zero --offset 1G --length 64M disk.vhdx\n",
	.opts = write_opts,
	.min_operands = 1,
	.max_operands = 2,
	.run = write_run,
};
