/* SPDX-License-Identifier: BSD-2-Clause */
#include "nearest.h"

#include <string.h>

enum { WORD_MAX = 24 };

/* How many letters have to be inserted, removed or replaced, at least. */
static size_t distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1], len = strlen(b);

	if (strlen(a) > WORD_MAX || len > WORD_MAX)
		return WORD_MAX;
	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= len; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[len];
}

void nearest_try(struct nearest *n, const char *word)
{
	size_t d = distance(n->given, word);

	if (d < n->distance) {
		n->distance = d;
		n->word = word;
	}
}
