/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli_make.h"

#include <errno.h>
#include <stdlib.h>

enum {
	OPT_FORMAT = CLI_MAKE_FORMAT,
	OPT_TYPE,
	OPT_SIZE,
	OPT_BLOCK_SIZE,
	OPT_LOGICAL,
	OPT_PHYSICAL,
	OPT_UUID,
	OPT_FOR,
	OPT_PREALLOCATE,
	OPT_FORCE,
	OPT_NO_SYNC,
	OPT_ORPHAN
};

const struct poptOption cli_make_base_opts[] = {
	CLI_OPT_ARG("size", OPT_SIZE, "Size of the disk, such as 64G", "SIZE"),
	/* -O is what users of other converters type; Xen's verbs leave it. */
	{ "format", 'O', POPT_ARG_STRING, NULL, OPT_FORMAT,
	  "vhd, vhdx or raw (default: by the file's extension)", "FORMAT" },
	CLI_OPT_ARG("type", OPT_TYPE,
		    "fixed or dynamic (default: dynamic, unless the format "
		    "or --for needs fixed)", "TYPE"),
	CLI_OPT_ARG("for", OPT_FOR,
		    "Meet the demands of azure, hyperv, xen, wsl or qemu (a "
		    "dynamic VHDX)", "TARGET"),
	CLI_OPT_ARG("block-size", OPT_BLOCK_SIZE,
		    "Size of a block of a dynamic image", "SIZE"),
	CLI_OPT_ARG("logical-sector", OPT_LOGICAL,
		    "512 or 4096 (VHDX only)", "BYTES"),
	CLI_OPT_ARG("physical-sector", OPT_PHYSICAL,
		    "512 or 4096 (VHDX only)", "BYTES"),
	CLI_OPT_ARG("uuid", OPT_UUID,
		    "Take GUID, and others made from it, instead of random "
		    "ones", "GUID"),
	CLI_OPT("preallocate", OPT_PREALLOCATE,
		"Reserve all space of the file now, leave no holes in it; for "
		"all of the disk: with --type fixed"),
	CLI_OPT("force", OPT_FORCE, "Replace a file that exists"),
	CLI_OPT("no-sync", OPT_NO_SYNC,
		"Do not wait until the file is safe on the disk"),
	POPT_TABLEEND
};

const struct poptOption cli_make_opts[] = {
	CLI_OPT_TABLE(cli_make_base_opts, NULL),
	CLI_OPT("orphan", OPT_ORPHAN,
		"With --force: although the old file has children, which "
		"become worthless"),
	POPT_TABLEEND
};

const struct cli_name cli_formats[] = {
	{ "vhd", VHD_FORMAT_VHD },
	{ "vhdx", VHD_FORMAT_VHDX },
	{ "raw", VHD_FORMAT_RAW },
	{ NULL, 0 }
};

static const struct cli_name types[] = {
	{ "fixed", VHD_TYPE_FIXED },
	{ "dynamic", VHD_TYPE_DYNAMIC },
	{ "differencing", VHD_TYPE_DIFF },
	{ NULL, 0 }
};

const struct cli_name cli_targets[] = {
	{ "azure", VHD_TARGET_AZURE },
	{ "hyperv", VHD_TARGET_HYPERV },
	{ "xen", VHD_TARGET_XEN },
	{ "wsl", VHD_TARGET_WSL },
	{ "qemu", VHD_TARGET_QEMU },
	{ NULL, 0 }
};

/* A size of 0 means "default" to the library, so it may not be given. */
static int some_size(struct cli *cli, const char *opt, const char *text,
		     uint64_t *value_out)
{
	uint64_t value = 0;
	int status = cli_value_size(cli, opt, text, &value);

	if (status != CLI_GO)
		return status;
	if (value == 0)
		return cli_usage(cli, "--%s: a size of 0 is not possible", opt);
	*value_out = value;
	return CLI_GO;
}

/* The options whose value is one of a few words. */
static int word_option(struct cli *cli, struct vhd_create_opts *make, int val,
		       const char *text)
{
	int value = 0, status;

	if (val == OPT_FORMAT) {
		status = cli_value_name(cli, "format", text, cli_formats,
					&value);
		make->format = (enum vhd_format)value;
	} else if (val == OPT_TYPE) {
		status = cli_value_name(cli, "type", text, types, &value);
		make->type = (enum vhd_type)value;
	} else {
		status = cli_value_name(cli, "for", text, cli_targets, &value);
		make->target = (enum vhd_target)value;
	}
	return status;
}

int cli_make_option(struct cli *cli, struct vhd_create_opts *make, int val,
		    const char *text)
{
	switch (val) {
	case OPT_SIZE:
		return some_size(cli, "size", text, &make->virtual_size);
	case OPT_BLOCK_SIZE:
		return some_size(cli, "block-size", text, &make->block_size);
	case OPT_LOGICAL:
		return cli_value_sector(cli, "logical-sector", text,
					&make->logical_sector);
	case OPT_PHYSICAL:
		return cli_value_sector(cli, "physical-sector", text,
					&make->physical_sector);
	case OPT_UUID:
		return cli_value_guid(cli, "uuid", text, &make->guid);
	case OPT_PREALLOCATE:
		make->flags |= VHD_CREATE_PREALLOCATE;
		return CLI_GO;
	case OPT_FORCE:
		make->flags |= VHD_CREATE_FORCE;
		return CLI_GO;
	case OPT_ORPHAN:
		make->flags |= VHD_CREATE_ORPHAN;
		return CLI_GO;
	case OPT_NO_SYNC:
		make->flags |= VHD_CREATE_NO_SYNC;
		return CLI_GO;
	default:
		return word_option(cli, make, val, text);
	}
}

int cli_make_timestamp(struct cli *cli, struct vhd_create_opts *make)
{
	const char *text = getenv("SOURCE_DATE_EPOCH");
	unsigned long long value;
	char *end;

	if (text == NULL || text[0] == '\0')
		return CLI_GO;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno != 0 || *end != '\0' || text[0] < '0' || text[0] > '9' ||
	    value > INT64_MAX)
		return cli_usage(cli, "SOURCE_DATE_EPOCH: '%s' is not a number "
				 "of seconds", text);
	/* To the library 0 means now; a second later is early enough. */
	make->timestamp = value > 0 ? (int64_t)value : 1;
	return CLI_GO;
}
