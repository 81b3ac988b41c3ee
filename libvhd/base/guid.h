/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_BASE_GUID_H
#define VHD_BASE_GUID_H

#include "vhd/error.h"
#include "vhd/types.h"

/* Mixed-endian bytes of a VHDX (VHDX-GEN-02) <-> text order. */
void vhd_guid_from_mixed(const uint8_t bytes[16], struct vhd_guid *out);
void vhd_guid_to_mixed(const struct vhd_guid *guid, uint8_t bytes[16]);

bool vhd_guid_equal(const struct vhd_guid *a, const struct vhd_guid *b);
bool vhd_guid_is_zero(const struct vhd_guid *g);

/* Random, version 4.  False when the system has no randomness. */
bool vhd_guid_random(struct vhd_guid *out);
/* The same with an error: VHD_E_IO. */
int vhd_guid_fresh(struct vhd_guid *out, struct vhd_error *err);

/* The @n-th GUID that follows from @seed; @n = 0 is @seed itself. */
void vhd_guid_derive(const struct vhd_guid *seed, uint32_t n,
		     struct vhd_guid *out);

#endif
