/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_CODEC_VHD1_HEADER_H
#define VHD_CODEC_VHD1_HEADER_H

/* The dynamic header of a VHD: bytes <-> struct (VHD-H). */

#include "base/rules.h"
#include "codec/vhd1_checksum.h"
#include "codec/vhd1_disk.h"
#include "codec/vhd1_locator.h"

/* Bounds of what can be read; writing is stricter (VHD-H-5, VHD-H-6). */
enum {
	VHD1_BLOCK_SIZE_MIN = 512,
	VHD1_BLOCK_SIZE_MAX = 256 << 20
};

struct vhd1_header {
	uint64_t next_off;
	uint64_t table_off;
	uint32_t version;
	uint32_t max_entries;
	uint32_t block_size;
	uint32_t parent_timestamp;	/* seconds since 2000 */
	uint8_t parent_id[16];
	uint8_t reserved1[4];
	uint8_t parent_name[VHD1_NAME_LEN];
	struct vhd1_locator locator[VHD1_LOCATORS];
	uint8_t reserved2[256];
};

enum vhd1_seal vhd1_header_seal(const uint8_t raw[VHD1_HEADER_LEN]);

/* Total: any bytes have a meaning.  Cookie and checksum are the seal's. */
void vhd1_header_decode(const uint8_t raw[VHD1_HEADER_LEN],
			struct vhd1_header *out);

/* The inverse, with cookie and checksum. */
void vhd1_header_encode(const struct vhd1_header *h,
			uint8_t raw[VHD1_HEADER_LEN]);

/*
 * The first rule that keeps the file from being opened, or VHD_RULE_NONE.
 * @header_off is where the header lies, @end the end of everything but the
 * trailing footer.
 */
enum vhd_rule_idx vhd1_header_judge(const struct vhd1_header *h,
				    uint64_t header_off, uint64_t end);

/* Reserved bytes that are not zero? */
bool vhd1_header_reserved_clean(const struct vhd1_header *h);

/* Bytes of the table, and the same with its padding (VHD-B-2). */
uint64_t vhd1_table_len(uint32_t entries);
uint64_t vhd1_table_space(uint32_t entries);

/* Bytes of the sector bitmap in front of each block (VHD-S-1, VHD-H-6). */
uint32_t vhd1_bitmap_len(uint32_t block_size);

#endif
