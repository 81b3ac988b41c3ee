/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which version of the scan for zeros runs is decided at each call: the question
 * costs a load, and an answer kept in a variable would be a global that changes.
 */
#include "base/zero.h"

/* The best one of this processor. */
static inline const struct vhd_zero_variant *best(void)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2"))
		return &vhd_zero_avx2;
#elif defined(__aarch64__) && defined(__linux__)
	if (vhd_zero_neon.supported())
		return &vhd_zero_neon;
#endif
	return &vhd_zero_portable;
}

bool vhd_is_zero(const void *buf, size_t len)
{
	return best()->fn(buf, len);
}

size_t vhd_zero_run(const void *buf, size_t len, size_t grain, bool *zero_out)
{
	return best()->run(buf, len, grain, zero_out);
}

const struct vhd_zero_variant *vhd_zero_variant(size_t i)
{
	static const struct vhd_zero_variant *const all[VHD_ZERO_VARIANTS] = {
		&vhd_zero_avx2, &vhd_zero_neon, &vhd_zero_portable
	};

	return all[i];
}
