/* SPDX-License-Identifier: BSD-2-Clause */
#include "repair.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli_make.h"

enum {
	OPT_PLAN = 1, OPT_REPAIR, OPT_UNDO, OPT_ALLOW, OPT_DROP, OPT_PARENT,
	OPT_UNDO_FILE, OPT_SIZE, OPT_FORMAT, OPT_FORCE, OPT_JSON,
	OPT_NO_PROGRESS
};

const struct poptOption repair_opts[] = {
	CLI_OPT("plan", OPT_PLAN, "Say what would be done; write nothing (the "
		"default)"),
	CLI_OPT("repair", OPT_REPAIR, "Do it, after saving what is overwritten"),
	CLI_OPT_ARG("undo", OPT_UNDO, "Put back what the repair that made FILE "
		    "has overwritten", "FILE"),
	CLI_OPT_ARG("allow", OPT_ALLOW, "Consent to mending RULE, by its name "
		    "or id, or \"all\"; =CHOICE says how (repeatable, or "
		    "separated by commas)", "RULE[=CHOICE]"),
	CLI_OPT_ARG("drop-block", OPT_DROP, "Give up block N of the disk "
		    "(repeatable)", "N"),
	CLI_OPT_ARG("parent", OPT_PARENT, "Record FILE as the parent", "FILE"),
	CLI_OPT_ARG("undo-file", OPT_UNDO_FILE, "Save there what is overwritten "
		    "(default: IMAGE.undo)", "FILE"),
	CLI_OPT_ARG("size", OPT_SIZE, "Size of the disk, where the image no "
		    "longer tells", "SIZE"),
	CLI_OPT_ARG("format", OPT_FORMAT, "vhd or vhdx, where the image no "
		    "longer tells", "FORMAT"),
	CLI_OPT("force", OPT_FORCE, "With --undo: even if the image was changed "
		"since the repair"),
	CLI_OPT("json", OPT_JSON, "Report as JSON"),
	CLI_OPT("no-progress", OPT_NO_PROGRESS, "Draw no progress bar"),
	CLI_OPT_TABLE(cli_open_base_opts, "Opening:"),
	CLI_OPT_END
};

bool repair_applies(const struct repair_job *j)
{
	return j->opts.flags & VHD_REPAIR_APPLY;
}

/* "RULE=CHOICE,RULE,..." */
static int allow_option(struct repair_job *j, const char *text)
{
	size_t commas = 1;
	struct vhd_consent *grown;
	char *word = strdup(text);

	for (const char *p = text; *p != '\0'; p++)
		commas += *p == ',';
	grown = realloc(j->consents, (j->opts.consent_count + commas) *
				     sizeof(*grown));
	if (grown != NULL)
		j->consents = grown;
	if (word != NULL)
		j->words[j->word_count++] = word;
	if (grown == NULL || word == NULL) {
		fputs("vhd-util: out of memory\n", stderr);
		return CLI_FAILED;
	}
	for (char *next; word != NULL; word = next) {
		struct vhd_consent *c = &j->consents[j->opts.consent_count++];
		char *choice;

		next = strchr(word, ',');
		if (next != NULL)
			*next++ = '\0';
		choice = strchr(word, '=');
		if (choice != NULL)
			*choice++ = '\0';
		if (word[0] == '\0')
			return cli_usage(j->cli, "--allow: '%s' names no rule",
					 text);
		*c = (struct vhd_consent){ word, choice };
	}
	return CLI_GO;
}

static int drop_option(struct repair_job *j, const char *text)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0)
		return cli_usage(j->cli, "--drop-block: '%s' is not the number "
				 "of a block", text);
	j->drops[j->opts.drop_count++] = value;
	return CLI_GO;
}

static int format_option(struct repair_job *j, const char *text)
{
	int value = VHD_FORMAT_AUTO;
	int status = cli_value_name(j->cli, "format", text, cli_formats,
				    &value);

	j->open.opts.format = (enum vhd_format)value;
	return status;
}

int repair_option(struct cli *cli, int val, const char *text, void *arg)
{
	struct repair_job *j = arg;

	if (val >= CLI_OPEN_FIRST)
		return cli_open_option(&j->open, val, text);
	if (text != NULL && text[0] == '\0')
		return cli_usage(cli, "an option has an empty argument");
	switch (val) {
	case OPT_PLAN:
		j->plan = true;
		break;
	case OPT_REPAIR:
		j->opts.flags |= VHD_REPAIR_APPLY;
		break;
	case OPT_UNDO:
		j->undo = text;
		break;
	case OPT_ALLOW:
		return allow_option(j, text);
	case OPT_DROP:
		return drop_option(j, text);
	case OPT_PARENT:
		j->opts.parent = text;
		break;
	case OPT_UNDO_FILE:
		j->opts.undo = text;
		break;
	case OPT_SIZE:
		return cli_value_size(cli, "size", text, &j->opts.disk_size);
	case OPT_FORMAT:
		return format_option(j, text);
	case OPT_FORCE:
		j->force = true;
		break;
	case OPT_JSON:
		j->json = true;
		break;
	default:
		j->no_progress = true;
		break;
	}
	return CLI_GO;
}

int repair_check_usage(struct repair_job *j)
{
	size_t operands = cli_operands(j->cli);
	int modes = (j->plan ? 1 : 0) + (repair_applies(j) ? 1 : 0) +
		    (j->undo != NULL ? 1 : 0);

	if (modes > 1)
		return cli_usage(j->cli, "--plan, --repair and --undo exclude "
				 "each other");
	if (j->undo == NULL && operands == 0)
		return cli_usage(j->cli, "an image is missing");
	if (j->undo == NULL && j->force)
		return cli_usage(j->cli, "--force goes with --undo only");
	if (j->undo != NULL && (j->opts.consent_count > 0 ||
				j->opts.drop_count > 0 ||
				j->opts.parent != NULL ||
				j->opts.undo != NULL ||
				j->opts.disk_size != 0))
		return cli_usage(j->cli, "--undo goes with --force and --json "
				 "only");
	if (repair_applies(j) && (j->open.opts.flags & VHD_OPEN_NO_LOCK))
		return cli_usage(j->cli, "--no-lock does not go with --repair");
	return CLI_GO;
}
