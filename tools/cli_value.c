/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "cli.h"
#include "common/size.h"

int cli_value_size(struct cli *cli, const char *opt, const char *text,
		   uint64_t *value_out)
{
	if (size_parse(text, value_out))
		return CLI_GO;
	return cli_usage(cli, "--%s: '%s' is not a size such as 64G, 1.5M or "
			 "4096 (units are K, M, G and T: powers of 1024)", opt,
			 text);
}

int cli_value_sector(struct cli *cli, const char *opt, const char *text,
		     uint32_t *value_out)
{
	uint64_t value;

	if (!size_parse(text, &value) || (value != 512 && value != 4096))
		return cli_usage(cli, "--%s: '%s' is neither 512 nor 4096", opt,
				 text);
	*value_out = (uint32_t)value;
	return CLI_GO;
}

int cli_value_guid(struct cli *cli, const char *opt, const char *text,
		   struct vhd_guid *value_out)
{
	static const struct vhd_guid zero;
	struct vhd_guid guid;

	if (!vhd_guid_parse(text, &guid))
		return cli_usage(cli, "--%s: '%s' is not a GUID", opt, text);
	if (memcmp(&guid, &zero, sizeof(guid)) == 0)
		return cli_usage(cli, "--%s: a GUID of zeros names nothing",
				 opt);
	*value_out = guid;
	return CLI_GO;
}

int cli_value_count(struct cli *cli, const char *opt, const char *text,
		    uint64_t least, uint64_t most, uint64_t *value_out)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno != 0 || *end != '\0' || text[0] < '0' || text[0] > '9' ||
	    value < least || value > most)
		return cli_usage(cli, "--%s: '%s' is not a number from %" PRIu64
				 " to %" PRIu64, opt, text, least, most);
	*value_out = value;
	return CLI_GO;
}

int cli_value_name(struct cli *cli, const char *opt, const char *text,
		   const struct cli_name *names, int *value_out)
{
	char list[256] = "";

	for (const struct cli_name *n = names; n->name != NULL; n++) {
		size_t len = strlen(list);

		if (strcasecmp(n->name, text) == 0) {
			*value_out = n->value;
			return CLI_GO;
		}
		snprintf(list + len, sizeof(list) - len, "%s%s",
			 len > 0 ? ", " : "", n->name);
	}
	return cli_usage(cli, "--%s: '%s' is none of %s", opt, text, list);
}
