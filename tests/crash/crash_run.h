/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_CRASH_CRASH_RUN_H
#define TESTS_CRASH_CRASH_RUN_H

/* One seed: an image with a past, a guest at work, and every power cut. */

#include "crash/crash_hunt.h"

/* @h->setup has its type and seed; false when a promise was broken. */
bool crash_run(struct crash_hunt *h, struct crash_setup *setup);

/* How to see this failure again. */
void crash_run_print_failure(const struct crash_hunt *h, const char *program);

#endif
