/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_CLASSIC_CHECK_CHAIN_H
#define VHD_TOOLS_CLASSIC_CHECK_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

enum { CHECK_CHAIN_MAX = 256 };

/* The names of the parents of an image that are VHDs, from the next one down. */
struct check_chain {
	char *name[CHECK_CHAIN_MAX];
	uint32_t count;
};

/*
 * check_chain_find - look for the parents of @top
 *
 * A chain that breaks off is as long as it is: its last image will say why.
 * False when it comes back to itself, or is too long; the last name is then one
 * that should not be.
 */
bool check_chain_find(struct check_chain *chain, const char *top);
void check_chain_free(struct check_chain *chain);

#endif
