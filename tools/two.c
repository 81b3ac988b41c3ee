/* SPDX-License-Identifier: BSD-2-Clause */
#include "two.h"

#include "errors.h"

int two_open(struct cli *cli, struct cli_open *open, const char *path,
	     struct vhd_image **img_out)
{
	struct vhd_error err = { .code = VHD_OK };
	const uint32_t flags = open->opts.flags;
	int rc;

	if (cli_guess_raw(path))
		open->opts.flags |= VHD_OPEN_ALLOW_RAW;
	rc = cli_open_image(open, path, img_out, &err);
	open->opts.flags = flags;
	return rc != 0 ? error_report(cli, &err, path) : CLI_GO;
}

static int close_one(struct cli *cli, struct vhd_image **img, int status)
{
	struct vhd_error err = { .code = VHD_OK };

	if (vhd_close(img, &err) != 0 && status == CLI_OK)
		return error_report(cli, &err, NULL);
	return status;
}

int two_close(struct two *t, int status)
{
	status = close_one(t->cli, &t->b, status);
	return close_one(t->cli, &t->a, status);
}
