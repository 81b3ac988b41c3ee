/* SPDX-License-Identifier: BSD-2-Clause */
#include "names.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void name_print(const struct name *name, char text[NAME_TEXT])
{
	switch (name->kind) {
	case NAME_DISK:
		snprintf(text, NAME_TEXT, "disk");
		break;
	case NAME_PARTITION:
		snprintf(text, NAME_TEXT, "p%" PRIu32, name->number);
		break;
	case NAME_LAYER:
		snprintf(text, NAME_TEXT, "layer%" PRIu32, name->number);
		break;
	}
}

struct name name_default(const struct config *cfg)
{
	struct name name = { .kind = NAME_DISK };

	if (cfg->partition) {
		name.kind = NAME_PARTITION;
		name.number = cfg->partition;
	}
	return name;
}

static bool parse_number(const char *text, uint32_t *out)
{
	uint32_t number = 0;

	/* One way to write it: no sign, no leading zero, at most 9 digits. */
	if (text[0] == '\0' || strlen(text) > 9 ||
	    (text[0] == '0' && text[1] != '\0'))
		return false;
	for (; *text >= '0' && *text <= '9'; text++)
		number = number * 10 + (uint32_t)(*text - '0');
	*out = number;
	return *text == '\0';
}

static bool parse(const char *text, struct name *out)
{
	out->number = 0;
	if (strcmp(text, "disk") == 0) {
		out->kind = NAME_DISK;
		return true;
	}
	if (strncmp(text, "layer", 5) == 0) {
		out->kind = NAME_LAYER;
		return parse_number(text + 5, &out->number);
	}
	out->kind = NAME_PARTITION;
	return text[0] == 'p' && parse_number(text + 1, &out->number);
}

bool name_find(const struct config *cfg, const char *text,
	       struct name *name_out)
{
	struct name name = name_default(cfg);

	if (text[0] != '\0' && !parse(text, &name))
		return false;
	/* partition= and layer= narrow what is served. */
	if (cfg->partition && (name.kind != NAME_PARTITION ||
			       name.number != cfg->partition))
		return false;
	/* What a child hides of its parent, a client is not to see unasked. */
	if (name.kind == NAME_LAYER && (cfg->has_layer || !cfg->layers))
		return false;
	*name_out = name;
	return true;
}
