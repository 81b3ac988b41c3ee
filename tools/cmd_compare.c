/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>

#include "cmds.h"
#include "errors.h"
#include "json.h"
#include "progress.h"
#include "sigint.h"
#include "two.h"
#include "common/size.h"
#include "common/text.h"

enum { OPT_STOP_FIRST = 1, OPT_JSON, OPT_NO_PROGRESS };
enum { GRANULE = 4096 };

static const struct poptOption compare_opts[] = {
	CLI_OPT("stop-first", OPT_STOP_FIRST,
		"The first difference is enough"),
	CLI_OPT("json", OPT_JSON, "Print the result as JSON"),
	CLI_OPT("no-progress", OPT_NO_PROGRESS, "Draw no progress bar"),
	CLI_OPT_TABLE(cli_open_base_opts, "Opening:"),
	CLI_OPT_END
};

struct compare_job {
	struct two two;
	struct cli_open open;
	struct vhd_compare_opts opts;
	struct vhd_compare_result result;
	struct progress pr;
	uint64_t ranges;
	bool json;
	bool no_progress;
};

static int compare_option(struct cli *cli, int val, const char *text,
			  void *arg)
{
	struct compare_job *j = arg;

	(void)cli;
	if (val >= CLI_OPEN_FIRST)
		return cli_open_option(&j->open, val, text);
	if (val == OPT_STOP_FIRST)
		j->opts.stop_first = true;
	else if (val == OPT_JSON)
		j->json = true;
	else
		j->no_progress = true;
	return CLI_GO;
}

static bool count_range(void *arg, uint64_t off, uint64_t len)
{
	struct compare_job *j = arg;

	(void)off;
	(void)len;
	j->ranges++;
	return true;
}

static bool differ(const struct compare_job *j)
{
	return j->result.first != VHD_NO_OFFSET;
}

/* Sectors as the guest of the first disk counts them. */
static uint64_t sector_size(const struct compare_job *j)
{
	struct vhd_info info = { .size = sizeof(info) };

	if (vhd_layer_info(j->two.a, 0, &info, NULL) != 0 ||
	    info.logical_sector == 0)
		return 512;
	return info.logical_sector;
}

static void print_names(const struct compare_job *j)
{
	text_put(stdout, cli_operand(j->two.cli, 0));
	fputs(" and ", stdout);
	text_put(stdout, cli_operand(j->two.cli, 1));
}

static void print_row(const char *what, uint64_t bytes)
{
	char size[SIZE_TEXT];

	printf("  %-18s %s\n", what, size_human(bytes, size));
}

static void print_differences(const struct compare_job *j)
{
	const struct vhd_compare_result *r = &j->result;
	char size[SIZE_TEXT];

	printf("  %-18s byte %" PRIu64 " (0x%" PRIx64 "), sector %" PRIu64
	       "\n", "first difference", r->first, r->first,
	       r->first / sector_size(j));
	if (j->opts.stop_first)
		return;
	printf("  %-18s %s in %" PRIu64 " range%s, in units of %d bytes\n",
	       "differing", size_human(r->differing, size), j->ranges,
	       j->ranges == 1 ? "" : "s", GRANULE);
}

static int report_text(const struct compare_job *j)
{
	const struct vhd_compare_result *r = &j->result;
	uint64_t a = vhd_size(j->two.a), b = vhd_size(j->two.b);
	char sa[SIZE_TEXT], sb[SIZE_TEXT];

	print_names(j);
	if (differ(j))
		puts(" differ");
	else if (a == b)
		printf(" are the same disk of %s\n", size_format(a, sa));
	else
		printf(" are the same but for their sizes: %s of zeros more\n",
		       size_human(a > b ? a - b : b - a, sa));
	if (a != b)
		printf("  %-18s %s and %s; what is not there counts as zeros\n",
		       "sizes differ", size_format(a, sa), size_format(b, sb));
	if (differ(j))
		print_differences(j);
	print_row("read", r->read_bytes);
	print_row("shared, not read", r->same_bytes);
	print_row("zeros, not read", r->zero_bytes);
	return differ(j) ? CLI_PROBLEMS : CLI_OK;
}

static json_t *first_object(const struct compare_job *j)
{
	uint64_t sector = sector_size(j);
	json_t *o;

	if (!differ(j))
		return json_null();
	o = json_object();
	json_put(o, "offset", json_u64(j->result.first));
	json_put(o, "sector", json_u64(j->result.first / sector));
	json_put(o, "sector_size", json_u64(sector));
	return o;
}

static int report_json(const struct compare_job *j)
{
	const struct vhd_compare_result *r = &j->result;
	struct cli *cli = j->two.cli;
	json_t *o = json_object();
	int status;

	json_put(o, "a", json_text(cli_operand(cli, 0)));
	json_put(o, "b", json_text(cli_operand(cli, 1)));
	json_put(o, "size_a", json_u64(vhd_size(j->two.a)));
	json_put(o, "size_b", json_u64(vhd_size(j->two.b)));
	json_put(o, "same_size",
		 json_boolean(vhd_size(j->two.a) == vhd_size(j->two.b)));
	json_put(o, "same", json_boolean(!differ(j)));
	json_put(o, "first", first_object(j));
	json_put(o, "complete",
		 json_boolean(!(j->opts.stop_first && differ(j))));
	json_put(o, "differing_bytes", json_u64(r->differing));
	json_put(o, "ranges", json_u64(j->ranges));
	json_put(o, "granule", json_u64(GRANULE));
	json_put(o, "read_bytes", json_u64(r->read_bytes));
	json_put(o, "shared_bytes", json_u64(r->same_bytes));
	json_put(o, "zero_bytes", json_u64(r->zero_bytes));
	status = json_print(cli, o);
	return status == CLI_OK && differ(j) ? CLI_PROBLEMS : status;
}

static int compare(struct compare_job *j)
{
	struct cli *cli = j->two.cli;
	struct vhd_error err = { .code = VHD_OK };
	int status, rc;

	sigint_catch();
	status = two_open(cli, &j->open, cli_operand(cli, 0), &j->two.a);
	if (status == CLI_GO)
		status = two_open(cli, &j->open, cli_operand(cli, 1),
				  &j->two.b);
	if (status != CLI_GO)
		return two_close(&j->two, status);
	j->opts.granule = GRANULE;
	j->opts.differ = count_range;
	j->opts.differ_arg = j;
	j->opts.progress = progress_step;
	j->opts.progress_arg = &j->pr;
	progress_begin(&j->pr, !j->no_progress, true);
	rc = vhd_compare(j->two.a, j->two.b, &j->opts, &j->result, &err);
	progress_end(&j->pr);
	if (rc != 0)
		status = error_report(cli, &err, NULL);
	else
		status = j->json ? report_json(j) : report_text(j);
	return two_close(&j->two, status);
}

static int compare_run(struct cli *cli)
{
	struct compare_job j = { .two = { .cli = cli },
				 .opts = VHD_COMPARE_OPTS_INIT };
	int status = cli_open_init(&j.open, cli);

	if (status == CLI_GO)
		status = cli_parse(cli, compare_option, &j);
	if (status == CLI_GO)
		status = compare(&j);
	cli_open_free(&j.open);
	return status;
}

const struct cmd cmd_compare = {
	.name = "compare",
	.summary = "say whether two images show a guest the same disk",
	.usage = "[OPTION]... A B",
	.description =
"A and B are images of any format, with their parents, or raw disks. Their\n"
"bytes are compared as a guest would read them. What both have in the same\n"
"place of the same file (two snapshots of one parent) and what is known to be\n"
"zeros in both is not read, and of zeros against data only the data is. The\n"
"shorter disk counts as zeros behind its end; different sizes alone are no\n"
"difference (the exit status is 0), but are reported. Nothing is changed.\n"
"\n"
"Printed are the first byte that differs, with its sector, and how much differs.\n"
"vhd-util changes A B lists the ranges.\n",
	.example =
"  vhd-util compare disk.vhd disk.vhdx\n"
"  vhd-util compare --stop-first before.vhdx after.vhdx && echo unchanged\n",
	.exits =
"Exit status: 0 the same; 1 could not be compared; 2 usage; 3 they differ;\n"
"130 cancelled by a signal.\n",
	.opts = compare_opts,
	.min_operands = 2,
	.needs = "the names of two images are needed",
	.max_operands = 2,
	.run = compare_run,
};
