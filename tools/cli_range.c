/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli_range.h"

#include "errors.h"
#include "common/size.h"

enum { OPT_OFFSET = CLI_RANGE_FIRST, OPT_LENGTH };

const struct poptOption cli_range_opts[] = {
	CLI_OPT_ARG("offset", OPT_OFFSET,
		    "First byte of the disk (default: 0)", "SIZE"),
	CLI_OPT_ARG("length", OPT_LENGTH, "Bytes from there on", "SIZE"),
	POPT_TABLEEND
};

int cli_range_option(struct cli *cli, struct cli_range *range, int val,
		     const char *text)
{
	int status;

	if (val == OPT_OFFSET)
		return cli_value_size(cli, "offset", text, &range->off);
	status = cli_value_size(cli, "length", text, &range->len);
	if (status == CLI_GO && range->len == 0)
		return cli_usage(cli, "--length: there is nothing to do for 0 "
				 "bytes");
	return status;
}

int cli_range_error(struct cli *cli, uint64_t off, uint64_t len, uint64_t size)
{
	struct vhd_error err = { .code = VHD_E_RANGE, .off = VHD_NO_OFFSET };
	char first[SIZE_TEXT], count[SIZE_TEXT], disk[SIZE_TEXT];

	size_format(off, first);
	size_format(size, disk);
	if (off >= size)
		snprintf(err.msg, sizeof(err.msg), "offset %s is past the end "
			 "of the disk (%s)", first, disk);
	else
		snprintf(err.msg, sizeof(err.msg), "%s from offset %s on reach "
			 "past the end of the disk (%s)",
			 size_format(len, count), first, disk);
	return error_report(cli, &err, cli_operand(cli, 0));
}

int cli_range_fit(struct cli *cli, struct cli_range *range, uint64_t size)
{
	if (range->off >= size || range->len > size - range->off)
		return cli_range_error(cli, range->off, range->len, size);
	if (range->len == 0)
		range->len = size - range->off;
	return CLI_GO;
}
