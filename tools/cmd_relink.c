/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "cli_open.h"
#include "cmds.h"
#include "errors.h"
#include "json.h"
#include "steps.h"

enum { OPT_SEARCH = 1, OPT_DRY_RUN, OPT_JSON };

static const struct poptOption relink_opts[] = {
	CLI_OPT_ARG("search", OPT_SEARCH, "Look for parents in DIR too, and in "
		    "all folders below it (repeatable)", "DIR"),
	CLI_OPT("dry-run", OPT_DRY_RUN, "Say what would be done, and change "
		"nothing"),
	CLI_OPT("json", OPT_JSON, "Report the result as JSON"),
	CLI_OPT_END
};

struct relink_job {
	struct cli *cli;
	struct cli_open open;
	struct steps steps;
	struct json_writer out;
	const char **dirs;
	size_t dir_count;
	uint32_t flags;
	bool json;
};

static int relink_option(struct cli *cli, int val, const char *text, void *arg)
{
	struct relink_job *j = arg;

	switch (val) {
	case OPT_SEARCH:
		if (text[0] == '\0')
			return cli_usage(cli, "--search: the name is empty");
		j->dirs[j->dir_count++] = text;
		break;
	case OPT_DRY_RUN:
		j->flags |= VHD_CHANGE_DRY_RUN;
		break;
	default:
		j->json = true;
		break;
	}
	return CLI_GO;
}

static void report(struct relink_job *j, const char *path, bool changed,
		   const struct vhd_error *err)
{
	json_t *object = json_object();

	json_put(object, "image", json_text(path));
	json_put(object, "changed", json_boolean(changed));
	json_put(object, "steps", steps_take(&j->steps));
	json_put(object, "error", err != NULL ? json_error_object(err)
					      : json_null());
	json_value(&j->out, object);
}

static int relink_one(struct relink_job *j, const char *path)
{
	struct vhd_error err = { .code = VHD_OK };
	bool changed = false;
	int rc = vhd_relink(path, j->dirs, j->flags, &j->open.opts, steps_note,
			    &j->steps, &changed, &err);

	if (j->json)
		report(j, path, changed, rc != 0 ? &err : NULL);
	return rc != 0 ? error_report(j->cli, &err, path) : CLI_OK;
}

static int relink(struct relink_job *j)
{
	int status = CLI_OK;

	steps_init(&j->steps, j->json);
	if (j->json) {
		json_begin(&j->out, stdout);
		json_open(&j->out, '{');
		json_key(&j->out, "dry_run");
		json_value(&j->out,
			   json_boolean(j->flags & VHD_CHANGE_DRY_RUN));
		json_key(&j->out, "images");
		json_open(&j->out, '[');
	}
	for (size_t i = 0; i < cli_operands(j->cli); i++) {
		if (relink_one(j, cli_operand(j->cli, i)) != CLI_OK)
			status = CLI_FAILED;
	}
	if (j->json) {
		json_close(&j->out, ']');
		json_close(&j->out, '}');
		if (!json_end(&j->out))
			status = CLI_FAILED;
	}
	return status;
}

static int relink_run(struct cli *cli)
{
	struct relink_job j = { .cli = cli };
	int status = cli_open_init(&j.open, cli);

	j.dirs = calloc(cli_max_options(cli) + 1, sizeof(*j.dirs));
	if (status == CLI_GO && j.dirs == NULL) {
		fputs("vhd-util: out of memory\n", stderr);
		status = CLI_FAILED;
	}
	if (status == CLI_GO)
		status = cli_parse(cli, relink_option, &j);
	if (status == CLI_GO)
		status = relink(&j);
	steps_free(&j.steps);
	free(j.dirs);
	cli_open_free(&j.open);
	return status;
}

const struct cmd cmd_relink = {
	.name = "relink",
	.summary = "find the parents of images that were moved",
	.usage = "[--search DIR]... [OPTION]... IMAGE...",
	.description =
"For each layer of each IMAGE's chain: if what it records does not lead to its\n"
"parent, that is looked for by its identity, whatever it is called now: beside\n"
"the layer, and in each DIR and the folders below it. Then the place is recorded.\n"
"No disk changes, and parents are only read. A file with another identity is\n"
"never taken: for that there is rebase --unsafe.\n"
"\n"
"Copies have one identity. The one whose name is recorded is meant then; when\n"
"that does not tell, nothing is done, and two of them are named.\n"
"\n"
"Nothing is written before all parents are found. When it is interrupted, each\n"
"layer has its old record or the new one, and the same command finishes.\n",
	.example =
"  vhd-util relink vm.avhdx\n"
"  vhd-util relink --search /srv/images *.avhdx\n",
	.opts = relink_opts,
	.min_operands = 1,
	.max_operands = 0,
	.run = relink_run,
};
