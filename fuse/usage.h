/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHDFUSE_USAGE_H
#define VHDFUSE_USAGE_H

#include "tree.h"

/*
 * usage_bytes - how much of a file is stored, for st_blocks
 *
 * Exact while the disk is in up to some ten thousand pieces, an estimate beyond
 * that; at most a second old.
 */
uint64_t usage_bytes(struct node *n);

#endif
