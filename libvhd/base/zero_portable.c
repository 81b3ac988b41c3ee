/* SPDX-License-Identifier: BSD-2-Clause */
/* The scan for zeros in plain C, which compilers make wide loads of. */
#include "base/zero_priv.h"

#define ZERO_TARGET

static inline bool long_is_zero(const uint8_t *p, size_t len)
{
	for (const uint8_t *end = p + len; p < end; p += ZERO_STRIDE) {
		uint64_t any[4] = { 0 };

		for (size_t i = 0; i < ZERO_STRIDE; i += 32) {
			any[0] |= zero_load(p + i);
			any[1] |= zero_load(p + i + 8);
			any[2] |= zero_load(p + i + 16);
			any[3] |= zero_load(p + i + 24);
		}
		if (any[0] | any[1] | any[2] | any[3])
			return false;
	}
	return true;
}

#include "base/zero_scan.h"

static bool supported(void)
{
	return true;
}

const struct vhd_zero_variant vhd_zero_portable = {
	"portable", supported, scan_all, scan_run
};
