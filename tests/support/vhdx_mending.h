/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SUPPORT_VHDX_MENDING_H
#define TESTS_SUPPORT_VHDX_MENDING_H

/*
 * An image in memory, what its owner allows, and rounds of the engine's repair:
 * with the steps that were announced and the calls that were made.
 */

#include "base/rules.h"
#include "engine/repair.h"
#include "io/io_fault.h"
#include "io/io_record.h"
#include "support/vhdx_image.h"
#include "support/vhdx_opened.h"

enum { VHDX_STEPS_MAX = 256, VHDX_ALLOW_MAX = 8 };

struct vhdx_allow {
	enum vhd_rule_idx rule;
	const char *choice;
};

struct vhdx_step {
	const struct vhd_rule *rule;
	bool granted;
	char msg[512];
};

struct vhdx_mending {
	struct vhdx_allow allow[VHDX_ALLOW_MAX];
	size_t allow_count;
	bool salvage;
	bool full;			/* no step may be made any more */
	uint64_t disk_size;
	const struct vhd_engine_parent *parent;

	struct vhd_io *io;		/* the file as it becomes */
	struct vhd_trace *trace;	/* everything that was written to it */
	struct vhd_fault_plan plan;	/* calls that fail */
	struct vhd_error err;
	struct vhdx_step step[VHDX_STEPS_MAX];	/* of the last run */
	size_t step_count;
	size_t rounds;
};

/* A copy of @img is mended. */
void vhdx_mending_begin(struct vhdx_mending *m, const struct vhdx_image *img);
void vhdx_mending_end(struct vhdx_mending *m);
/* Beside the rules that need no consent. */
void vhdx_mending_allow(struct vhdx_mending *m, enum vhd_rule_idx rule,
			const char *choice);
/* Rounds until one grants nothing; what the engine returned. */
int vhdx_mending_run(struct vhdx_mending *m);

/* Steps of the last run: of a rule, or all that were granted. */
size_t vhdx_mending_steps(const struct vhdx_mending *m, enum vhd_rule_idx rule,
			  bool granted);
size_t vhdx_mending_granted(const struct vhdx_mending *m);

/* The file as it is now, as another one. */
struct vhd_io *vhdx_mending_copy(const struct vhdx_mending *m);
/* @img after the first @calls calls, but for the one called @missing. */
struct vhd_io *vhdx_mending_cut(const struct vhdx_mending *m,
				const struct vhdx_image *img, size_t calls,
				size_t missing);
/*
 * The same, and of the write that was the next call only the sectors of @mask:
 * bit i is sector i of each page.
 */
struct vhd_io *vhdx_mending_torn(const struct vhdx_mending *m,
				 const struct vhdx_image *img, size_t calls,
				 uint32_t mask);
/* Is it byte for byte as @img? */
bool vhdx_mending_is(const struct vhdx_mending *m,
		     const struct vhdx_image *img);

#endif
