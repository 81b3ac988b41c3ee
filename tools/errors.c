/* SPDX-License-Identifier: BSD-2-Clause */
#include "errors.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "common/foreign.h"
#include "common/report.h"
#include "common/text.h"

/* Nobody can run a command on what has passed by, or is somewhere else. */
static bool names_stream(const struct vhd_error *err, const char *file)
{
	if (err->file[0] != '\0')
		file = err->file;
	if (file == NULL || err->code == VHD_E_PARENT)
		return false;
	return strcmp(file, "standard input") == 0 ||
	       (err->code == VHD_E_CORRUPT && strstr(file, "://") != NULL);
}

/* What begins as an address does is no file that was forgotten. */
static bool address_hint(struct cli *cli, const struct vhd_error *err,
			 const char *file)
{
	const char *name = err->file[0] != '\0' ? err->file : file;

	if (err->os_errno != ENOENT || name == NULL)
		return false;
	if (strncmp(name, "nbd", 3) == 0 && strstr(name, "://") != NULL &&
	    strcmp(cli_verb(cli), "convert") != 0) {
		fputs("hint: only convert reads from a server, so make a file "
		      "of it first: vhd-util convert ", stderr);
		text_put_shell(stderr, name);
		fputs(" DISK.vhdx\n", stderr);
		return true;
	}
	if (strncmp(name, "http://", 7) != 0 &&
	    strncmp(name, "https://", 8) != 0)
		return false;
	if (strstr(err->msg, "target") != NULL ||
	    strstr(err->msg, "create") != NULL) {
		fputs("hint: what goes to a server goes through a pipe: "
		      "vhd-util convert -O vhd SRC - | curl -T - ", stderr);
		text_put_shell(stderr, name);
	} else {
		fputs("hint: what a server has comes through a pipe: curl -sSf ",
		      stderr);
		text_put_shell(stderr, name);
		fputs(" | vhd-util convert - DISK.vhdx", stderr);
	}
	fputc('\n', stderr);
	return true;
}

void error_hint(struct cli *cli, const struct vhd_error *err, const char *file)
{
	if (names_stream(err, file) || address_hint(cli, err, file))
		return;
	report_hint(stderr, err, cli_verb(cli), file);
}

/* What has to be read in any order cannot come through a pipe. */
static void explain_stdin(struct vhd_error *err, const char *file)
{
	if (err->os_errno != ENOENT || file == NULL || strcmp(file, "-") != 0)
		return;
	err->os_errno = 0;
	snprintf(err->file, sizeof(err->file), "standard input");
	snprintf(err->msg, sizeof(err->msg), "only convert reads an image from "
		 "a pipe: store it in a file, or convert it to one, first");
}

int error_report(struct cli *cli, const struct vhd_error *error,
		 const char *file)
{
	struct vhd_error found = *error, *err = &found;

	explain_stdin(err, file);
	foreign_explain(err, file);
	fflush(stdout);
	fprintf(stderr, "vhd-util %s: ", cli_verb(cli));
	/* So says a wait that a signal ended. */
	if (err->code == VHD_E_CANCELLED || err->os_errno == ECANCELED) {
		fputs("cancelled\n", stderr);
		return CLI_CANCELLED;
	}
	report_sentence(stderr, err, file);
	error_hint(cli, err, file);
	return CLI_FAILED;
}

int error_say(struct cli *cli, const char *file, const char *hint,
	      const char *fmt, ...)
{
	struct vhd_error err = { .code = VHD_E_REFUSED, .off = VHD_NO_OFFSET };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err.msg, sizeof(err.msg), fmt, ap);
	va_end(ap);
	fflush(stdout);
	fprintf(stderr, "vhd-util %s: ", cli_verb(cli));
	report_sentence(stderr, &err, file);
	if (hint != NULL)
		fprintf(stderr, "hint: %s\n", hint);
	return CLI_FAILED;
}

int error_output(const char *verb)
{
	fprintf(stderr, "vhd-util %s: standard output: %s\n", verb,
		strerror(errno));
	return CLI_FAILED;
}
