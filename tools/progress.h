/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_PROGRESS_H
#define VHD_TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/*
 * A progress bar on standard error, if that is a terminal; else nothing.
 * progress_step() is a vhd_progress_fn; it also asks for cancellation once a
 * signal was caught (sigint.h), bar or not.  Work in several phases tells of each
 * with a total of its own.
 */
struct progress {
	bool on;
	bool drawn;
	const char *label;		/* of the phase; may be NULL */
	bool bytes;			/* units are bytes, not steps */
	struct timespec start, last;
	struct timespec phase;		/* when this total was first told */
	uint64_t total;
};

void progress_begin(struct progress *pr, bool wanted, bool bytes);
bool progress_step(void *progress, uint64_t done, uint64_t total);

/* Removes the bar until the next step draws it again, for a line of a list. */
void progress_wipe(struct progress *pr);

/* Removes the bar, so that messages start on a clean line. */
void progress_end(struct progress *pr);

#endif
