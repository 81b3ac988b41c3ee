/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keys of the command line.  What can be judged without looking at a file is
 * judged here.  Names become absolute at once, because nbdkit goes to another
 * directory later; they are not resolved further, so that an image is found
 * beside its parents just as vhd-util finds it.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api.h"
#include "fail.h"

const char config_help[] =
	"[file=]FILE            (required) The VHD or VHDX image to serve.\n"
	"parent=FILE            Use FILE as parent instead of looking for it;\n"
	"                       again for the parent's parent, and so on.\n"
	"parent-dir=DIR         Parents may lie below DIR too (repeatable).\n"
	"any-parent-dir=BOOL    Parents may lie anywhere: for trusted images.\n"
	"ignore-parent-id=BOOL  Use a parent although it is not the recorded one.\n"
	"format=FORMAT          auto (default), vhd, vhdx or raw.\n"
	"layer=N                Serve, read-only, what layer N of the chain shows;\n"
	"                       0 is the base.\n"
	"layers=BOOL            Let clients ask for layers: layer0, layer1 ...\n"
	"partition=N            Serve this partition only.\n"
	"write-parent=BOOL      Allow writing to an image that has children.";

static int take_path(const char *value, char **out)
{
	*out = nbdkit_absolute_path(value);
	return *out != NULL ? 0 : -1;
}

static int list_add(struct config_list *list, const char *value)
{
	size_t room = (list->count + 2) * sizeof(*list->items);
	char **items = realloc(list->items, room);

	if (items == NULL)
		return fail_text(ENOMEM, "out of memory");
	list->items = items;
	items[list->count] = NULL;
	items[list->count + 1] = NULL;
	if (take_path(value, &items[list->count]))
		return -1;
	list->count++;
	return 0;
}

/* nbdkit's own parser would say a sentence of its own. */
static int take_bool(const char *key, const char *value, bool *out)
{
	static const char *const words[][2] = {
		{ "no", "yes" }, { "false", "true" }, { "off", "on" },
		{ "0", "1" }, { "n", "y" }, { "f", "t" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		for (size_t on = 0; on < 2; on++) {
			if (strcasecmp(value, words[i][on]) != 0)
				continue;
			*out = on;
			return 0;
		}
	}
	return fail_text(EINVAL, "%s=%s: say yes or no", key, value);
}

static int take_flag(struct config *cfg, const char *key, const char *value,
		     uint32_t flag)
{
	bool on = false;

	if (take_bool(key, value, &on))
		return -1;
	cfg->flags |= on ? flag : 0;
	return 0;
}

/* A plain decimal number; nbdkit's own parser takes signs and other bases. */
static int take_number(const char *key, const char *value, uint32_t min,
		       uint32_t *out)
{
	uint64_t number = 0;
	const char *p = value;

	while (*p >= '0' && *p <= '9' && number <= UINT32_MAX)
		number = number * 10 + (uint64_t)(*p++ - '0');
	if (p == value || *p != '\0' || number > UINT32_MAX || number < min)
		return fail_text(EINVAL, "%s=%s: this is not the number of "
				   "a %s, which count from %u", key, value, key,
				   (unsigned int)min);
	*out = (uint32_t)number;
	return 0;
}

static int take_file(struct config *cfg, const char *key, const char *value)
{
	(void)key;
	return take_path(value, &cfg->file);
}

static int take_parent(struct config *cfg, const char *key, const char *value)
{
	(void)key;
	return list_add(&cfg->parents, value);
}

static int take_parent_dir(struct config *cfg, const char *key,
			   const char *value)
{
	(void)key;
	return list_add(&cfg->parent_dirs, value);
}

static int take_any_dir(struct config *cfg, const char *key, const char *value)
{
	return take_flag(cfg, key, value, VHD_OPEN_ANY_PARENT_DIR);
}

static int take_ignore_id(struct config *cfg, const char *key,
			  const char *value)
{
	return take_flag(cfg, key, value, VHD_OPEN_IGNORE_PARENT_ID);
}

static int take_format(struct config *cfg, const char *key, const char *value)
{
	static const enum vhd_format known[] = {
		VHD_FORMAT_RAW, VHD_FORMAT_VHD, VHD_FORMAT_VHDX
	};

	if (strcmp(value, "auto") == 0)
		return 0;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(value, vhd_format_name(known[i])) == 0) {
			cfg->format = known[i];
			return 0;
		}
	}
	return fail_text(EINVAL, "%s=%s: the format is auto, vhd, vhdx or "
			   "raw", key, value);
}

static int take_layer(struct config *cfg, const char *key, const char *value)
{
	cfg->has_layer = true;
	return take_number(key, value, 0, &cfg->layer);
}

static int take_partition(struct config *cfg, const char *key,
			  const char *value)
{
	return take_number(key, value, 1, &cfg->partition);
}

static int take_write_parent(struct config *cfg, const char *key,
			     const char *value)
{
	return take_bool(key, value, &cfg->write_parent);
}

static int take_layers(struct config *cfg, const char *key, const char *value)
{
	return take_bool(key, value, &cfg->layers);
}

static const struct {
	const char *name;
	bool repeats;
	int (*take)(struct config *cfg, const char *key, const char *value);
} keys[] = {
	{ "file", false, take_file },
	{ "parent", true, take_parent },
	{ "parent-dir", true, take_parent_dir },
	{ "any-parent-dir", false, take_any_dir },
	{ "ignore-parent-id", false, take_ignore_id },
	{ "format", false, take_format },
	{ "layer", false, take_layer },
	{ "layers", false, take_layers },
	{ "partition", false, take_partition },
	{ "write-parent", false, take_write_parent },
};

int config_key(struct config *cfg, const char *key, const char *value)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(key, keys[i].name) != 0)
			continue;
		if (!keys[i].repeats && cfg->seen & 1U << i)
			return fail_text(EINVAL, "%s= was given twice", key);
		if (value[0] == '\0')
			return fail_text(EINVAL, "%s= needs a value", key);
		cfg->seen |= 1U << i;
		return keys[i].take(cfg, key, value);
	}
	return fail_text(EINVAL, "there is no key '%s'; 'nbdkit vhd --help' "
			   "lists them", key);
}

int config_done(const struct config *cfg)
{
	if (cfg->file == NULL)
		return fail_text(EINVAL, "which image? Name it: nbdkit vhd "
				   "disk.vhdx");
	return 0;
}

static void list_free(struct config_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
}

void config_free(struct config *cfg)
{
	free(cfg->file);
	list_free(&cfg->parents);
	list_free(&cfg->parent_dirs);
	memset(cfg, 0, sizeof(*cfg));
}
