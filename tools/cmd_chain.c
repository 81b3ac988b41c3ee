/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <time.h>

#include "chain_tree.h"
#include "cli.h"
#include "cmds.h"
#include "errors.h"
#include "json.h"

enum { OPT_JSON = 1 };

static const struct poptOption chain_opts[] = {
	CLI_OPT("json", OPT_JSON, "Report as JSON"),
	CLI_OPT_END
};

static int chain_option(struct cli *cli, int val, const char *text, void *arg)
{
	bool *json = arg;

	(void)cli;
	(void)val;
	(void)text;
	*json = true;
	return CLI_GO;
}

static json_t *member_object(const struct vhd_family *fam,
			     const struct vhd_member *m)
{
	const struct vhd_info *i = &m->info;
	bool known = i->format != VHD_FORMAT_AUTO;
	json_t *o = json_object();

	json_put(o, "file", json_text(m->path));
	json_put(o, "format", known ? json_text(vhd_format_name(i->format))
				    : json_null());
	json_put(o, "type", known ? json_text(vhd_type_name(i->type))
				  : json_null());
	json_put(o, "virtual_size", known ? json_u64(i->virtual_size)
					  : json_null());
	json_put(o, "file_size", known ? json_u64(i->file_size) : json_null());
	json_put(o, "disk_usage", known ? json_u64(i->disk_usage)
					: json_null());
	json_put(o, "id", known ? json_guid(&i->id) : json_null());
	json_put(o, "modified", known ? json_integer(m->mtime) : json_null());
	json_put(o, "hidden", i->format == VHD_FORMAT_VHD ?
		 json_boolean(i->vhd.hidden) : json_null());
	json_put(o, "has_parent", known ? json_boolean(i->has_parent)
					: json_null());
	json_put(o, "parent", m->parent >= 0 ?
		 json_text(vhd_family_get(fam, (size_t)m->parent)->path) :
		 json_null());
	json_put(o, "recorded", m->parent_path != NULL ?
		 json_text(m->parent_path) : json_null());
	json_put(o, "problem", m->why != NULL ? json_text(m->why)
					      : json_null());
	return o;
}

static int print_json(const struct vhd_family *fam, size_t problems)
{
	struct json_writer w;

	json_begin(&w, stdout);
	json_open(&w, '{');
	json_key(&w, "images");
	json_open(&w, '[');
	for (size_t i = 0; i < vhd_family_count(fam); i++)
		json_value(&w, member_object(fam, vhd_family_get(fam, i)));
	json_close(&w, ']');
	json_key(&w, "problems");
	json_value(&w, json_u64(problems));
	json_close(&w, '}');
	return json_end(&w) ? CLI_OK : CLI_FAILED;
}

static int print(const struct vhd_family *fam, bool json)
{
	size_t problems = 0;
	int status = CLI_OK;

	for (size_t i = 0; i < vhd_family_count(fam); i++)
		problems += vhd_family_get(fam, i)->why != NULL;
	if (json) {
		status = print_json(fam, problems);
	} else if (!chain_tree_print(fam, (int64_t)time(NULL))) {
		fputs("vhd-util: out of memory\n", stderr);
		status = CLI_FAILED;
	}
	return status == CLI_OK && problems > 0 ? CLI_PROBLEMS : status;
}

static int chain(struct cli *cli, bool json)
{
	size_t count = cli_operands(cli);
	const char **paths = calloc(count + 2, sizeof(*paths));
	struct vhd_error err = { .code = VHD_OK };
	struct vhd_family *fam = NULL;
	int status;

	if (paths == NULL) {
		fputs("vhd-util: out of memory\n", stderr);
		return CLI_FAILED;
	}
	paths[0] = ".";
	for (size_t i = 0; i < count; i++)
		paths[i] = cli_operand(cli, i);
	if (vhd_family_scan(paths, NULL, &fam, &err) != 0)
		status = error_report(cli, &err, NULL);
	else
		status = print(fam, json);
	vhd_family_free(&fam);
	free(paths);
	return status;
}

static int chain_run(struct cli *cli)
{
	bool json = false;
	int status = cli_parse(cli, chain_option, &json);

	return status == CLI_GO ? chain(cli, json) : status;
}

const struct cmd cmd_chain = {
	.name = "chain",
	.summary = "show who is whose child among the images of a folder",
	.usage = "[--json] [DIR | IMAGE]...",
	.description =
"Prints the images of each DIR as trees, children below their parents: type,\n"
"size of the disk, space that the file takes, and when it was last changed. An\n"
"IMAGE stands for the folder it is in; without any, it is the current one.\n"
"Parents that lie elsewhere are shown too. Folders below a DIR are not looked\n"
"at. Only headers are read, no lock is taken, and nothing is changed.\n"
"\n"
"A line with '!' says what is wrong: a file that cannot be read, a parent that\n"
"is missing or is not the recorded one, or one that was moved or renamed and is\n"
"recognised by its identity; vhd-util relink mends that.\n",
	.example =
"  vhd-util chain\n"
"  vhd-util chain --json /srv/images | jq '.images[] | select(.problem)'\n",
	.exits =
"Exit status: 0 all is well; 1 failed; 2 usage; 3 something is wrong with an\n"
"image.\n",
	.opts = chain_opts,
	.min_operands = 0,
	.max_operands = 0,
	.run = chain_run,
};
