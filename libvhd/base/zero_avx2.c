/* SPDX-License-Identifier: BSD-2-Clause */
/* The scan for zeros with the 32-byte loads of x86. */
#include "base/zero_priv.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define ZERO_TARGET __attribute__((target("avx2")))

ZERO_TARGET static inline bool long_is_zero(const uint8_t *p, size_t len)
{
	for (const uint8_t *end = p + len; p < end; p += ZERO_STRIDE) {
		const __m256i_u *v = (const __m256i_u *)p;
		__m256i a = _mm256_or_si256(_mm256_loadu_si256(v),
					    _mm256_loadu_si256(v + 1));
		__m256i b = _mm256_or_si256(_mm256_loadu_si256(v + 2),
					    _mm256_loadu_si256(v + 3));
		__m256i c = _mm256_or_si256(_mm256_loadu_si256(v + 4),
					    _mm256_loadu_si256(v + 5));
		__m256i d = _mm256_or_si256(_mm256_loadu_si256(v + 6),
					    _mm256_loadu_si256(v + 7));

		a = _mm256_or_si256(_mm256_or_si256(a, b),
				    _mm256_or_si256(c, d));
		if (!_mm256_testz_si256(a, a))
			return false;
	}
	return true;
}

#include "base/zero_scan.h"

static bool supported(void)
{
	return __builtin_cpu_supports("avx2");
}

const struct vhd_zero_variant vhd_zero_avx2 = {
	"avx2", supported, scan_all, scan_run
};

#else

static bool supported(void)
{
	return false;
}

const struct vhd_zero_variant vhd_zero_avx2 = { "avx2", supported, NULL, NULL };

#endif
