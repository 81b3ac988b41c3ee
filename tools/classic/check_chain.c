/* SPDX-License-Identifier: BSD-2-Clause */
#include "classic/check_chain.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <vhd/xen.h>

static bool was_there(const struct check_chain *chain, const char *top,
		      const char *name)
{
	bool there = strcmp(top, name) == 0;

	for (uint32_t i = 0; i < chain->count && !there; i++)
		there = strcmp(chain->name[i], name) == 0;
	return there;
}

bool check_chain_find(struct check_chain *chain, const char *top)
{
	char first[PATH_MAX], name[PATH_MAX];
	const char *at = top;
	bool raw = false, again = false;

	if (vhd_xen_canonical(top, first, sizeof(first), NULL))
		return true;
	while (!again && chain->count < CHECK_CHAIN_MAX) {
		if (vhd_xen_parent(at, name, sizeof(name), &raw, NULL) || raw)
			return true;
		again = was_there(chain, first, name);
		at = chain->name[chain->count] = strdup(name);
		if (!at)
			return true;
		chain->count++;
	}
	return false;
}

void check_chain_free(struct check_chain *chain)
{
	for (uint32_t i = 0; i < chain->count; i++)
		free(chain->name[i]);
	chain->count = 0;
}
