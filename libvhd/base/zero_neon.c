/* SPDX-License-Identifier: BSD-2-Clause */
/* The scan for zeros with the 16-byte loads of 64-bit ARM. */
#include "base/zero_priv.h"

#if defined(__aarch64__) && defined(__linux__)

#include <arm_neon.h>
#include <asm/hwcap.h>
#include <sys/auxv.h>

#define ZERO_TARGET

/* The order of bytes in a register does not matter here. */
static inline uint8x16_t gather(const uint8_t *p)
{
	uint8x16_t a = vorrq_u8(vld1q_u8(p), vld1q_u8(p + 16));
	uint8x16_t b = vorrq_u8(vld1q_u8(p + 32), vld1q_u8(p + 48));

	return vorrq_u8(a, b);
}

static inline bool long_is_zero(const uint8_t *p, size_t len)
{
	for (const uint8_t *end = p + len; p < end; p += ZERO_STRIDE) {
		uint8x16_t a = vorrq_u8(gather(p), gather(p + 64));
		uint8x16_t b = vorrq_u8(gather(p + 128), gather(p + 192));

		if (vmaxvq_u32(vreinterpretq_u32_u8(vorrq_u8(a, b))))
			return false;
	}
	return true;
}

#include "base/zero_scan.h"

static bool supported(void)
{
	return getauxval(AT_HWCAP) & HWCAP_ASIMD;
}

const struct vhd_zero_variant vhd_zero_neon = {
	"neon", supported, scan_all, scan_run
};

#else

static bool supported(void)
{
	return false;
}

const struct vhd_zero_variant vhd_zero_neon = { "neon", supported, NULL, NULL };

#endif
