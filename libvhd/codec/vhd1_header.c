/* SPDX-License-Identifier: BSD-2-Clause */
#include "codec/vhd1_header.h"

#include <string.h>

#include "base/ckd.h"
#include "base/zero.h"

static uint32_t sum_of(const uint8_t raw[VHD1_HEADER_LEN])
{
	return vhd1_checksum(raw, VHD1_HEADER_LEN,
			     offsetof(struct vhd1_header_disk, checksum));
}

enum vhd1_seal vhd1_header_seal(const uint8_t raw[VHD1_HEADER_LEN])
{
	struct vhd1_header_disk d;

	memcpy(&d, raw, sizeof(d));
	if (memcmp(d.cookie, VHD1_COOKIE_HEADER, sizeof(d.cookie)))
		return VHD1_SEAL_NONE;
	return be32_get(d.checksum) == sum_of(raw) ? VHD1_SEAL_OK
						   : VHD1_SEAL_BROKEN;
}

void vhd1_header_decode(const uint8_t raw[VHD1_HEADER_LEN],
			struct vhd1_header *out)
{
	struct vhd1_header_disk d;
	size_t i;

	memcpy(&d, raw, sizeof(d));
	*out = (struct vhd1_header){
		.next_off = be64_get(d.next_off),
		.table_off = be64_get(d.table_off),
		.version = be32_get(d.version),
		.max_entries = be32_get(d.max_entries),
		.block_size = be32_get(d.block_size),
		.parent_timestamp = be32_get(d.parent_timestamp),
	};
	memcpy(out->parent_id, d.parent_id, sizeof(out->parent_id));
	memcpy(out->reserved1, d.reserved1, sizeof(out->reserved1));
	memcpy(out->parent_name, d.parent_name, sizeof(out->parent_name));
	memcpy(out->reserved2, d.reserved2, sizeof(out->reserved2));
	for (i = 0; i < VHD1_LOCATORS; i++)
		out->locator[i] = (struct vhd1_locator){
			.code = be32_get(d.locator[i].code),
			.space = be32_get(d.locator[i].space),
			.len = be32_get(d.locator[i].len),
			.reserved = be32_get(d.locator[i].reserved),
			.off = be64_get(d.locator[i].off),
		};
}

void vhd1_header_encode(const struct vhd1_header *h,
			uint8_t raw[VHD1_HEADER_LEN])
{
	struct vhd1_header_disk d = {
		.next_off = be64_make(h->next_off),
		.table_off = be64_make(h->table_off),
		.version = be32_make(h->version),
		.max_entries = be32_make(h->max_entries),
		.block_size = be32_make(h->block_size),
		.parent_timestamp = be32_make(h->parent_timestamp),
	};
	size_t i;

	memcpy(d.cookie, VHD1_COOKIE_HEADER, sizeof(d.cookie));
	memcpy(d.parent_id, h->parent_id, sizeof(d.parent_id));
	memcpy(d.reserved1, h->reserved1, sizeof(d.reserved1));
	memcpy(d.parent_name, h->parent_name, sizeof(d.parent_name));
	memcpy(d.reserved2, h->reserved2, sizeof(d.reserved2));
	for (i = 0; i < VHD1_LOCATORS; i++)
		d.locator[i] = (struct vhd1_locator_disk){
			.code = be32_make(h->locator[i].code),
			.space = be32_make(h->locator[i].space),
			.len = be32_make(h->locator[i].len),
			.reserved = be32_make(h->locator[i].reserved),
			.off = be64_make(h->locator[i].off),
		};
	memcpy(raw, &d, sizeof(d));
	d.checksum = be32_make(sum_of(raw));
	memcpy(raw, &d, sizeof(d));
}

enum vhd_rule_idx vhd1_header_judge(const struct vhd1_header *h,
				    uint64_t header_off, uint64_t end)
{
	uint64_t len = vhd1_table_len(h->max_entries);

	if (h->version != VHD1_VERSION_1_0)
		return RULE_VHD1_HDR_VERSION;
	if (!is_pow2(h->block_size) || h->block_size < VHD1_BLOCK_SIZE_MIN ||
	    h->block_size > VHD1_BLOCK_SIZE_MAX)
		return RULE_VHD1_BLOCK_SIZE;
	if (!range_in(h->table_off, len, end))
		return RULE_VHD1_BAT_PLACE;
	if (ranges_overlap(h->table_off, len, 0, VHD1_FOOTER_LEN) ||
	    ranges_overlap(h->table_off, len, header_off, VHD1_HEADER_LEN))
		return RULE_VHD1_BAT_OVERLAP;
	return VHD_RULE_NONE;
}

bool vhd1_header_reserved_clean(const struct vhd1_header *h)
{
	return vhd_is_zero(h->reserved1, sizeof(h->reserved1)) &&
	       vhd_is_zero(h->reserved2, sizeof(h->reserved2));
}

uint64_t vhd1_table_len(uint32_t entries)
{
	return UINT64_C(4) * entries;
}

uint64_t vhd1_table_space(uint32_t entries)
{
	return align_up(vhd1_table_len(entries), VHD1_SECTOR);
}

uint32_t vhd1_bitmap_len(uint32_t block_size)
{
	uint64_t bits = block_size / VHD1_SECTOR;

	return (uint32_t)max_u64(VHD1_SECTOR,
				 align_up(div_ceil(bits, 8), VHD1_SECTOR));
}
