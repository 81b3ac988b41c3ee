/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_CODEC_VHD1_CHECKSUM_H
#define VHD_CODEC_VHD1_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What cookie and checksum of a structure say about it. */
enum vhd1_seal {
	VHD1_SEAL_NONE,		/* no cookie: something else is there */
	VHD1_SEAL_BROKEN,	/* the cookie, and a wrong checksum */
	VHD1_SEAL_POISON,	/* "v_poison", VHD-X-20 */
	VHD1_SEAL_OK,
	VHD1_SEAL_OK_HIDDEN	/* right but for the hidden flag, VHD-F-32 */
};

static inline bool vhd1_sealed(enum vhd1_seal seal)
{
	return seal == VHD1_SEAL_OK || seal == VHD1_SEAL_OK_HIDDEN;
}

/*
 * VHD-F-30: complement of the sum of all bytes, those of the 4-byte checksum at
 * @field_off counting as zero.
 */
uint32_t vhd1_checksum(const uint8_t *buf, size_t len, size_t field_off);

#endif
