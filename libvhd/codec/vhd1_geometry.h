/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_CODEC_VHD1_GEOMETRY_H
#define VHD_CODEC_VHD1_GEOMETRY_H

/*
 * Cylinders, heads and sectors per track.  The footer carries them next to the
 * size in bytes, and the two rarely agree: Virtual PC and some versions of QEMU
 * go by the geometry, everybody else by the size (VHD-C-10 to VHD-C-12).
 */

#include <stdbool.h>
#include <stdint.h>

struct vhd1_geometry {
	uint16_t cylinders;
	uint8_t heads;
	uint8_t sectors;
};

/* Bytes that the largest geometry covers, 127.4981 GiB. */
#define VHD1_CHS_MAX (UINT64_C(267382800) * 512)

enum vhd1_qemu_era {
	VHD1_QEMU_9,		/* 2.6 to 9.2: VHD-C-11 */
	VHD1_QEMU_10		/* since 10: VHD-C-12 */
};

/* VHD-C-1, for a disk of @size bytes. */
struct vhd1_geometry vhd1_geometry_of(uint64_t size);

/* Bytes that a geometry covers; 0 when it is not recorded. */
uint64_t vhd1_geometry_size(struct vhd1_geometry g);

/* VHD-C-1 or one of the deviations that check accepts (VHD-K-11). */
bool vhd1_geometry_fits(struct vhd1_geometry g, uint64_t size);

/* Does QEMU take the size of such a disk from its geometry? */
bool vhd1_qemu_uses_chs(const uint8_t creator_app[4], uint64_t chs_size,
			enum vhd1_qemu_era era);

#endif
