/* SPDX-License-Identifier: BSD-2-Clause */
#include "classic/classic.h"

#include <errno.h>
#include <getopt.h>

/* Before anything was changed, or after? */
static bool is_early(const struct vhd_error *err)
{
	switch (err->code) {
	case VHD_E_NOSPACE:
	case VHD_E_NOMEM:
		return false;
	case VHD_E_IO:
		return err->os_errno != EIO;
	default:
		return true;
	}
}

static int run(const struct classic_verb *verb, int argc, char **argv)
{
	const char *name = NULL, *journal = NULL;
	struct vhd_error err;
	int c;

	while ((c = getopt(argc, argv, "n:j:h")) != -1) {
		switch (c) {
		case 'n':
			name = optarg;
			break;
		case 'j':
			journal = optarg;
			break;
		case 'h':
			return classic_help(verb);
		default:
			return classic_usage(verb);
		}
	}
	if (!name || !journal || !classic_no_operands(argc))
		return classic_usage(verb);
	if (!vhd_xen_revert(name, journal, NULL, &err))
		return 0;
	printf("%s journal failed: %d\n",
	       is_early(&err) ? "opening" : "reverting",
	       -classic_status(&err));
	return classic_status(&err);
}

const struct classic_verb classic_revert = {
	.name = "revert",
	.usage = "-n NAME -j JOURNAL",
	.options = "  -n NAME     the image\n"
		"  -j JOURNAL  what the interrupted \"resize -j\" has left\n",
	.help_status = 22,
	.run = run,
};
