/* SPDX-License-Identifier: BSD-2-Clause */
/* CRC-32C with SSE4.2 and PCLMUL. */
#include "base/crc32c_priv.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include "base/crc32c_table.h"

#define CRC_TARGET __attribute__((target("sse4.2,pclmul")))

CRC_TARGET static inline uint32_t crc_8(uint32_t crc, uint64_t x)
{
	return (uint32_t)_mm_crc32_u64(crc, x);
}

CRC_TARGET static inline uint32_t crc_1(uint32_t crc, uint8_t x)
{
	return _mm_crc32_u8(crc, x);
}

CRC_TARGET static inline uint64_t product(uint32_t a, uint32_t b)
{
	__m128i p = _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)a),
					 _mm_cvtsi64_si128((long long)b), 0);

	return (uint64_t)_mm_cvtsi128_si64(p);
}

#include "base/crc32c_streams.h"

static bool supported(void)
{
	return __builtin_cpu_supports("sse4.2") &&
	       __builtin_cpu_supports("pclmul");
}

const struct vhd_crc32c_variant vhd_crc32c_x86 = {
	"sse4.2+pclmul", supported, streams
};

#else

static bool supported(void)
{
	return false;
}

const struct vhd_crc32c_variant vhd_crc32c_x86 = {
	"sse4.2+pclmul", supported, NULL
};

#endif
