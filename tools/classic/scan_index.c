/* SPDX-License-Identifier: BSD-2-Clause */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "classic/scan.h"

/* What tsearch() keeps; its tree is what struct scan_index stands for. */
struct known {
	const char *key;
	size_t value;
	char text[];
};

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct known *)a)->key,
		      ((const struct known *)b)->key);
}

int scan_index_put(struct scan_index **index, const char *key, size_t value)
{
	size_t len = strlen(key) + 1;
	struct known *new = malloc(sizeof(*new) + len);
	void *root = *index;
	struct known **at;

	if (new == NULL)
		return -1;
	memcpy(new->text, key, len);
	new->key = new->text;
	new->value = value;
	at = tsearch(new, &root, compare);
	*index = root;
	if (at != NULL && *at == new)
		return 1;
	free(new);
	return at == NULL ? -1 : 0;
}

bool scan_index_find(const struct scan_index *index, const char *key,
		     size_t *value_out)
{
	struct known wanted = { .key = key };
	void *root = (void *)(uintptr_t)index;
	struct known *const *at = tfind(&wanted, &root, compare);

	if (at == NULL)
		return false;
	*value_out = (*at)->value;
	return true;
}

void scan_index_free(struct scan_index *index)
{
	if (index != NULL)
		tdestroy(index, free);
}
