/* SPDX-License-Identifier: BSD-2-Clause */
#include "codec/vhdx_guids.h"

#define GUID(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p) \
	{ { 0x##a, 0x##b, 0x##c, 0x##d, 0x##e, 0x##f, 0x##g, 0x##h, \
	    0x##i, 0x##j, 0x##k, 0x##l, 0x##m, 0x##n, 0x##o, 0x##p } }

/* 2dc27766-f623-4200-9d64-115e9bfd4a08 */
const struct vhd_guid vhdx_guid_bat =
	GUID(2d, c2, 77, 66, f6, 23, 42, 00, 9d, 64, 11, 5e, 9b, fd, 4a, 08);
/* 8b7ca206-4790-4b9a-b8fe-575f050f886e */
const struct vhd_guid vhdx_guid_metadata =
	GUID(8b, 7c, a2, 06, 47, 90, 4b, 9a, b8, fe, 57, 5f, 05, 0f, 88, 6e);
/* caa16737-fa36-4d43-b3b6-33f0aa44e76b */
const struct vhd_guid vhdx_guid_params =
	GUID(ca, a1, 67, 37, fa, 36, 4d, 43, b3, b6, 33, f0, aa, 44, e7, 6b);
/* 2fa54224-cd1b-4876-b211-5dbed83bf4b8 */
const struct vhd_guid vhdx_guid_disk_size =
	GUID(2f, a5, 42, 24, cd, 1b, 48, 76, b2, 11, 5d, be, d8, 3b, f4, b8);
/* 8141bf1d-a96f-4709-ba47-f233a8faab5f */
const struct vhd_guid vhdx_guid_logical_sector =
	GUID(81, 41, bf, 1d, a9, 6f, 47, 09, ba, 47, f2, 33, a8, fa, ab, 5f);
/* cda348c7-445d-4471-9cc9-e9885251c556 */
const struct vhd_guid vhdx_guid_physical_sector =
	GUID(cd, a3, 48, c7, 44, 5d, 44, 71, 9c, c9, e9, 88, 52, 51, c5, 56);
/* beca12ab-b2e6-4523-93ef-c309e000c746 */
const struct vhd_guid vhdx_guid_disk_id =
	GUID(be, ca, 12, ab, b2, e6, 45, 23, 93, ef, c3, 09, e0, 00, c7, 46);
/* a8d35f2d-b30b-454d-abf7-d3d84834ab0c */
const struct vhd_guid vhdx_guid_locator =
	GUID(a8, d3, 5f, 2d, b3, 0b, 45, 4d, ab, f7, d3, d8, 48, 34, ab, 0c);
/* b04aefb7-d19e-4a81-b789-25b8e9445913 */
const struct vhd_guid vhdx_guid_locator_type =
	GUID(b0, 4a, ef, b7, d1, 9e, 4a, 81, b7, 89, 25, b8, e9, 44, 59, 13);
/* 71cc85f0-1b69-4e28-9558-c3bf83ae75d3 */
const struct vhd_guid vhdx_guid_incomplete =
	GUID(71, cc, 85, f0, 1b, 69, 4e, 28, 95, 58, c3, bf, 83, ae, 75, d3);
