/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CRC-32C (VHDX-GEN-03), by the processor where it can, else by table.
 *
 * The CRC instruction of x86 takes a word a cycle but answers three cycles
 * later, so one chain of them runs at a third of the speed.  Long buffers are
 * therefore cut into three streams of equal length that run side by side, and
 * their results are put together by moving the first over the length of the two
 * others and the second over the length of the third.
 *
 * Moving a CRC over n zero bytes is multiplying it by x^(8n) modulo the
 * polynomial.  A carry-less product of two reflected 32-bit numbers has one
 * factor of x in excess and the CRC instruction, which reduces it, adds x^32:
 * hence the constants x^(8n - 33) of crc32c_table.h.
 *
 * Which code runs is decided at each call: the question costs a load, and an
 * answer kept in a variable would be a global that changes.
 */
#include "base/crc32c.h"
#include "base/bytes.h"
#include "base/crc32c_table.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__) && defined(__AARCH64EL__) && \
	defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#define HAVE_ARM_CRC 1
#endif

/* Below, a CRC is the register: neither inverted at the start nor at the end. */

static uint32_t table_step(uint32_t crc, uint8_t byte)
{
	return crc >> 8 ^ crc32c_table[0][(uint8_t)crc ^ byte];
}

static uint32_t table_run(uint32_t crc, const uint8_t *p, size_t len)
{
	for (; len >= 8; p += 8, len -= 8) {
		le32 w[2];
		uint32_t a;
		uint32_t b;

		memcpy(w, p, sizeof(w));
		a = le32_get(w[0]) ^ crc;
		b = le32_get(w[1]);
		crc = crc32c_table[7][a & 255] ^
		      crc32c_table[6][a >> 8 & 255] ^
		      crc32c_table[5][a >> 16 & 255] ^
		      crc32c_table[4][a >> 24] ^
		      crc32c_table[3][b & 255] ^
		      crc32c_table[2][b >> 8 & 255] ^
		      crc32c_table[1][b >> 16 & 255] ^
		      crc32c_table[0][b >> 24];
	}
	for (; len; len--)
		crc = table_step(crc, *p++);
	return crc;
}

uint32_t vhd_crc32c_table(uint32_t crc, const void *buf, size_t len)
{
	return ~table_run(~crc, buf, len);
}

#if defined(__x86_64__)

#define TARGET __attribute__((target("sse4.2,pclmul")))

static inline uint64_t word(const uint8_t *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof(x));
	return x;
}

/* @crc moved over the zero bytes that @by stands for. */
TARGET static inline uint64_t moved(uint64_t crc, uint32_t by)
{
	__m128i a = _mm_cvtsi64_si128((long long)crc);
	__m128i b = _mm_cvtsi64_si128((long long)by);
	__m128i product = _mm_clmulepi64_si128(a, b, 0);

	return _mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(product));
}

/* Three streams of @len bytes, a multiple of 8, that follow each other. */
TARGET static inline uint64_t three(uint64_t crc, const uint8_t *p, size_t len,
				    uint32_t by_1, uint32_t by_2)
{
	uint64_t b = 0;
	uint64_t c = 0;

	for (const uint8_t *end = p + len; p < end; p += 8) {
		crc = _mm_crc32_u64(crc, word(p));
		b = _mm_crc32_u64(b, word(p + len));
		c = _mm_crc32_u64(c, word(p + 2 * len));
	}
	return moved(crc, by_2) ^ moved(b, by_1) ^ c;
}

TARGET static uint32_t x86_run(uint32_t crc32, const uint8_t *p, size_t len)
{
	uint64_t crc = crc32;

	while (len >= 3 * CRC32C_LONG) {
		crc = three(crc, p, CRC32C_LONG, CRC32C_LONG_1, CRC32C_LONG_2);
		p += 3 * CRC32C_LONG;
		len -= 3 * CRC32C_LONG;
	}
	while (len >= 3 * CRC32C_SHORT) {
		crc = three(crc, p, CRC32C_SHORT, CRC32C_SHORT_1,
			    CRC32C_SHORT_2);
		p += 3 * CRC32C_SHORT;
		len -= 3 * CRC32C_SHORT;
	}
	for (; len >= 8; p += 8, len -= 8)
		crc = _mm_crc32_u64(crc, word(p));
	for (; len; len--)
		crc = _mm_crc32_u8((uint32_t)crc, *p++);
	return (uint32_t)crc;
}

#endif

#ifdef HAVE_ARM_CRC
static uint32_t arm_run(uint32_t crc, const uint8_t *p, size_t len)
{
	for (; len >= 8; p += 8, len -= 8) {
		uint64_t x;

		memcpy(&x, p, sizeof(x));
		crc = __crc32cd(crc, x);
	}
	for (; len; len--)
		crc = __crc32cb(crc, *p++);
	return crc;
}
#endif

uint32_t vhd_crc32c(uint32_t crc, const void *buf, size_t len)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("sse4.2") &&
	    __builtin_cpu_supports("pclmul"))
		return ~x86_run(~crc, buf, len);
#elif defined(HAVE_ARM_CRC)
	return ~arm_run(~crc, buf, len);
#endif
	return vhd_crc32c_table(crc, buf, len);
}
