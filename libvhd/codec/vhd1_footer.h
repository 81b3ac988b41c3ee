/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_CODEC_VHD1_FOOTER_H
#define VHD_CODEC_VHD1_FOOTER_H

/* The footer of a VHD: bytes <-> struct (VHD-F). */

#include "base/rules.h"
#include "codec/vhd1_checksum.h"
#include "codec/vhd1_disk.h"
#include "codec/vhd1_geometry.h"
#include "vhd/image.h"

enum {
	VHD1_FEATURE_TEMPORARY = 1 << 0,
	VHD1_FEATURE_RESERVED = 1 << 1
};

enum {
	VHD1_TYPE_FIXED = 2,
	VHD1_TYPE_DYNAMIC = 3,
	VHD1_TYPE_DIFF = 4
};

/* Versions that creator "tap" writes (VHD-X-1). */
enum {
	VHD1_TAP_0_1 = 0x00000001,
	VHD1_TAP_1_1 = 0x00010001,
	VHD1_TAP_1_2 = 0x00010002,
	VHD1_TAP_1_3 = 0x00010003
};

struct vhd1_footer {
	uint64_t data_off;
	uint64_t original_size;
	uint64_t current_size;
	uint32_t features;
	uint32_t version;
	uint32_t timestamp;		/* seconds since 2000 */
	uint32_t creator_version;
	uint32_t type;
	struct vhd1_geometry geometry;
	uint8_t creator_app[4];
	uint8_t creator_os[4];
	uint8_t unique_id[16];
	uint8_t saved_state;
	uint8_t hidden;
	uint8_t reserved[426];
};

enum vhd1_seal vhd1_footer_seal(const uint8_t raw[VHD1_FOOTER_LEN]);

/* Total: any bytes have a meaning.  Cookie and checksum are the seal's. */
void vhd1_footer_decode(const uint8_t raw[VHD1_FOOTER_LEN],
			struct vhd1_footer *out);

/* The inverse, with cookie and checksum. */
void vhd1_footer_encode(const struct vhd1_footer *f,
			uint8_t raw[VHD1_FOOTER_LEN]);

/* The first rule that keeps the file from being opened, or VHD_RULE_NONE. */
enum vhd_rule_idx vhd1_footer_judge(const struct vhd1_footer *f);

/*
 * Could a program have written this?  Asked when the checksum is wrong; a
 * stricter question than whether the fields are usable.
 */
bool vhd1_footer_plausible(const struct vhd1_footer *f);

/* Creator "tap" with anything behind it. */
bool vhd1_footer_is_tap(const struct vhd1_footer *f);

/* Makes us the creator (VHD-F-40). */
void vhd1_footer_own(struct vhd1_footer *f);

/* Size of the disk in bytes by one of the rules of VHD-C-15. */
uint64_t vhd1_footer_size(const struct vhd1_footer *f,
			  enum vhd_size_rule rule);

/* VHD-F-11: 0 stays 0, "not recorded". */
int64_t vhd1_time_to_unix(uint32_t timestamp);
/* Times outside of what can be recorded become the nearest that can. */
uint32_t vhd1_time_from_unix(int64_t unix_time);

#endif
