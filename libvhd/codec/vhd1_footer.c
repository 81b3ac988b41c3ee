/* SPDX-License-Identifier: BSD-2-Clause */
#include "codec/vhd1_footer.h"

#include <string.h>

#include "base/ckd.h"
#include "base/zero.h"

/* Microsoft's cap, 2040 GiB (VHD-M-1). */
#define SIZE_CAP (UINT64_C(2040) * GiB)

static uint32_t sum_of(const uint8_t raw[VHD1_FOOTER_LEN])
{
	return vhd1_checksum(raw, VHD1_FOOTER_LEN,
			     offsetof(struct vhd1_footer_disk, checksum));
}

/*
 * VHD-F-32: old Xen tools set the hidden flag without a new checksum, so for
 * their versions the flag may count as zero.
 */
static bool sum_fits_unhidden(const struct vhd1_footer_disk *d,
			      const uint8_t raw[VHD1_FOOTER_LEN])
{
	uint32_t version = be32_get(d->creator_version);

	if (memcmp(d->creator_app, "tap", 3) || !d->hidden)
		return false;
	if (version != VHD1_TAP_0_1 && version != VHD1_TAP_1_1)
		return false;
	return be32_get(d->checksum) == sum_of(raw) + d->hidden;
}

enum vhd1_seal vhd1_footer_seal(const uint8_t raw[VHD1_FOOTER_LEN])
{
	struct vhd1_footer_disk d;

	memcpy(&d, raw, sizeof(d));
	if (!memcmp(d.cookie, VHD1_COOKIE_POISON, sizeof(d.cookie)))
		return VHD1_SEAL_POISON;
	if (memcmp(d.cookie, VHD1_COOKIE, sizeof(d.cookie)))
		return VHD1_SEAL_NONE;
	if (be32_get(d.checksum) == sum_of(raw))
		return VHD1_SEAL_OK;
	if (sum_fits_unhidden(&d, raw))
		return VHD1_SEAL_OK_HIDDEN;
	return VHD1_SEAL_BROKEN;
}

void vhd1_footer_decode(const uint8_t raw[VHD1_FOOTER_LEN],
			struct vhd1_footer *out)
{
	struct vhd1_footer_disk d;

	memcpy(&d, raw, sizeof(d));
	*out = (struct vhd1_footer){
		.data_off = be64_get(d.data_off),
		.original_size = be64_get(d.original_size),
		.current_size = be64_get(d.current_size),
		.features = be32_get(d.features),
		.version = be32_get(d.version),
		.timestamp = be32_get(d.timestamp),
		.creator_version = be32_get(d.creator_version),
		.type = be32_get(d.type),
		.geometry = { be16_get(d.cylinders), d.heads, d.sectors },
		.saved_state = d.saved_state,
		.hidden = d.hidden,
	};
	memcpy(out->creator_app, d.creator_app, sizeof(out->creator_app));
	memcpy(out->creator_os, d.creator_os, sizeof(out->creator_os));
	memcpy(out->unique_id, d.unique_id, sizeof(out->unique_id));
	memcpy(out->reserved, d.reserved, sizeof(out->reserved));
}

void vhd1_footer_encode(const struct vhd1_footer *f,
			uint8_t raw[VHD1_FOOTER_LEN])
{
	struct vhd1_footer_disk d = {
		.features = be32_make(f->features),
		.version = be32_make(f->version),
		.data_off = be64_make(f->data_off),
		.timestamp = be32_make(f->timestamp),
		.creator_version = be32_make(f->creator_version),
		.original_size = be64_make(f->original_size),
		.current_size = be64_make(f->current_size),
		.cylinders = be16_make(f->geometry.cylinders),
		.heads = f->geometry.heads,
		.sectors = f->geometry.sectors,
		.type = be32_make(f->type),
		.saved_state = f->saved_state,
		.hidden = f->hidden,
	};

	memcpy(d.cookie, VHD1_COOKIE, sizeof(d.cookie));
	memcpy(d.creator_app, f->creator_app, sizeof(d.creator_app));
	memcpy(d.creator_os, f->creator_os, sizeof(d.creator_os));
	memcpy(d.unique_id, f->unique_id, sizeof(d.unique_id));
	memcpy(d.reserved, f->reserved, sizeof(d.reserved));
	memcpy(raw, &d, sizeof(d));
	d.checksum = be32_make(sum_of(raw));
	memcpy(raw, &d, sizeof(d));
}

enum vhd_rule_idx vhd1_footer_judge(const struct vhd1_footer *f)
{
	if (f->version >> 16 != 1)
		return RULE_VHD1_VERSION;
	if (f->type != VHD1_TYPE_FIXED && f->type != VHD1_TYPE_DYNAMIC &&
	    f->type != VHD1_TYPE_DIFF)
		return RULE_VHD1_DISK_TYPE;
	if (vhd1_footer_is_tap(f) &&
	    (f->creator_version <= VHD1_TAP_0_1 ||
	     f->creator_version > VHD1_TAP_1_3))
		return RULE_VHD1_TAP_VERSION;
	if (f->current_size < VHD1_SECTOR)
		return RULE_VHD1_SIZE_ZERO;
	return VHD_RULE_NONE;
}

bool vhd1_footer_plausible(const struct vhd1_footer *f)
{
	if (vhd1_footer_judge(f) != VHD_RULE_NONE)
		return false;
	if (f->version != VHD1_VERSION_1_0)
		return false;
	if (f->features & ~(uint32_t)(VHD1_FEATURE_TEMPORARY |
				      VHD1_FEATURE_RESERVED))
		return false;
	if (f->current_size % VHD1_SECTOR || f->current_size > SIZE_CAP)
		return false;
	if (!f->original_size || f->original_size > SIZE_CAP)
		return false;
	if (f->saved_state > 1 || f->hidden > 1)
		return false;
	return vhd_is_zero(f->reserved, sizeof(f->reserved));
}

bool vhd1_footer_is_tap(const struct vhd1_footer *f)
{
	return !memcmp(f->creator_app, "tap", 3);
}

void vhd1_footer_own(struct vhd1_footer *f)
{
	memcpy(f->creator_app, "win ", sizeof(f->creator_app));
	memcpy(f->creator_os, "Wi2k", sizeof(f->creator_os));
	f->creator_version = 0x000a0000;
}

uint64_t vhd1_footer_size(const struct vhd1_footer *f,
			  enum vhd_size_rule rule)
{
	uint64_t chs = vhd1_geometry_size(f->geometry);
	bool by_chs = false;

	switch (rule) {
	case VHD_SIZE_CURRENT:
		break;
	case VHD_SIZE_CHS:
		by_chs = chs != VHD1_CHS_MAX;
		break;
	case VHD_SIZE_AUTO:
		by_chs = vhd1_qemu_uses_chs(f->creator_app, chs, VHD1_QEMU_10);
		break;
	}
	return by_chs && chs ? chs : f->current_size;
}

int64_t vhd1_time_to_unix(uint32_t timestamp)
{
	return timestamp ? VHD1_EPOCH + timestamp : 0;
}

uint32_t vhd1_time_from_unix(int64_t unix_time)
{
	if (unix_time <= VHD1_EPOCH)
		return 0;
	if (unix_time - VHD1_EPOCH > (int64_t)UINT32_MAX)
		return UINT32_MAX;
	return (uint32_t)(unix_time - VHD1_EPOCH);
}
