/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_TOLD_H
#define VHD_OPS_TOLD_H

/*
 * Which steps of a repair have been told, so that a later round that comes upon
 * the same place does not tell them again.  It remembers a million; who has so
 * much to say may repeat himself.
 */

#include "vhd/error.h"

struct vhd_told;

struct vhd_told *vhd_told_new(void);
void vhd_told_free(struct vhd_told *t);

/* False when this was told before.  What cannot be remembered is new. */
bool vhd_told_add(struct vhd_told *t, const struct vhd_rule *rule,
		  bool granted, uint64_t off, const char *msg);

#endif
