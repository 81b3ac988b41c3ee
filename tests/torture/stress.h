/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_TORTURE_STRESS_H
#define TESTS_TORTURE_STRESS_H

/*
 * An image that many threads work on.  Every byte of the windows belongs to one
 * of them, which knows what it has to be.  The blocks of a group are shared: each
 * thread has a slice, whose ends are nothing's borders.  Behind the groups each
 * thread has a window of its own.
 */

#include <pthread.h>

#include "torture/torture_image.h"

enum { STRESS_WORKERS = 8, STRESS_HELD = 2, STRESS_PER = 2 };

struct stress {
	struct torture_shape shape;
	struct torture_parent parent;
	struct torture_file *file;
	struct vhd_image *img;
	uint8_t *bytes;
	uint32_t groups, group;		/* windows that are shared; the present */
	uint64_t seed, rounds, steps;
	pthread_barrier_t barrier;
	_Atomic bool stop;		/* the helpers */
};

struct stress_range {
	uint64_t at, len;
};

/* A write under way. */
struct stress_held {
	struct vhd_move *move;
	struct stress_range r;
	uint8_t *bytes;
};

struct stress_worker {
	struct stress *s;
	unsigned id;
	uint64_t rng;
	struct stress_held held[STRESS_HELD];
};

void stress_step(struct stress_worker *w);
/* Ends all that is under way. */
void stress_settle(struct stress_worker *w);
/* The blocks of a group lose all they have; every worker is waiting. */
void stress_renew(struct stress *s, uint32_t group);

/* Threads that own nothing. */
void *stress_flusher(void *arg);
void *stress_reader(void *arg);

#endif
