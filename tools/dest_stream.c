/* SPDX-License-Identifier: BSD-2-Clause */
#include "dest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "errors.h"
#include "fd_out.h"
#include "gz_out.h"
#include "newfile.h"
#include "sigint.h"

/* Where it goes: through gzip or not, to standard output or a new file. */
struct target {
	struct fd_out out;
	struct gz_out *gz;	/* or NULL */
	struct newfile file;
};

static bool is_stdout(const struct dest_how *how)
{
	return strcmp(how->name, "-") == 0;
}

static bool ends_with(const char *name, const char *end)
{
	size_t len = strlen(name), n = strlen(end);

	return len > n && strcasecmp(name + len - n, end) == 0;
}

bool dest_stream_gzip(const struct dest_how *how)
{
	return how->gzip != DEST_NO_GZIP || ends_with(how->name, ".gz");
}

bool dest_stream_is(const struct dest_how *how)
{
	return is_stdout(how) || dest_stream_gzip(how);
}

/* What the name says of the image that is packed, if it says anything. */
static enum vhd_format named_format(const char *name)
{
	static const struct {
		const char *end;
		enum vhd_format format;
	} ends[] = {
		{ ".vhd", VHD_FORMAT_VHD },   { ".avhd", VHD_FORMAT_VHD },
		{ ".vhdx", VHD_FORMAT_VHDX }, { ".avhdx", VHD_FORMAT_VHDX },
		{ ".raw", VHD_FORMAT_RAW },   { ".img", VHD_FORMAT_RAW },
	};
	char with_gz[16];

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		strcpy(with_gz, ends[i].end);
		strcat(with_gz, ".gz");
		if (ends_with(name, ends[i].end) || ends_with(name, with_gz))
			return ends[i].format;
	}
	return VHD_FORMAT_AUTO;
}

/* By the target, or the name. */
void dest_stream_format(const struct dest_how *how)
{
	struct vhd_create_opts *create = &how->convert->create;

	if (create->format != VHD_FORMAT_AUTO)
		return;
	if (!is_stdout(how))
		create->format = named_format(how->name);
	else if (create->target == VHD_TARGET_NONE)
		create->format = VHD_FORMAT_RAW;
}

int dest_stream_check(const struct dest_how *how)
{
	const struct vhd_create_opts *create = &how->convert->create;

	dest_stream_format(how);
	if (how->foreign != NULL)
		return cli_usage(how->cli, "%s cannot be written as a stream; "
				 "raw, vhd and vhdx can", how->foreign);
	if (how->convert->flags & VHD_CONVERT_VERIFY)
		return cli_usage(how->cli, is_stdout(how) ?
				 "--verify: standard output cannot be read "
				 "back" :
				 "--verify: a packed file is not read back; "
				 "gzip -t tests it");
	if (create->flags & VHD_CREATE_PREALLOCATE)
		return cli_usage(how->cli, "--preallocate sets room aside in "
				 "a file that is not packed, and nowhere else");
	if (create->format == VHD_FORMAT_AUTO &&
	    create->target == VHD_TARGET_NONE)
		return cli_usage(how->cli, "%s: the name does not tell the "
				 "format in front of .gz (.vhd, .vhdx, .raw): "
				 "name it with -O", how->name);
	if (is_stdout(how) && isatty(STDOUT_FILENO) == 1)
		return cli_usage(how->cli, "standard output is a terminal: "
				 "send the bytes to a pipe or a file");
	return CLI_GO;
}

static int gz_write(void *arg, const void *buf, size_t len)
{
	return gz_out_write(arg, buf, len);
}

static int gz_zero(void *arg, uint64_t len)
{
	return gz_out_zero(arg, len);
}

static int fail_errno(struct vhd_error *err, int rc)
{
	memset(err, 0, sizeof(*err));
	err->code = rc == -ENOMEM ? VHD_E_NOMEM : VHD_E_IO;
	if (rc == -ENOSPC || rc == -EDQUOT || rc == -EFBIG)
		err->code = VHD_E_NOSPACE;
	err->os_errno = -rc;
	err->off = VHD_NO_OFFSET;
	strncat(err->msg, strerror(-rc), sizeof(err->msg) - 1);
	return err->code;
}

static int target_open(const struct dest_how *how, struct target *t,
		       struct vhd_error *err)
{
	uint32_t flags = how->convert->create.flags;
	int rc = 0, fd = STDOUT_FILENO;

	if (!is_stdout(how)) {
		t->file.orphan = flags & VHD_CREATE_ORPHAN;
		t->file.sync = how->sync;
		rc = newfile_open(&t->file, how->name,
				  flags & VHD_CREATE_FORCE, how->img, err);
		fd = t->file.fd;
	}
	if (rc != 0)
		return rc;
	fd_out_begin(&t->out, fd);
	if (!dest_stream_gzip(how))
		return 0;
	rc = gz_out_new(fd_out_write, &t->out,
			how->gzip == DEST_NO_GZIP ? 0 : how->gzip,
			how->gzip_threads, &t->gz);
	return rc != 0 ? fail_errno(err, rc) : 0;
}

static int target_end(const struct dest_how *how, struct target *t,
		      struct vhd_error *err)
{
	int rc = t->gz != NULL ? gz_out_end(t->gz) : 0;

	if (rc == 0)
		rc = fd_out_end(&t->out);
	if (rc != 0)
		return fail_errno(err, rc);
	return is_stdout(how) ? 0 : newfile_commit(&t->file, err);
}

static int target_write(const struct dest_how *how, struct target *t,
			struct vhd_convert_result *result,
			struct vhd_error *err)
{
	struct vhd_stream_sink sink = VHD_STREAM_SINK_INIT;

	sink.temp_dir = getenv("TMPDIR");
	sink.write = t->gz != NULL ? gz_write : fd_out_write;
	if (t->gz != NULL)
		sink.zero = gz_zero;
	else if (t->out.holes)
		sink.zero = fd_out_zero;
	sink.arg = t->gz != NULL ? (void *)t->gz : (void *)&t->out;
	return vhd_stream_write(how->img, how->convert, &sink, NULL, result,
				err);
}

int dest_stream_write(const struct dest_how *how,
		      struct vhd_convert_result *result)
{
	struct vhd_error err = { .code = VHD_OK };
	struct target t = { .file = NEWFILE_NONE };
	int rc = target_open(how, &t, &err);

	if (rc == 0)
		rc = target_write(how, &t, result, &err);
	if (rc == 0)
		rc = target_end(how, &t, &err);
	gz_out_free(t.gz);
	newfile_discard(&t.file);
	progress_end(how->pr);
	if (rc == 0)
		return CLI_OK;
	if (sigint_seen())
		err.code = VHD_E_CANCELLED;
	if (!is_stdout(how))
		return error_report(how->cli, &err, how->name);
	/* What helps a target on a full disk does not help here. */
	if (err.code == VHD_E_NOSPACE)
		err.code = VHD_E_IO;
	return error_report(how->cli, &err, "standard output");
}
