/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>

#include "bench.h"
#include "json.h"
#include "common/size.h"
#include "common/text.h"

const char *bench_pattern(const struct bench_load *load)
{
	if (load->random)
		return load->write ? "randwrite" : "randread";
	return load->write ? "write" : "read";
}

static double ratio(uint64_t value, uint64_t of)
{
	return of == 0 ? 0 : (double)value / (double)of;
}

static void print_head(const struct bench_load *load)
{
	char size[SIZE_TEXT];

	printf(": %s of %s, %" PRIu64 " times, %" PRIu32 " thread%s",
	       bench_pattern(load), size_format(load->size, size), load->count,
	       load->threads, load->threads == 1 ? "" : "s");
	if (load->flush_every != 0)
		printf(", a flush each %" PRIu64, load->flush_every);
	putchar('\n');
}

static void print_line(const char *what, uint64_t n,
		       const struct bench_load *load,
		       const struct bench_result *r)
{
	printf("  %-22s %14" PRIu64 " %13.3f", what, n,
	       ratio(n, load->count));
	if (r->flushes != 0)
		printf(" %13.3f", ratio(n, r->flushes));
	putchar('\n');
}

int bench_text(const char *path, const struct bench_load *load,
	       const struct bench_result *r)
{
	const struct vhd_io_stats *io = &r->load.io;
	char text[SIZE_TEXT];
	double ops = (double)load->count / r->load.seconds;

	text_put(stdout, path);
	print_head(load);
	printf("  %.0f operations/s, %s/s, %.3f s\n", ops,
	       size_human((uint64_t)(ops * (double)load->size), text),
	       r->load.seconds);
	printf("  %-22s %14s %13s%s\n", "calls to the file", "in all",
	       "per operation", r->flushes != 0 ? "     per flush" : "");
	print_line("reads", io->reads, load, r);
	print_line("writes", io->writes, load, r);
	print_line("flushes", io->flushes, load, r);
	print_line("bytes read", io->read_bytes, load, r);
	print_line("bytes written", io->write_bytes, load, r);
	print_line("growth of the file", r->load.growth, load, r);
	if (load->write)
		printf("  last flush and closing: %" PRIu64 " writes, %s, %"
		       PRIu64 " flushes, %.3f s\n", r->end.io.writes,
		       size_human(r->end.io.write_bytes, text),
		       r->end.io.flushes, r->end.seconds);
	printf("  the file is %s long", size_human(r->file_size, text));
	printf("; peak memory %s\n", size_human(r->peak_rss, text));
	return CLI_OK;
}

static json_t *cost_object(const struct bench_cost *c)
{
	json_t *object = json_object();

	json_put(object, "seconds", json_real(c->seconds));
	json_put(object, "cpu_seconds", json_real(c->cpu_seconds));
	json_put(object, "reads", json_u64(c->io.reads));
	json_put(object, "read_bytes", json_u64(c->io.read_bytes));
	json_put(object, "writes", json_u64(c->io.writes));
	json_put(object, "write_bytes", json_u64(c->io.write_bytes));
	json_put(object, "flushes", json_u64(c->io.flushes));
	json_put(object, "growth", json_u64(c->growth));
	return object;
}

int bench_json(struct cli *cli, const char *path,
	       const struct bench_load *load, const struct bench_result *r)
{
	json_t *object = json_object();

	json_put(object, "image", json_text(path));
	json_put(object, "pattern", json_string(bench_pattern(load)));
	json_put(object, "offset", json_u64(load->off));
	json_put(object, "length", json_u64(load->len));
	json_put(object, "size", json_u64(load->size));
	json_put(object, "count", json_u64(load->count));
	json_put(object, "flush_every", json_u64(load->flush_every));
	json_put(object, "threads", json_u64(load->threads));
	json_put(object, "seed", json_u64(load->seed));
	json_put(object, "operations_per_second",
		 json_real((double)load->count / r->load.seconds));
	json_put(object, "flushes", json_u64(r->flushes));
	json_put(object, "load", cost_object(&r->load));
	json_put(object, "end", cost_object(&r->end));
	json_put(object, "file_size", json_u64(r->file_size));
	json_put(object, "peak_memory", json_u64(r->peak_rss));
	json_put(object, "warm_up", json_u64(load->warm_up));
	json_put(object, "open_seconds", json_real(r->open_seconds));
	return json_print(cli, object);
}
