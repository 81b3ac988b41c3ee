/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmds.h"
#include "common/report.h"
#include "common/text.h"
#include "errors.h"
#include "findings.h"
#include "json.h"
#include "progress.h"
#include "repair.h"
#include "sigint.h"

static void on_step(void *arg, const struct vhd_repair_step *step)
{
	struct repair_job *j = arg;

	if (j->json)
		json_value(&j->json_out, repair_step_object(step));
	else if (step->granted)
		repair_list_add(&j->steps, step->rule, step->off, step->msg);
	else
		repair_list_add_possible(&j->possible, step);
}

/* In JSON the findings follow when all steps are told. */
static void begin_findings(struct repair_job *j)
{
	if (!j->json || j->in_findings)
		return;
	j->in_findings = true;
	json_close(&j->json_out, ']');
	json_key(&j->json_out, "findings");
	json_open(&j->json_out, '[');
}

static void on_finding(void *arg, const struct vhd_finding *f)
{
	struct repair_job *j = arg;

	begin_findings(j);
	if (j->json)
		json_value(&j->json_out, finding_object(f));
	else if (f->rule->severity >= VHD_SEV_WARNING)
		repair_list_add(&j->findings, f->rule, f->off, f->msg);
}

static json_t *result_object(const struct repair_job *j,
			     const struct vhd_repair_result *r)
{
	json_t *object = json_object();

	json_put(object, "applied", json_boolean(r->applied));
	json_put(object, "steps", json_u64(r->steps));
	json_put(object, "possible", json_u64(r->possible));
	json_put(object, "bytes", json_u64(r->bytes));
	json_put(object, "more", json_boolean(r->more));
	json_put(object, "unfinished", json_boolean(r->unfinished));
	json_put(object, "undo", r->applied ? json_text(j->opts.undo) :
					      json_null());
	json_put(object, "after", findings_object(&r->after));
	return object;
}

/* A repair that fails when it has begun to write is the worst case. */
static void print_half(const struct repair_job *j, const char *path)
{
	fputs("hint: the image is half repaired; put it back with: vhd-util "
	      "repair --undo ", stderr);
	text_put_shell(stderr, j->opts.undo);
	fputc(' ', stderr);
	text_put_shell(stderr, path);
	fputc('\n', stderr);
}

/* The image may look sound, and yet be neither what it was nor mended. */
static void print_unfinished(const struct repair_job *j, const char *path)
{
	fflush(stdout);
	fputs("hint: ", stderr);
	text_put_shell(stderr, j->opts.undo);
	fputs(" is of a repair that was interrupted; take that back with: "
	      "vhd-util repair --undo ", stderr);
	text_put_shell(stderr, j->opts.undo);
	fputc(' ', stderr);
	text_put_shell(stderr, path);
	fputs(", or delete the file to keep the image as it is\n", stderr);
}

static int report_failure(struct repair_job *j, const char *path,
			  const struct vhd_repair_result *r,
			  const struct vhd_error *err)
{
	if (!r->applied)
		return error_report(j->cli, err, path);
	fflush(stdout);
	fputs("vhd-util repair: ", stderr);
	report_sentence(stderr, err, path);
	print_half(j, path);
	return CLI_FAILED;
}

static void json_head(struct repair_job *j, const char *path)
{
	if (!j->json)
		return;
	json_begin(&j->json_out, stdout);
	json_open(&j->json_out, '{');
	json_key(&j->json_out, "file");
	json_value(&j->json_out, json_text(path));
	json_key(&j->json_out, "steps");
	json_open(&j->json_out, '[');
}

static bool json_tail(struct repair_job *j, const struct vhd_repair_result *r,
		      const struct vhd_error *err)
{
	if (!j->json)
		return true;
	begin_findings(j);
	json_close(&j->json_out, ']');
	json_key(&j->json_out, err != NULL ? "error" : "result");
	json_value(&j->json_out, err != NULL ? json_error_object(err) :
					       result_object(j, r));
	json_close(&j->json_out, '}');
	return json_end(&j->json_out);
}

static int repair_image(struct repair_job *j, const char *path)
{
	struct vhd_repair_result r = { .steps = 0 };
	struct vhd_error err = { .code = VHD_OK };
	bool written;
	int rc;

	json_head(j, path);
	progress_begin(&j->progress, !j->no_progress, false);
	rc = vhd_repair(path, &j->opts, &r, &err);
	progress_end(&j->progress);
	written = json_tail(j, &r, rc != 0 ? &err : NULL);
	if (rc != 0)
		return report_failure(j, path, &r, &err);
	if (!j->json)
		repair_print(j, path, &r);
	if (!j->json && r.unfinished)
		print_unfinished(j, path);
	if (!written)
		return CLI_FAILED;
	return findings_sound(&r.after) ? CLI_OK : CLI_PROBLEMS;
}

static int undo_failed(const struct repair_job *j,
		       const struct vhd_error *err)
{
	fflush(stdout);
	fputs("vhd-util repair: ", stderr);
	report_sentence(stderr, err, j->undo);
	report_hint(stderr, err, "undo", j->undo);
	return CLI_FAILED;
}

/* Without a name, the image is called as its undo file is, but for ".undo". */
static char *image_of_undo(const char *undo)
{
	size_t len = strlen(undo), end = strlen(".undo");
	char *path = strdup(undo);

	if (path != NULL && len > end)
		path[len - end] = '\0';
	return path;
}

static int undo_report(struct repair_job *j, const char *path)
{
	json_t *object;

	if (j->json) {
		object = json_object();
		json_put(object, "file", json_text(path));
		json_put(object, "undo", json_text(j->undo));
		json_put(object, "restored", json_true());
		return json_print(j->cli, object);
	}
	text_put(stdout, path);
	fputs(": restored to what it was before the repair; ", stdout);
	text_put(stdout, j->undo);
	puts(" is no longer needed");
	return CLI_OK;
}

static int undo_image(struct repair_job *j, const char *path)
{
	struct vhd_error err = { .code = VHD_OK };
	char *name;
	int status;

	if (vhd_repair_undo(j->undo, path, j->force ? VHD_UNDO_FORCE : 0,
			    &err) != 0)
		return undo_failed(j, &err);
	name = path != NULL ? strdup(path) : image_of_undo(j->undo);
	if (name == NULL) {
		fputs("vhd-util: out of memory\n", stderr);
		return CLI_FAILED;
	}
	status = undo_report(j, name);
	free(name);
	return status;
}

static int fill_opts(struct repair_job *j, const char *path)
{
	size_t room = strlen(path) + sizeof(".undo");

	if (j->opts.undo == NULL) {
		j->undo_file = malloc(room);
		if (j->undo_file == NULL) {
			fputs("vhd-util: out of memory\n", stderr);
			return CLI_FAILED;
		}
		snprintf(j->undo_file, room, "%s.undo", path);
		j->opts.undo = j->undo_file;
	}
	/* What is odd becomes a finding; no need to hear it twice. */
	j->open.opts.log = NULL;
	j->opts.now = (int64_t)time(NULL);
	j->opts.open = &j->open.opts;
	j->opts.consents = j->consents;
	j->opts.drop = j->drops;
	j->opts.step = on_step;
	j->opts.finding = on_finding;
	j->opts.progress = progress_step;
	j->opts.step_arg = j->opts.finding_arg = j;
	j->opts.progress_arg = &j->progress;
	return CLI_GO;
}

static int run_job(struct repair_job *j)
{
	const char *path = cli_operands(j->cli) > 0 ? cli_operand(j->cli, 0) :
						      NULL;
	int status;

	j->color = color_wanted(stdout);
	if (j->undo != NULL)
		return undo_image(j, path);
	status = fill_opts(j, path);
	if (status != CLI_GO)
		return status;
	sigint_catch();
	return repair_image(j, path);
}

static int init_job(struct repair_job *j, struct cli *cli)
{
	static const struct vhd_repair_opts defaults = VHD_REPAIR_OPTS_INIT;
	size_t room = cli_max_options(cli) + 1;
	int status = cli_open_init(&j->open, cli);

	j->cli = cli;
	j->opts = defaults;
	j->drops = calloc(room, sizeof(*j->drops));
	j->words = calloc(room, sizeof(*j->words));
	if (status != CLI_GO)
		return status;
	if (repair_list_init(&j->steps) && repair_list_init(&j->possible) &&
	    repair_list_init(&j->findings) && j->drops != NULL &&
	    j->words != NULL)
		return CLI_GO;
	fputs("vhd-util: out of memory\n", stderr);
	return CLI_FAILED;
}

static int repair_run(struct cli *cli)
{
	struct repair_job j = { .plan = false };
	int status = init_job(&j, cli);

	if (status == CLI_GO)
		status = cli_parse(cli, repair_option, &j);
	if (status == CLI_GO)
		status = repair_check_usage(&j);
	if (status == CLI_GO)
		status = run_job(&j);
	repair_list_free(&j.steps);
	repair_list_free(&j.possible);
	repair_list_free(&j.findings);
	for (size_t i = 0; i < j.word_count; i++)
		free(j.words[i]);
	free(j.words);
	free(j.drops);
	free(j.consents);
	free(j.undo_file);
	cli_open_free(&j.open);
	return status;
}

const struct cmd cmd_repair = {
	.name = "repair",
	.summary = "mend a damaged image, or take a repair back",
	.usage = "[--plan | --repair] [OPTION]... IMAGE\n"
		 "       vhd-util repair --undo FILE [--force] [IMAGE]",
	.description =
"Plans what can be mended and prints it: what is safe to do, what could be done\n"
"with your consent and the option that gives it, and what would still be wrong\n"
"afterwards. Nothing is written. With --repair it is done: what is overwritten\n"
"is first saved in an undo file, so that the image can be put back, byte for\n"
"byte, with --undo. A repair that was interrupted can be begun again or taken\n"
"back. What a guest could read before stays as it is, except where you consent\n"
"to something else. The rules and choices are those that check names.\n",
	.example =
"  vhd-util repair disk.vhdx\n"
"  vhd-util repair --repair --allow VHDX_BLOCK_OVERLAP disk.vhdx\n"
"  vhd-util repair --undo disk.vhdx.undo\n",
	.exits =
"Exit status: 0 the image is sound then, or with --plan would be; 1 failed;\n"
"2 usage; 3 something is still wrong then; 130 cancelled by a signal.\n",
	.opts = repair_opts,
	.min_operands = 0,
	.max_operands = 1,
	.run = repair_run,
};
