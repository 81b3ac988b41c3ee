/* SPDX-License-Identifier: BSD-2-Clause */
#include "codec/vhd1_batmap.h"

#include <string.h>

#include "base/ckd.h"

bool vhd1_batmap_decode(const uint8_t raw[VHD1_BATMAP_LEN],
			struct vhd1_batmap *out)
{
	struct vhd1_batmap_disk d;

	memcpy(&d, raw, sizeof(d));
	if (memcmp(d.cookie, VHD1_COOKIE_BATMAP, sizeof(d.cookie)))
		return false;
	*out = (struct vhd1_batmap){
		.map_off = be64_get(d.map_off),
		.map_sectors = be32_get(d.map_sectors),
		.version = be32_get(d.version),
		.checksum = be32_get(d.checksum),
		.marker = d.marker,
		.key_cookie = d.key_cookie,
	};
	memcpy(out->key_nonce, d.key_nonce, sizeof(out->key_nonce));
	memcpy(out->key_hash, d.key_hash, sizeof(out->key_hash));
	return true;
}

void vhd1_batmap_encode(const struct vhd1_batmap *b,
			uint8_t raw[VHD1_BATMAP_LEN])
{
	struct vhd1_batmap_disk d = {
		.map_off = be64_make(b->map_off),
		.map_sectors = be32_make(b->map_sectors),
		.version = be32_make(b->version),
		.checksum = be32_make(b->checksum),
		.marker = b->marker,
		.key_cookie = b->key_cookie,
	};

	memcpy(d.cookie, VHD1_COOKIE_BATMAP, sizeof(d.cookie));
	memcpy(d.key_nonce, b->key_nonce, sizeof(d.key_nonce));
	memcpy(d.key_hash, b->key_hash, sizeof(d.key_hash));
	memcpy(raw, &d, sizeof(d));
}

bool vhd1_batmap_usable(const struct vhd1_batmap *b, uint32_t max_entries,
			uint64_t file_size)
{
	uint64_t len = UINT64_C(512) * b->map_sectors;

	if (b->version != VHD1_BATMAP_1_1 && b->version != VHD1_BATMAP_1_2)
		return false;
	if (!len || len * 8 < max_entries)
		return false;
	return b->map_off % VHD1_SECTOR == 0 &&
	       range_in(b->map_off, len, file_size);
}

uint32_t vhd1_batmap_sectors(uint32_t max_entries)
{
	return (uint32_t)max_u64(1, div_ceil(div_ceil(max_entries, 8),
					     VHD1_SECTOR));
}

uint64_t vhd1_batmap_covered(uint64_t disk_size)
{
	return VHD1_SECTOR *
	       max_u64(1, div_ceil(disk_size >> 24, VHD1_SECTOR));
}

uint32_t vhd1_batmap_sum(uint32_t sum, const uint8_t *map, size_t len,
			 uint32_t version)
{
	size_t i;

	for (i = 0; i < len; i++) {
		sum += map[i];
		if (version == VHD1_BATMAP_1_1 && map[i] >= 0x80)
			sum -= 0x100;
	}
	return sum;
}

bool vhd1_batmap_defect(uint64_t disk_size)
{
	uint64_t blocks = div_ceil(disk_size, 2 * MiB);

	return blocks % 8 && blocks / 8 && blocks / 8 % VHD1_SECTOR == 0;
}
