/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_CRASH_CRASH_WORK_H
#define TESTS_CRASH_CRASH_WORK_H

/* What a guest does, drawn from a seed. */

#include "crash/crash_disk.h"

/* @steps operations on a disk that is open; false when something failed. */
bool crash_work(struct crash_disk *d, uint64_t *rng, enum crash_mood mood,
		unsigned steps);

#endif
