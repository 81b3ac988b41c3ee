/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_CHAIN_TREE_H
#define VHD_TOOLS_CHAIN_TREE_H

#include <stdbool.h>

#include <vhd/vhd.h>

/*
 * chain_tree_print - a family as trees, parents above children
 *
 * @now: seconds since 1970, to tell ages
 *
 * Returns: false without memory.
 */
bool chain_tree_print(const struct vhd_family *fam, int64_t now);

#endif
