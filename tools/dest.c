/* SPDX-License-Identifier: BSD-2-Clause */
#include "dest.h"

#include "errors.h"

/* The last one takes whatever the others do not. */
static const struct {
	bool (*is)(const struct dest_how *how);
	int (*check)(const struct dest_how *how);
	int (*write)(const struct dest_how *how,
		     struct vhd_convert_result *result);
} kinds[] = {
	{ dest_nbd_is, dest_nbd_check, dest_nbd_write },
	{ dest_stream_is, dest_stream_check, dest_stream_write },
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static size_t kind_of(const struct dest_how *how)
{
	size_t i = 0;

	while (i < KINDS && !kinds[i].is(how))
		i++;
	return i;
}

int dest_check(const struct dest_how *how)
{
	size_t kind = kind_of(how);

	return kind < KINDS ? kinds[kind].check(how) : CLI_GO;
}

static int file_write(const struct dest_how *how,
		      struct vhd_convert_result *result)
{
	struct vhd_error err = { .code = VHD_OK };
	int rc = vhd_convert(how->img, how->name, how->convert, result, &err);

	progress_end(how->pr);
	return rc != 0 ? error_report(how->cli, &err, how->name) : CLI_OK;
}

int dest_write(const struct dest_how *how, struct vhd_convert_result *result)
{
	size_t kind = kind_of(how);

	how->convert->progress = progress_step;
	how->convert->progress_arg = how->pr;
	if (kind < KINDS)
		return kinds[kind].write(how, result);
	return file_write(how, result);
}
