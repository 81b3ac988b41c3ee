/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which version of CRC-32C runs is decided at each call: the question costs a
 * load or two, and an answer kept in a variable would be a global that changes.
 */
#include "base/crc32c.h"

uint32_t vhd_crc32c(uint32_t crc, const void *buf, size_t len)
{
#if defined(__x86_64__)
	if (vhd_crc32c_x86.supported())
		return vhd_crc32c_x86.fn(crc, buf, len);
#elif defined(__aarch64__) && defined(__linux__)
	if (vhd_crc32c_arm_three.supported())
		return vhd_crc32c_arm_three.fn(crc, buf, len);
	if (vhd_crc32c_arm_one.supported())
		return vhd_crc32c_arm_one.fn(crc, buf, len);
#endif
	return vhd_crc32c_portable.fn(crc, buf, len);
}

const struct vhd_crc32c_variant *vhd_crc32c_variant(size_t i)
{
	static const struct vhd_crc32c_variant *const
		all[VHD_CRC32C_VARIANTS] = {
		&vhd_crc32c_x86, &vhd_crc32c_arm_three, &vhd_crc32c_arm_one,
		&vhd_crc32c_portable
	};

	return all[i];
}
