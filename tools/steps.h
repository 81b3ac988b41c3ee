/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_STEPS_H
#define VHD_TOOLS_STEPS_H

/* What a verb that works on a chain says it has done: lines, or JSON. */

#include "cli.h"
#include "json.h"

/**
 * struct steps - the steps of one run
 *
 * @array: of objects {"file", "message"}, when @quiet
 * @quiet: print nothing
 */
struct steps {
	json_t *array;
	bool quiet;
};

/* steps_init - with @json they are gathered, else printed as they are told */
void steps_init(struct steps *s, bool json);

/* A vhd_note_fn; @arg is a struct steps. */
void steps_note(void *arg, const char *file, const char *msg);

/* The array, handed over, and a new one for more. */
json_t *steps_take(struct steps *s);

void steps_free(struct steps *s);

#endif
