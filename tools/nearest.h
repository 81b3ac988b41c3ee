/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_NEAREST_H
#define VHD_TOOLS_NEAREST_H

#include <stddef.h>

/*
 * Which known word was meant by one that is not known.
 *
 *	struct nearest found = NEAREST_INIT("converrt");
 *
 *	nearest_try(&found, "convert");
 *	...
 *	if (found.word != NULL)
 *		"do you mean 'convert'?"
 */

/**
 * struct nearest - the best so far
 *
 * @given: what somebody typed
 * @word:  the one with the fewest letters inserted, removed or replaced, two at
 *         the most; the first of several; NULL: none is near
 */
struct nearest {
	const char *given;
	const char *word;
	size_t distance;
};

#define NEAREST_INIT(given) { given, NULL, 3 }

/* @word has to live as long as @n. */
void nearest_try(struct nearest *n, const char *word);

#endif
