/* SPDX-License-Identifier: BSD-2-Clause */
#include "repair.h"

#include <inttypes.h>

#include "common/size.h"
#include "common/text.h"
#include "findings.h"

/* The command that does what was planned, with the options that were given. */
static void print_next(const struct repair_job *j, const char *path)
{
	fputs("next: vhd-util repair --repair", stdout);
	for (size_t i = 0; i < j->opts.consent_count; i++) {
		const struct vhd_consent *c = &j->consents[i];

		fputs(" --allow ", stdout);
		text_put_shell(stdout, c->rule);
		if (c->choice != NULL) {
			putchar('=');
			text_put_shell(stdout, c->choice);
		}
	}
	for (size_t i = 0; i < j->opts.drop_count; i++)
		printf(" --drop-block %" PRIu64, j->drops[i]);
	if (j->opts.parent != NULL) {
		fputs(" --parent ", stdout);
		text_put_shell(stdout, j->opts.parent);
	}
	if (j->opts.disk_size != 0)
		printf(" --size %" PRIu64, j->opts.disk_size);
	if (j->open.opts.format != VHD_FORMAT_AUTO)
		printf(" --format %s", vhd_format_name(j->open.opts.format));
	putchar(' ');
	text_put_shell(stdout, path);
	putchar('\n');
}

/* An undo file in another directory does not find its image by itself. */
static void print_undo(const struct repair_job *j, const char *path)
{
	fputs("undo: vhd-util repair --undo ", stdout);
	text_put_shell(stdout, j->opts.undo);
	putchar(' ');
	text_put_shell(stdout, path);
	putchar('\n');
}

static void print_heading(const char *path, const char *text)
{
	text_put(stdout, path);
	printf(": %s:\n", text);
}

static void print_summary(const struct repair_job *j, const char *path,
			  const struct vhd_repair_result *r)
{
	char bytes[SIZE_TEXT];
	bool apply = repair_applies(j);

	text_put(stdout, path);
	if (r->steps == 0)
		fputs(r->possible > 0 ? ": nothing is done without consent; " :
			findings_sound(&r->after) ? ": nothing to mend; " :
					": nothing can be mended; ", stdout);
	else
		printf(": %" PRIu64 " step%s, %s %s; ", r->steps,
		       r->steps == 1 ? "" : "s",
		       size_human(r->bytes, bytes),
		       apply ? "changed" : "would change");
	fputs(r->steps == 0 || apply ? "it is " : "it would be ", stdout);
	findings_verdict(&r->after, j->color);
	putchar('\n');
}

void repair_print(const struct repair_job *j, const char *path,
			 const struct vhd_repair_result *r)
{
	bool apply = repair_applies(j);
	uint64_t number = 1;

	if (j->steps.first != NULL) {
		print_heading(path, apply ? "this was done" :
					    "this would be done");
		number = repair_print_steps(&j->steps, number, j->color);
	}
	if (j->possible.first != NULL) {
		print_heading(path, "this could be done too, if you allow it");
		repair_print_possible(&j->possible, number, j->color);
	}
	if (j->findings.first != NULL) {
		print_heading(path, apply || r->steps == 0 ? "this remains" :
							     "this would remain");
		repair_print_findings(&j->findings, j->color);
	}
	if (r->more)
		puts("There is more than one plan can hold: --repair does all "
		     "of it.");
	print_summary(j, path, r);
	if (r->applied)
		print_undo(j, path);
	else if (r->steps > 0 && !apply)
		print_next(j, path);
}
