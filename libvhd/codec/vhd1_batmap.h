/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_CODEC_VHD1_BATMAP_H
#define VHD_CODEC_VHD1_BATMAP_H

/*
 * The batmap of Xen: a bit per block that is completely present (VHD-X-3 to
 * VHD-X-8).
 */

#include <stdbool.h>

#include "codec/vhd1_disk.h"

enum {
	VHD1_BATMAP_1_1 = 0x00010001,	/* sums signed bytes */
	VHD1_BATMAP_1_2 = 0x00010002
};

struct vhd1_batmap {
	uint64_t map_off;
	uint32_t map_sectors;
	uint32_t version;
	uint32_t checksum;
	uint8_t marker;
	uint8_t key_cookie;
	uint8_t key_nonce[32];
	uint8_t key_hash[32];
};

/* False when the cookie is missing; @out is then not written. */
bool vhd1_batmap_decode(const uint8_t raw[VHD1_BATMAP_LEN],
			struct vhd1_batmap *out);
void vhd1_batmap_encode(const struct vhd1_batmap *b,
			uint8_t raw[VHD1_BATMAP_LEN]);

/* VHD-K-51: version, size and place of the map in a file of @file_size. */
bool vhd1_batmap_usable(const struct vhd1_batmap *b, uint32_t max_entries,
			uint64_t file_size);

/* VHD-X-4: sectors that the map of a table needs. */
uint32_t vhd1_batmap_sectors(uint32_t max_entries);

/* VHD-X-6: bytes of the map that the checksum covers. */
uint64_t vhd1_batmap_covered(uint64_t disk_size);

/* The sum so far, 0 at first; the checksum is its complement. */
uint32_t vhd1_batmap_sum(uint32_t sum, const uint8_t *map, size_t len,
			 uint32_t version);

/* VHD-X-7: does libvhd miscount for this disk? */
bool vhd1_batmap_defect(uint64_t disk_size);

#endif
