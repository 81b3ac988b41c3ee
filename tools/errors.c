/* SPDX-License-Identifier: BSD-2-Clause */
#include "errors.h"

#include <errno.h>
#include <string.h>

#include "common/report.h"

void error_hint(struct cli *cli, const struct vhd_error *err, const char *file)
{
	report_hint(stderr, err, cli_verb(cli), file);
}

int error_report(struct cli *cli, const struct vhd_error *err,
		 const char *file)
{
	fflush(stdout);
	fprintf(stderr, "vhd-util %s: ", cli_verb(cli));
	if (err->code == VHD_E_CANCELLED) {
		fputs("cancelled\n", stderr);
		return CLI_CANCELLED;
	}
	report_sentence(stderr, err, file);
	error_hint(cli, err, file);
	return CLI_FAILED;
}

int error_output(const char *verb)
{
	fprintf(stderr, "vhd-util %s: standard output: %s\n", verb,
		strerror(errno));
	return CLI_FAILED;
}
