/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "bench.h"
#include "children.h"
#include "cli_open.h"
#include "cli_range.h"
#include "cmds.h"
#include "errors.h"
#include "sigint.h"
#include "common/size.h"

enum {
	OPT_PATTERN = 1, OPT_SIZE, OPT_COUNT, OPT_FLUSH_EVERY, OPT_THREADS,
	OPT_SEED, OPT_WARM_UP, OPT_CACHE, OPT_BACKGROUND, OPT_YES, OPT_JSON, OPT_NO_PROGRESS
};

enum { THREADS_MAX = 256 };
static const uint64_t size_max = UINT64_C(64) << 20;

static const struct poptOption load_opts[] = {
	CLI_OPT_ARG("pattern", OPT_PATTERN,
		    "randread (the default), randwrite, read or write",
		    "PATTERN"),
	CLI_OPT_ARG("size", OPT_SIZE, "Bytes of an operation (default: 4K)",
		    "SIZE"),
	CLI_OPT_ARG("count", OPT_COUNT, "Operations (default: 1000)", "N"),
	CLI_OPT_ARG("flush-every", OPT_FLUSH_EVERY,
		    "Writes between two flushes (default: no flush but at the "
		    "end)", "N"),
	CLI_OPT_ARG("threads", OPT_THREADS, "Threads (default: 1)", "N"),
	CLI_OPT_ARG("seed", OPT_SEED,
		    "Another sequence of places (default: 1)", "N"),
	CLI_OPT_ARG("warm-up", OPT_WARM_UP,
		    "Reads at other places before what is measured (default: "
		    "none)", "N"),
	CLI_OPT_TABLE(cli_range_opts, NULL),
	POPT_TABLEEND
};

static const struct poptOption bench_opts[] = {
	CLI_OPT_TABLE(load_opts, "The load:"),
	CLI_OPT_ARG("cache", OPT_CACHE,
		    "Budget of the metadata cache", "SIZE"),
	CLI_OPT("background", OPT_BACKGROUND,
		"Let a thread of the library write metadata that waits"),
	CLI_OPT("yes", OPT_YES, "The disk may be overwritten"),
	CLI_OPT("json", OPT_JSON, "Report the result as JSON"),
	CLI_OPT("no-progress", OPT_NO_PROGRESS, "Draw no progress bar"),
	CLI_OPT_TABLE(cli_open_write_opts, "Opening:"),
	CLI_OPT_END
};

enum { RANDREAD, RANDWRITE, READ, WRITE };
static const struct cli_name patterns[] = {
	{ "randread", RANDREAD },
	{ "randwrite", RANDWRITE },
	{ "read", READ },
	{ "write", WRITE },
	{ NULL, 0 }
};

struct bench_job {
	struct cli *cli;
	struct cli_open open;
	struct cli_range range;
	struct bench_load load;
	struct bench_result result;
	struct vhd_image *img;
	bool background;
	bool yes;
	bool json;
	bool no_progress;
};

/* A count, with the same suffixes as a size: 64K is 65536. */
static int number(struct cli *cli, const char *opt, const char *text,
		  uint64_t min, uint64_t max, uint64_t *value_out)
{
	uint64_t value;

	if (!size_parse(text, &value) || value < min || value > max)
		return cli_usage(cli, "--%s: '%s' is no number from %" PRIu64
				 " to %" PRIu64, opt, text, min, max);
	*value_out = value;
	return CLI_GO;
}

static int load_option(struct cli *cli, struct bench_load *load, int val,
		       const char *text)
{
	uint64_t threads = 1;
	int value = 0, status;

	switch (val) {
	case OPT_PATTERN:
		status = cli_value_name(cli, "pattern", text, patterns, &value);
		load->write = value == WRITE || value == RANDWRITE;
		load->random = value == RANDREAD || value == RANDWRITE;
		return status;
	case OPT_SIZE:
		return number(cli, "size", text, 1, size_max, &load->size);
	case OPT_COUNT:
		return number(cli, "count", text, 1, UINT64_MAX / 2,
			      &load->count);
	case OPT_FLUSH_EVERY:
		return number(cli, "flush-every", text, 1, UINT64_MAX / 2,
			      &load->flush_every);
	case OPT_WARM_UP:
		return number(cli, "warm-up", text, 0, UINT64_MAX / 2,
			      &load->warm_up);
	case OPT_THREADS:
		status = number(cli, "threads", text, 1, THREADS_MAX, &threads);
		load->threads = (uint32_t)threads;
		return status;
	default:
		return number(cli, "seed", text, 0, UINT64_MAX, &load->seed);
	}
}

static int bench_option(struct cli *cli, int val, const char *text, void *arg)
{
	struct bench_job *b = arg;

	if (val >= CLI_OPEN_FIRST)
		return cli_open_option(&b->open, val, text);
	if (val >= CLI_RANGE_FIRST && val <= CLI_RANGE_LAST)
		return cli_range_option(cli, &b->range, val, text);
	switch (val) {
	case OPT_CACHE:
		return cli_value_size(cli, "cache", text,
				      &b->open.opts.cache_bytes);
	case OPT_BACKGROUND:
		b->background = true;
		return CLI_GO;
	case OPT_YES:
		b->yes = true;
		return CLI_GO;
	case OPT_JSON:
		b->json = true;
		return CLI_GO;
	case OPT_NO_PROGRESS:
		b->no_progress = true;
		return CLI_GO;
	default:
		return load_option(cli, &b->load, val, text);
	}
}

static int check_args(const struct bench_job *b)
{
	if (b->load.write && !b->yes)
		return cli_usage(b->cli, "--pattern %s destroys the data of "
				 "the disk: --yes if it may",
				 bench_pattern(&b->load));
	if (!b->load.write && b->load.flush_every != 0)
		return cli_usage(b->cli, "--flush-every: reading leaves "
				 "nothing to flush");
	return CLI_GO;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double cpu(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* struct mark - where clock, counters and file are at a moment */
struct mark {
	double at, cpu;
	struct vhd_io_stats io;
	uint64_t size;
};

static struct mark mark(const struct bench_job *b)
{
	struct mark m = { .at = now(), .cpu = cpu() };
	struct stat st;

	vhd_layer_io_stats(b->img, 0, &m.io);
	if (fstat(vhd_layer_fd(b->img, 0), &st) == 0)
		m.size = (uint64_t)st.st_size;
	return m;
}

static void set_cost(struct bench_cost *c, const struct mark *from,
		     const struct mark *to)
{
	c->seconds = to->at - from->at;
	c->cpu_seconds = to->cpu - from->cpu;
	if (c->seconds <= 0)
		c->seconds = 1e-9;
	c->growth = to->size > from->size ? to->size - from->size : 0;
	c->io.reads = to->io.reads - from->io.reads;
	c->io.read_bytes = to->io.read_bytes - from->io.read_bytes;
	c->io.writes = to->io.writes - from->io.writes;
	c->io.write_bytes = to->io.write_bytes - from->io.write_bytes;
	c->io.flushes = to->io.flushes - from->io.flushes;
}

/* The same load at other places, so that what is remembered is so. */
static int warm_up(struct bench_job *b, struct progress *pr,
		   struct vhd_error *err)
{
	struct bench_load load = b->load;
	uint64_t flushes;

	if (load.warm_up == 0)
		return 0;
	load.write = false;
	load.seed = ~load.seed;
	load.count = load.warm_up;
	return bench_run(b->img, &load, pr, &flushes, err);
}

static int measure(struct bench_job *b, struct vhd_error *err)
{
	struct mark start, middle, end;
	struct progress pr;
	int rc;

	progress_begin(&pr, !b->no_progress, false);
	rc = warm_up(b, &pr, err);
	progress_end(&pr);
	if (rc != 0)
		return rc;
	progress_begin(&pr, !b->no_progress, false);
	start = mark(b);
	rc = bench_run(b->img, &b->load, &pr, &b->result.flushes, err);
	middle = mark(b);
	progress_end(&pr);
	if (rc == 0 && b->load.write)
		rc = vhd_flush(b->img, err);
	end = mark(b);
	set_cost(&b->result.load, &start, &middle);
	set_cost(&b->result.end, &middle, &end);
	return rc;
}

static int fit(struct bench_job *b)
{
	int status = cli_range_fit(b->cli, &b->range, vhd_size(b->img));

	b->load.off = b->range.off;
	b->load.len = b->range.len;
	if (status == CLI_GO && b->load.size > b->load.len)
		status = cli_range_error(b->cli, b->load.off, b->load.size,
					 vhd_size(b->img));
	return status;
}

static void look_after(struct bench_job *b, const char *path)
{
	struct rusage usage;
	struct stat st;

	if (stat(path, &st) == 0)
		b->result.file_size = (uint64_t)st.st_size;
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		b->result.peak_rss = (uint64_t)usage.ru_maxrss * 1024;
}

static int bench(struct bench_job *b)
{
	const char *path = cli_operand(b->cli, 0);
	struct vhd_error err = { .code = VHD_OK };
	double closing;
	int status = check_args(b);

	if (status != CLI_GO)
		return status;
	sigint_catch();
	if (b->load.write)
		b->open.opts.flags |= VHD_OPEN_RDWR;
	if (b->load.write && b->background)
		b->open.opts.flags |= VHD_OPEN_THREAD;
	b->result.open_seconds = now();
	if (cli_open_image(&b->open, path, &b->img, &err) != 0)
		return error_report(b->cli, &err, path);
	b->result.open_seconds = now() - b->result.open_seconds;
	status = fit(b);
	if (status == CLI_GO && b->load.write)
		status = children_refuse(b->cli, b->img, false);
	if (status == CLI_GO && measure(b, &err) != 0)
		status = error_report(b->cli, &err, path);
	closing = now();
	if (vhd_close(&b->img, &err) != 0 && status == CLI_GO)
		status = error_report(b->cli, &err, path);
	if (status != CLI_GO)
		return status;
	b->result.end.seconds += now() - closing;
	look_after(b, path);
	return b->json ? bench_json(b->cli, path, &b->load, &b->result) :
			 bench_text(path, &b->load, &b->result);
}

static int bench_run_cmd(struct cli *cli)
{
	struct bench_job b = { .cli = cli, .load = {
		.random = true, .size = 4096, .count = 1000, .threads = 1,
		.seed = 1
	} };
	int status = cli_open_init(&b.open, cli);

	if (status == CLI_GO)
		status = cli_parse(cli, bench_option, &b);
	if (status == CLI_GO)
		status = bench(&b);
	cli_open_free(&b.open);
	return status;
}

const struct cmd cmd_bench = {
	.name = "bench",
	.summary = "measure reading and writing through the library",
	.usage = "[OPTION]... IMAGE",
	.description =
"Reads or writes pieces of the disk, one after the other or scattered, through\n"
"the page cache of the system, and reports the speed and what reached the file\n"
"of the image: calls, bytes and flushes for each operation and each flush.\n"
"Writing fills the disk with noise and needs --yes. The same seed gives the\n"
"same places. Calls that closing the image makes are not counted.\n",
	.example =
"  vhd-util bench --threads 8 --count 100000 disk.vhdx\n"
"  vhd-util bench --pattern randwrite --flush-every 32 --yes scratch.vhdx\n",
	.opts = bench_opts,
	.min_operands = 1,
	.max_operands = 1,
	.run = bench_run_cmd,
};
