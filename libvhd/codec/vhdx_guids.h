/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_CODEC_VHDX_GUIDS_H
#define VHD_CODEC_VHDX_GUIDS_H

/* GUIDs with a meaning, in text order (vhdx.md 2). */

#include "vhd/types.h"

extern const struct vhd_guid vhdx_guid_bat;
extern const struct vhd_guid vhdx_guid_metadata;

extern const struct vhd_guid vhdx_guid_params;
extern const struct vhd_guid vhdx_guid_disk_size;
extern const struct vhd_guid vhdx_guid_logical_sector;
extern const struct vhd_guid vhdx_guid_physical_sector;
extern const struct vhd_guid vhdx_guid_disk_id;
extern const struct vhd_guid vhdx_guid_locator;

extern const struct vhd_guid vhdx_guid_locator_type;	/* of a VHDX parent */
extern const struct vhd_guid vhdx_guid_incomplete;	/* VHDX-ITEM-09 */

#endif
