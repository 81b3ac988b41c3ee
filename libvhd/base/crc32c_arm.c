/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CRC-32C with the CRC instructions of 64-bit ARM; three streams where it has
 * PMULL too, which puts them together.
 *
 * The instructions are written out, because the compilers do not agree on how
 * their functions for them are had without building all for that processor.
 */
#include "base/crc32c_priv.h"

#if defined(__aarch64__) && defined(__linux__)

#include <asm/hwcap.h>
#include <sys/auxv.h>

#include "base/crc32c_table.h"

#if defined(__clang__)
#define CRC_TARGET __attribute__((target("crc,crypto")))
#else
#define CRC_TARGET __attribute__((target("+crc+crypto")))
#endif

CRC_TARGET static inline uint32_t crc_8(uint32_t crc, uint64_t x)
{
	__asm__("crc32cx %w0, %w0, %x1" : "+r"(crc) : "r"(x));
	return crc;
}

CRC_TARGET static inline uint32_t crc_1(uint32_t crc, uint8_t x)
{
	__asm__("crc32cb %w0, %w0, %w1" : "+r"(crc) : "r"((uint32_t)x));
	return crc;
}

CRC_TARGET static inline uint64_t product(uint32_t a, uint32_t b)
{
	uint64_t out;

	__asm__("fmov d0, %x1\n\t"
		"fmov d1, %x2\n\t"
		"pmull v0.1q, v0.1d, v1.1d\n\t"
		"fmov %x0, d0"
		: "=r"(out)
		: "r"((uint64_t)a), "r"((uint64_t)b)
		: "v0", "v1");
	return out;
}

#include "base/crc32c_streams.h"

CRC_TARGET static uint32_t single(uint32_t crc, const void *buf, size_t len)
{
	return ~one(~crc, buf, len);
}

static bool has(unsigned long what)
{
	return (getauxval(AT_HWCAP) & what) == what;
}

static bool three_supported(void)
{
	return has(HWCAP_CRC32 | HWCAP_PMULL);
}

static bool one_supported(void)
{
	return has(HWCAP_CRC32);
}

const struct vhd_crc32c_variant vhd_crc32c_arm_three = {
	"crc+pmull", three_supported, streams
};
const struct vhd_crc32c_variant vhd_crc32c_arm_one = {
	"crc", one_supported, single
};

#else

static bool supported(void)
{
	return false;
}

const struct vhd_crc32c_variant vhd_crc32c_arm_three = {
	"crc+pmull", supported, NULL
};
const struct vhd_crc32c_variant vhd_crc32c_arm_one = {
	"crc", supported, NULL
};

#endif
