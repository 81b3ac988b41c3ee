/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_CRASH_CRASH_HUNT_H
#define TESTS_CRASH_CRASH_HUNT_H

/* All that power cuts can leave of a trace, within bounds. */

#include "crash/crash_disk.h"
#include "crash/crash_trace.h"

struct crash_bounds {
	uint64_t states;	/* of one run, about */
	unsigned deep;		/* every so many states are opened for writing */
	unsigned again;		/* of these, every so many are cut again */
	uint64_t only;		/* look at this state alone; 0: all */
	const char *dump;	/* write it to this file; may be NULL */
	bool verbose;
};

struct crash_counts {
	uint64_t runs;
	uint64_t points;	/* file operations after which power failed */
	uint64_t epochs;
	uint64_t complete;	/* of these, all subsets were looked at */
	uint64_t states;
	uint64_t torn;		/* of these, with a torn write */
	uint64_t same;		/* left out: looked at before */
	uint64_t deep;
	uint64_t again;
	uint64_t again_states;
};

/* Another idea of what a cut may leave than what guests are promised. */
struct crash_judge {
	bool (*state)(void *arg, struct crash_file *f,
		      struct crash_failure *fail);
	/* The state is opened for writing, in place of a guest's work on it. */
	bool (*again)(void *arg, struct crash_file *f, struct vhd_trace *t,
		      struct crash_failure *fail);
	void *arg;
};

struct crash_hunt {
	const struct crash_judge *judge;	/* NULL: the guest's promises */
	const struct crash_setup *setup;
	const struct crash_parent *parent;
	struct crash_bounds bounds;
	struct crash_counts counts;
	struct crash_failure fail;
	uint64_t number;	/* of the present state, from 1 */
};

/* What is cut: operations on a file, and what the guest was told meanwhile. */
struct crash_prey {
	struct crash_base *base;	/* before the first operation */
	const struct crash_ops *ops;
	const struct crash_model *model;
};

/* False when a state breaks a promise; hunt->fail says which. */
bool crash_hunt(struct crash_hunt *h, const struct crash_prey *prey);

#endif
