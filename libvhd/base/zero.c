/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scan for zeros, which convert runs over everything it copies.
 *
 * Data differs from zero within its first bytes nearly always, so a short look
 * at the start comes before the loop.  The loop gathers 256 bytes with OR and
 * decides once for all of them: fewer branches than loads.
 */
#include "base/zero.h"

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { STRIDE = 256 };

static uint64_t load(const uint8_t *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof(x));
	return x;
}

/* Any length; used for what is shorter than a stride. */
static bool short_is_zero(const uint8_t *p, size_t len)
{
	uint64_t any = 0;

	for (; len >= 8; p += 8, len -= 8)
		any |= load(p);
	for (; len; len--)
		any |= *p++;
	return !any;
}

/* @len is a multiple of STRIDE in both. */
static bool long_is_zero(const uint8_t *p, size_t len)
{
	for (const uint8_t *end = p + len; p < end; p += STRIDE) {
		uint64_t any[4] = { 0 };

		for (size_t i = 0; i < STRIDE; i += 32) {
			any[0] |= load(p + i);
			any[1] |= load(p + i + 8);
			any[2] |= load(p + i + 16);
			any[3] |= load(p + i + 24);
		}
		if (any[0] | any[1] | any[2] | any[3])
			return false;
	}
	return true;
}

#if defined(__x86_64__)
__attribute__((target("avx2")))
static bool long_is_zero_avx2(const uint8_t *p, size_t len)
{
	for (const uint8_t *end = p + len; p < end; p += STRIDE) {
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
#endif

typedef bool (*long_fn)(const uint8_t *p, size_t len);

/* The start, the end that is no whole stride, and then all of the rest. */
static bool scan(const uint8_t *p, size_t len, long_fn rest)
{
	size_t body = len & ~(size_t)(STRIDE - 1);

	if (!body)
		return short_is_zero(p, len);
	if (load(p) | load(p + 8))
		return false;
	return short_is_zero(p + body, len - body) && rest(p, body);
}

bool vhd_is_zero_portable(const void *buf, size_t len)
{
	return scan(buf, len, long_is_zero);
}

bool vhd_is_zero(const void *buf, size_t len)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2"))
		return scan(buf, len, long_is_zero_avx2);
#endif
	return vhd_is_zero_portable(buf, len);
}
