/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>

#include "base/ckd.h"
#include "base/fail.h"
#include "ops/resize.h"

#define VHD_CAP		(2040 * GiB)	/* VHD-M-1 */
#define VHD_FILE_CAP	(2 * TiB)	/* VHD-M-5 */
#define VHDX_CAP	(64 * TiB)	/* VHDX-RSZ-01 */
#define FILE_CAP	((uint64_t)INT64_MAX - MiB)

/* Room for the headers, locators and the footer of a dynamic VHD. */
#define VHD_EXTRA	MiB

enum { VHD_SECTOR = 512, BITS_OF_SECTOR = 512 * 8, XEN_BATMAP_STEP = 512 };

/* VHD-M-3: do the blocks of the disk lie below 2 TiB, all of them? */
static bool vhd_blocks_fit(const struct vhd_info *info, uint64_t size)
{
	uint64_t sectors = info->block_size / VHD_SECTOR;
	uint64_t blocks = div_ceil(size, info->block_size);
	uint64_t stride = info->block_size +
			  div_ceil(sectors, BITS_OF_SECTOR) * VHD_SECTOR;

	/* Both factors are below 2^42: no overflow. */
	return blocks <= (VHD_FILE_CAP - VHD_EXTRA - blocks * 4) / stride;
}

/* VHD-X-7: libvhd reads a batmap of one sector less than it has. */
static bool xen_miscounts(const struct vhd_info *info, uint64_t size)
{
	uint64_t blocks = div_ceil(size, info->block_size);

	return info->vhd.has_batmap && blocks % 8 && blocks / 8 &&
	       blocks / 8 % XEN_BATMAP_STEP == 0;
}

static int vhd_limits(const struct vhd_info *info, uint64_t size,
		      struct vhd_error *err)
{
	if (info->type == VHD_TYPE_FIXED && size <= FILE_CAP)
		return 0;
	if (info->type == VHD_TYPE_FIXED || size > VHD_CAP)
		return vhd_fail_code_rule(
			err, VHD_E_INVAL, RULE_VHD1_SIZE_LIMIT, VHD_NO_OFFSET,
			"%" PRIu64 " bytes are over the 2040 GiB that a %s VHD "
			"can have; a VHDX can have 64 TiB", size,
			vhd_type_name(info->type));
	if (!vhd_blocks_fit(info, size))
		return vhd_fail(err, VHD_E_INVAL,
				"%" PRIu64 " bytes in blocks of %" PRIu64
				" do not fit into the 2 TiB that the file of a "
				"%s VHD can have; a VHDX can have 64 TiB", size,
				info->block_size, vhd_type_name(info->type));
	if (xen_miscounts(info, size))
		return vhd_fail_code_rule(
			err, VHD_E_INVAL, RULE_VHD1_BATMAP_ROUNDING,
			VHD_NO_OFFSET, "Xen miscounts the blocks of a disk of "
			"%" PRIu64 " bytes; %" PRIu64 " bytes, the next "
			"multiple of 16 MiB, are safe", size,
			align_up(size, 16 * MiB));
	return 0;
}

int vhd_resize_limits(struct vhd_image *img, uint64_t size,
		      struct vhd_error *err)
{
	struct vhd_info info = { .size = sizeof(info) };
	int rc = vhd_layer_info(img, 0, &info, err);

	if (rc)
		return rc;
	if (!size)
		rc = vhd_fail(err, VHD_E_INVAL, "a disk cannot have 0 bytes");
	else if (info.logical_sector && size % info.logical_sector)
		rc = vhd_fail(err, VHD_E_INVAL,
			      "%" PRIu64 " bytes are no multiple of the disk's "
			      "sectors of %" PRIu32 " bytes", size,
			      info.logical_sector);
	else if (info.format == VHD_FORMAT_VHD)
		rc = vhd_limits(&info, size, err);
	else if (info.format == VHD_FORMAT_VHDX && size > VHDX_CAP)
		rc = vhd_fail(err, VHD_E_INVAL,
			      "%" PRIu64 " bytes are over the 64 TiB that a "
			      "VHDX can have", size);
	else if (size > FILE_CAP && info.format != VHD_FORMAT_VHDX)
		rc = vhd_fail(err, VHD_E_INVAL,
			      "%" PRIu64 " bytes are more than a file can "
			      "have", size);
	return vhd_err_file(err, rc, vhd_io_name(img->layers[0].io));
}
