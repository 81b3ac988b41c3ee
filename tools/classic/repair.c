/* SPDX-License-Identifier: BSD-2-Clause */
#include "classic/classic.h"

#include <getopt.h>

static int run(const struct classic_verb *verb, int argc, char **argv)
{
	const char *name = NULL;
	struct vhd_error err;
	uint32_t flags = 0;
	int c;

	while ((c = getopt(argc, argv, "n:bh")) != -1) {
		switch (c) {
		case 'n': name = optarg; break;
		case 'b': flags |= VHD_XEN_USE_COPY; break;
		case 'h': return classic_help(verb);
		default: return classic_usage(verb);
		}
	}
	if (!name || !classic_no_operands(argc))
		return classic_usage(verb);
	if (vhd_xen_repair(name, flags, &classic_change_opts, &err))
		return classic_open_error(name, &err);
	return 0;
}

const struct classic_verb classic_repair = {
	.name = "repair",
	.usage = "-n NAME [-b]",
	.options = "  -n NAME  the image that gets both footers anew\n"
		"  -b       go by the copy of the footer\n",
	.help_status = 22,
	.run = run,
};
