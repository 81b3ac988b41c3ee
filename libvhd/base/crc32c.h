/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_BASE_CRC32C_H
#define VHD_BASE_CRC32C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * CRC-32C (VHDX-GEN-03).  @crc is 0 at first and the last result when a buffer
 * comes in pieces.
 */
uint32_t vhd_crc32c(uint32_t crc, const void *buf, size_t len);

/*
 * The versions, for tests and benchmarks.  What a processor has is asked when it
 * runs: a version that is not supported may not be called, and one of another
 * architecture has no function.
 */
struct vhd_crc32c_variant {
	const char *name;
	bool (*supported)(void);
	uint32_t (*fn)(uint32_t crc, const void *buf, size_t len);
};

/* Best first; the last one is portable. */
enum { VHD_CRC32C_VARIANTS = 4 };
const struct vhd_crc32c_variant *vhd_crc32c_variant(size_t i);

extern const struct vhd_crc32c_variant vhd_crc32c_x86;
extern const struct vhd_crc32c_variant vhd_crc32c_arm_three;
extern const struct vhd_crc32c_variant vhd_crc32c_arm_one;
extern const struct vhd_crc32c_variant vhd_crc32c_portable;

#endif
