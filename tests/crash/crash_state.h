/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_CRASH_CRASH_STATE_H
#define TESTS_CRASH_CRASH_STATE_H

/* What arrived of the operations between two flushes, and in which order. */

#include "crash/crash_trace.h"

struct crash_epoch {
	const struct crash_op *op;	/* none of them is a flush */
	size_t count;
	uint64_t seed;
	bool all;	/* few enough operations: all subsets, one by one */
	uint64_t share;	/* states to look at */
};

struct crash_state {
	bool *here;
	struct crash_tear *tear;
	size_t *order;
	size_t count;
	bool torn;
	bool mixed;		/* not in the order of the trace */
};

void crash_state_init(struct crash_state *s, size_t count);
void crash_state_free(struct crash_state *s);
/* State number @k of an epoch; the same each time. */
void crash_state_draw(struct crash_state *s, const struct crash_epoch *e,
		      uint64_t k);
void crash_state_apply(const struct crash_state *s,
		       const struct crash_epoch *e, struct crash_file *f);
/* The last operation that left a trace; -1 when none did. */
int64_t crash_state_last(const struct crash_state *s);
/* Differs for states that differ, with luck. */
uint64_t crash_state_hash(const struct crash_state *s);
/* "3 4t 7": what arrived; t is torn. */
void crash_state_text(const struct crash_state *s, size_t first, char *text,
		      size_t room);

#endif
