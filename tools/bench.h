/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_BENCH_H
#define VHD_TOOLS_BENCH_H

/*
 * A load on an image, and what it cost.
 *
 * Operation number i has an offset that depends on the seed and i alone, so
 * that another program can be given the same load (bench/firstwrite.py); threads
 * take the next number each.
 */

#include "cli.h"
#include "progress.h"

/**
 * struct bench_load - what to do
 *
 * @write, @random: the pattern
 * @off, @len:      part of the disk
 * @size:           bytes of an operation, at most @len
 * @flush_every:    operations between flushes; 0 is never
 * @warm_up:        reads at other places before what is measured
 */
struct bench_load {
	bool write;
	bool random;
	uint64_t off, len;
	uint64_t size;
	uint64_t count;
	uint64_t flush_every;
	uint64_t warm_up;
	uint32_t threads;
	uint64_t seed;
};

/* struct bench_cost - what it took */
struct bench_cost {
	double seconds;
	double cpu_seconds;		/* of the processors */
	struct vhd_io_stats io;		/* calls to the image's own file */
	uint64_t growth;		/* of the file's length */
};

struct bench_result {
	uint64_t flushes;		/* asked for */
	double open_seconds;
	struct bench_cost load;
	struct bench_cost end;		/* the last flush, and closing */
	uint64_t file_size;		/* after closing */
	uint64_t peak_rss;
};

/*
 * bench_run - put the load on an image
 *
 * Returns: 0, or what failed first; VHD_E_CANCELLED after a signal.
 */
int bench_run(struct vhd_image *img, const struct bench_load *load,
	      struct progress *pr, uint64_t *flushes_out,
	      struct vhd_error *err);

const char *bench_pattern(const struct bench_load *load);

/* Reports; return the status to exit with. */
int bench_text(const char *path, const struct bench_load *load,
	       const struct bench_result *result);
int bench_json(struct cli *cli, const char *path,
	       const struct bench_load *load,
	       const struct bench_result *result);

#endif
