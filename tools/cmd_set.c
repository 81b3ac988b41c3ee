/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "cli_open.h"
#include "cmds.h"
#include "errors.h"
#include "json.h"
#include "common/size.h"
#include "common/text.h"

enum {
	OPT_ID = 1, OPT_PHYSICAL, OPT_CREATOR, OPT_PARENT, OPT_HIDDEN,
	OPT_SAVED, OPT_ORIGINAL, OPT_TIMESTAMP, OPT_ORPHAN, OPT_DRY_RUN,
	OPT_JSON
};

static const struct poptOption what_opts[] = {
	CLI_OPT_ARG("id", OPT_ID,
		    "The id of the disk (VHDX), the unique id (VHD); new: a "
		    "fresh one", "GUID|new"),
	CLI_OPT_ARG("physical-sector", OPT_PHYSICAL,
		    "Bytes of a physical sector: 512 or 4096 (VHDX)", "N"),
	CLI_OPT_ARG("creator", OPT_CREATOR,
		    "Who made it; 4 letters in a VHD, which QEMU goes by",
		    "TEXT"),
	CLI_OPT_ARG("parent", OPT_PARENT,
		    "Record FILE as the parent, and copy nothing, as rebase "
		    "--unsafe", "FILE"),
	CLI_OPT_ARG("hidden", OPT_HIDDEN, "Xen's marker (VHD)", "yes|no"),
	CLI_OPT_ARG("saved-state", OPT_SAVED,
		    "A machine's state was saved with the disk (VHD)",
		    "yes|no"),
	CLI_OPT_ARG("original-size", OPT_ORIGINAL,
		    "The size that the disk had at first (VHD)", "SIZE"),
	CLI_OPT_ARG("timestamp", OPT_TIMESTAMP,
		    "When it was made, seconds since 1970 (VHD)", "SECONDS"),
	POPT_TABLEEND
};

static const struct poptOption set_opts[] = {
	CLI_OPT_TABLE(what_opts, "What:"),
	CLI_OPT("orphan", OPT_ORPHAN,
		"Although the image has children, which become worthless"),
	CLI_OPT("dry-run", OPT_DRY_RUN,
		"Say what would be done, and change nothing"),
	CLI_OPT("json", OPT_JSON, "Report the result as JSON"),
	CLI_OPT_TABLE(cli_open_where_opts, "Opening:"),
	CLI_OPT_END
};

enum { TEXT_LEN = 1024, FIELDS = 8 };

/* What is shown of an image, each as text; an empty one is not there. */
struct view {
	char text[FIELDS][TEXT_LEN];
};

/* In the order of struct view. */
static const struct {
	const char *key;
	const char *title;
} fields[FIELDS] = {
	{ "id", "id" },
	{ "physical_sector", "physical sector" },
	{ "creator", "creator" },
	{ "parent", "parent" },
	{ "hidden", "hidden" },
	{ "saved_state", "saved state" },
	{ "original_size", "original size" },
	{ "timestamp", "time stamp" },
};
enum {
	FIELD_ID, FIELD_PHYSICAL, FIELD_CREATOR, FIELD_PARENT, FIELD_HIDDEN,
	FIELD_SAVED, FIELD_ORIGINAL, FIELD_TIMESTAMP
};

/**
 * struct set_job - one run of the verb
 *
 * @attrs:  the wish
 * @parent: a new one, or NULL
 * @vhd:    the image is one, and no VHDX
 */
struct set_job {
	struct cli *cli;
	struct cli_open open;
	const char *path;
	struct vhd_attrs attrs;
	const char *parent;
	bool orphan, dry_run, json;
	bool vhd;
	struct view before, after;
};

/* A GUID of version 4. */
static int new_id(struct set_job *j, struct vhd_guid *out)
{
	if (getrandom(out->b, sizeof(out->b), 0) != (ssize_t)sizeof(out->b))
		return error_say(j->cli, NULL, NULL, "no random numbers: %s",
				 strerror(errno));
	out->b[6] = (uint8_t)((out->b[6] & 0x0f) | 0x40);
	out->b[8] = (uint8_t)((out->b[8] & 0x3f) | 0x80);
	return CLI_GO;
}

static int take_id(struct set_job *j, const char *text)
{
	j->attrs.mask |= VHD_ATTR_ID;
	if (strcmp(text, "new") == 0)
		return new_id(j, &j->attrs.id);
	return cli_value_guid(j->cli, "id", text, &j->attrs.id);
}

static int take_flag(struct set_job *j, const char *opt, uint32_t attr,
		     const char *text, uint8_t *out)
{
	static const struct cli_name names[] = {
		{ "yes", 1 }, { "no", 0 }, { NULL, 0 }
	};
	int value = 0, status;

	status = cli_value_name(j->cli, opt, text, names, &value);
	*out = (uint8_t)value;
	j->attrs.mask |= attr;
	return status;
}

static int take_seconds(struct set_job *j, const char *text)
{
	char *end;

	errno = 0;
	j->attrs.timestamp = strtoll(text, &end, 10);
	j->attrs.mask |= VHD_ATTR_TIMESTAMP;
	if (errno == 0 && end != text && *end == '\0')
		return CLI_GO;
	return cli_usage(j->cli, "--timestamp: '%s' is not a number of seconds",
			 text);
}

static int set_option(struct cli *cli, int val, const char *text, void *arg)
{
	struct set_job *j = arg;

	if (val >= CLI_OPEN_FIRST)
		return cli_open_option(&j->open, val, text);
	switch (val) {
	case OPT_ID:
		return take_id(j, text);
	case OPT_PHYSICAL:
		j->attrs.mask |= VHD_ATTR_PHYSICAL_SECTOR;
		return cli_value_sector(cli, "physical-sector", text,
					&j->attrs.physical_sector);
	case OPT_CREATOR:
		j->attrs.mask |= VHD_ATTR_CREATOR;
		j->attrs.creator = text;
		return CLI_GO;
	case OPT_PARENT:
		j->parent = text;
		return text[0] != '\0' ? CLI_GO :
			cli_usage(cli, "--parent: the name is empty");
	case OPT_HIDDEN:
		return take_flag(j, "hidden", VHD_ATTR_HIDDEN, text,
				 &j->attrs.hidden);
	case OPT_SAVED:
		return take_flag(j, "saved-state", VHD_ATTR_SAVED_STATE, text,
				 &j->attrs.saved_state);
	case OPT_ORIGINAL:
		j->attrs.mask |= VHD_ATTR_ORIGINAL_SIZE;
		return cli_value_size(cli, "original-size", text,
				      &j->attrs.original_size);
	case OPT_TIMESTAMP:
		return take_seconds(j, text);
	case OPT_ORPHAN:
		j->orphan = true;
		return CLI_GO;
	case OPT_DRY_RUN:
		j->dry_run = true;
		return CLI_GO;
	default:
		j->json = true;
		return CLI_GO;
	}
}

static void put(struct view *v, size_t field, const char *text)
{
	snprintf(v->text[field], TEXT_LEN, "%s", text);
}

static void put_vhd(struct view *v, const struct vhd_info *info)
{
	char id[VHD_GUID_TEXT], size[SIZE_TEXT];

	vhd_guid_format(&info->vhd.unique_id, id);
	put(v, FIELD_ID, id);
	put(v, FIELD_CREATOR, info->vhd.creator_app);
	put(v, FIELD_HIDDEN, info->vhd.hidden ? "yes" : "no");
	put(v, FIELD_SAVED, info->vhd.saved_state ? "yes" : "no");
	put(v, FIELD_ORIGINAL, size_format(info->vhd.original_size, size));
	snprintf(v->text[FIELD_TIMESTAMP], TEXT_LEN, "%" PRId64,
		 info->vhd.timestamp);
}

static void put_vhdx(struct view *v, const struct vhd_info *info)
{
	char id[VHD_GUID_TEXT];

	vhd_guid_format(&info->vhdx.disk_id, id);
	put(v, FIELD_ID, id);
	put(v, FIELD_CREATOR, info->vhdx.creator);
	snprintf(v->text[FIELD_PHYSICAL], TEXT_LEN, "%" PRIu32,
		 info->physical_sector);
}

/* What the headers say at present. */
static int look(struct set_job *j, struct view *v)
{
	struct vhd_open_opts opts = j->open.opts;
	struct vhd_info info = { .size = sizeof(info) };
	struct vhd_error err = { .code = VHD_OK };
	struct vhd_image *img = NULL;
	struct vhd_locator loc;

	opts.flags |= VHD_OPEN_NO_PARENT;
	opts.log = NULL;
	if (vhd_open(j->path, &opts, &img, &err) != 0 ||
	    vhd_layer_info(img, 0, &info, &err) != 0) {
		vhd_close(&img, NULL);
		return error_report(j->cli, &err, j->path);
	}
	j->vhd = info.format == VHD_FORMAT_VHD;
	if (j->vhd)
		put_vhd(v, &info);
	else
		put_vhdx(v, &info);
	if (vhd_layer_locators(img, 0, &loc, 1) > 0)
		put(v, FIELD_PARENT, loc.text);
	vhd_close(&img, NULL);
	return CLI_GO;
}

/* What they would say. */
static void foresee(struct set_job *j)
{
	const struct vhd_attrs *a = &j->attrs;
	char text[VHD_GUID_TEXT], size[SIZE_TEXT];
	struct view *v = &j->after;

	*v = j->before;
	vhd_guid_format(&a->id, text);
	if (a->mask & VHD_ATTR_ID)
		put(v, FIELD_ID, text);
	if (a->mask & VHD_ATTR_PHYSICAL_SECTOR)
		snprintf(v->text[FIELD_PHYSICAL], TEXT_LEN, "%" PRIu32,
			 a->physical_sector);
	/* A VHD's has four letters, or ends with a zero. */
	if (a->mask & VHD_ATTR_CREATOR)
		snprintf(v->text[FIELD_CREATOR], TEXT_LEN,
			 j->vhd && strcmp(a->creator, "tap") != 0 ?
			 "%-4s" : "%s", a->creator);
	if (j->parent != NULL)
		put(v, FIELD_PARENT, j->parent);
	if (a->mask & VHD_ATTR_HIDDEN)
		put(v, FIELD_HIDDEN, a->hidden ? "yes" : "no");
	if (a->mask & VHD_ATTR_SAVED_STATE)
		put(v, FIELD_SAVED, a->saved_state ? "yes" : "no");
	if (a->mask & VHD_ATTR_ORIGINAL_SIZE)
		put(v, FIELD_ORIGINAL, size_format(a->original_size, size));
	if (a->mask & VHD_ATTR_TIMESTAMP)
		snprintf(v->text[FIELD_TIMESTAMP], TEXT_LEN, "%" PRId64,
			 a->timestamp);
}

/* All of the wish, or what would be refused of it. */
static int change(struct set_job *j, bool dry_run)
{
	struct vhd_rebase_opts rebase = VHD_REBASE_OPTS_INIT;
	struct vhd_error err = { .code = VHD_OK };
	uint32_t flags = (j->orphan ? VHD_CHANGE_ORPHAN : 0) |
			 (dry_run ? VHD_CHANGE_DRY_RUN : 0);

	rebase.flags = VHD_REBASE_UNSAFE | (flags & VHD_CHANGE_DRY_RUN);
	rebase.open = &j->open.opts;
	if (j->attrs.mask != 0 &&
	    vhd_set(j->path, &j->attrs, flags, &j->open.opts, &err) != 0)
		return error_report(j->cli, &err, j->path);
	if (j->parent != NULL &&
	    vhd_rebase(j->path, j->parent, &rebase, NULL, &err) != 0)
		return error_report(j->cli, &err, j->path);
	return CLI_GO;
}

static bool differs(const struct set_job *j, size_t i)
{
	return strcmp(j->before.text[i], j->after.text[i]) != 0;
}

static int report_json(const struct set_job *j)
{
	json_t *o = json_object(), *list = json_array();

	for (size_t i = 0; i < FIELDS; i++) {
		json_t *c;

		if (!differs(j, i))
			continue;
		c = json_object();
		json_put(c, "field", json_string(fields[i].key));
		json_put(c, "before", json_text(j->before.text[i]));
		json_put(c, "after", json_text(j->after.text[i]));
		json_array_append_new(list, c);
	}
	json_put(o, "image", json_text(j->path));
	json_put(o, "dry_run", json_boolean(j->dry_run));
	json_put(o, "changes", list);
	return json_print(j->cli, o);
}

static int report(const struct set_job *j)
{
	size_t count = 0;

	if (j->json)
		return report_json(j);
	for (size_t i = 0; i < FIELDS; i++) {
		if (!differs(j, i))
			continue;
		count++;
		text_put(stdout, j->path);
		printf(": %s%s: \"", fields[i].title,
		       j->dry_run ? " would change" : "");
		text_put(stdout, j->before.text[i]);
		fputs("\" -> \"", stdout);
		text_put(stdout, j->after.text[i]);
		fputs("\"\n", stdout);
	}
	if (count == 0) {
		text_put(stdout, j->path);
		puts(": is as you want it already, nothing was changed");
	}
	return CLI_OK;
}

static int set(struct set_job *j)
{
	int status;

	j->path = cli_operand(j->cli, 0);
	if (j->attrs.mask == 0 && j->parent == NULL)
		return cli_usage(j->cli, "nothing is to be set; what can be: "
				 "--id, --creator, --parent, ...");
	status = look(j, &j->before);
	/* What is odd about the image is not what was asked for. */
	j->open.opts.log = NULL;
	/* A parent that cannot be is no reason to change the rest. */
	if (status == CLI_GO && (j->dry_run || j->parent != NULL))
		status = change(j, true);
	if (status == CLI_GO && !j->dry_run)
		status = change(j, false);
	if (status == CLI_GO && j->dry_run)
		foresee(j);
	else if (status == CLI_GO)
		status = look(j, &j->after);
	return status == CLI_GO ? report(j) : status;
}

static int set_run(struct cli *cli)
{
	static const struct vhd_attrs none = VHD_ATTRS_INIT;
	struct set_job *j = calloc(1, sizeof(*j));
	int status;

	if (j == NULL) {
		fputs("vhd-util: out of memory\n", stderr);
		return CLI_FAILED;
	}
	j->cli = cli;
	j->attrs = none;
	status = cli_open_init(&j->open, cli);
	if (status == CLI_GO)
		status = cli_parse(cli, set_option, j);
	if (status == CLI_GO)
		status = set(j);
	cli_open_free(&j->open);
	free(j);
	return status;
}

const struct cmd cmd_set = {
	.name = "set",
	.summary = "change what the headers of an image say",
	.usage = "[OPTION]... IMAGE",
	.description =
"Changes fields of the headers, in place, and shows them before and after. The\n"
"bytes of the disk stay as they are.\n"
"\n"
"A copy of an image has the id of the original, which some programs do not like\n"
"to meet twice: --id new gives it one of its own. The children of a VHD know it\n"
"by that id, those of a VHDX have it in common with it and notice every change\n"
"that a guest could see: an image that has children next to it is refused,\n"
"unless --orphan gives them up. --creator \"win \" makes QEMU show all of a VHD\n"
"instead of what its geometry says.\n"
"\n"
"When it is interrupted at any moment, the image opens, and each field has its\n"
"old value or its new one; the same command finishes the work.\n",
	.example =
"  vhd-util set --id new copy.vhdx\n"
"  vhd-util set --physical-sector 4096 disk.vhdx\n"
"  vhd-util set --creator \"win \" --saved-state no old.vhd\n"
"  vhd-util set --dry-run --parent /srv/base.vhdx child.vhdx\n",
	.opts = set_opts,
	.min_operands = 1,
	.max_operands = 1,
	.run = set_run,
};
