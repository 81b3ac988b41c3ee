/* SPDX-License-Identifier: BSD-2-Clause */
#include "classic/classic.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

static bool field_of(const char *text, uint32_t *attr_out)
{
	if (strcmp(text, "hidden") == 0)
		*attr_out = VHD_ATTR_HIDDEN;
	else if (strcmp(text, "marker") == 0)
		*attr_out = VHD_ATTR_MARKER;
	else
		return false;
	return true;
}

static int set(const char *name, uint32_t attr, uint8_t value)
{
	struct vhd_attrs attrs = VHD_ATTRS_INIT;
	struct vhd_error err;

	attrs.mask = attr;
	attrs.hidden = value;
	attrs.marker = value;
	if (vhd_set(name, &attrs, 0, &classic_change_opts, &err))
		return classic_open_error(name, &err);
	return 0;
}

static int run(const struct classic_verb *verb, int argc, char **argv)
{
	const char *name = NULL, *field = NULL, *text = NULL;
	uint32_t attr;
	uint64_t value;
	int c;

	while ((c = getopt(argc, argv, "n:f:v:h")) != -1) {
		switch (c) {
		case 'n': name = optarg; break;
		case 'f': field = optarg; break;
		case 'v': text = optarg; break;
		case 'h': return classic_help(verb);
		default: return classic_usage(verb);
		}
	}
	if (!name || !field || !text || !classic_no_operands(argc))
		return classic_usage(verb);
	if (!field_of(field, &attr)) {
		printf("invalid field %s\n", field);
		return EINVAL;
	}
	if (!classic_number(text, UINT8_MAX, &value)) {
		printf("invalid value %s\n", text);
		return EINVAL;
	}
	return set(name, attr, (uint8_t)value);
}

const struct classic_verb classic_set = {
	.name = "set",
	.usage = "-n NAME -f hidden|marker -v VALUE",
	.options = "  -n NAME   the image\n"
		"  -f FIELD  hidden or marker\n"
		"  -v VALUE  0 to 255\n",
	.help_status = 22,
	.run = run,
};
