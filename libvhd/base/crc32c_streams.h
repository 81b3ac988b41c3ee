/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CRC-32C with a CRC instruction and a carry-less product, compiled for each
 * architecture that has both.  Before this file is included:
 *
 *	CRC_TARGET		attribute of functions for a processor
 *	uint32_t crc_8(crc, x)	the register after eight bytes, the first lowest
 *	uint32_t crc_1(crc, x)	after one byte
 *	uint64_t product(a, b)	of two numbers of 32 bits, without carries
 *
 * It has no guard: each version is a file, and includes it once.
 *
 * The instruction takes a word a cycle but answers two or three cycles later, so
 * one chain of them runs at a third of the speed.  Long buffers are therefore
 * cut into three streams of equal length that run side by side, and their
 * results are put together by moving the first over the length of the two others
 * and the second over the length of the third.
 *
 * Moving a CRC over n zero bytes is multiplying it by x^(8n) modulo the
 * polynomial.  A carry-less product of two reflected 32-bit numbers has one
 * factor of x in excess and the CRC instruction, which reduces it, adds x^32:
 * hence the constants x^(8n - 33) of crc32c_table.h.
 *
 * A CRC is the register here: neither inverted at the start nor at the end.
 */

/* @crc moved over the zero bytes that @by stands for. */
CRC_TARGET static inline uint32_t moved(uint32_t crc, uint32_t by)
{
	return crc_8(0, product(crc, by));
}

/* Three streams of @len bytes, a multiple of 8, that follow each other. */
CRC_TARGET static inline uint32_t three(uint32_t crc, const uint8_t *p,
					size_t len, uint32_t by_1,
					uint32_t by_2)
{
	uint32_t b = 0;
	uint32_t c = 0;

	for (const uint8_t *end = p + len; p < end; p += 8) {
		crc = crc_8(crc, crc32c_word(p));
		b = crc_8(b, crc32c_word(p + len));
		c = crc_8(c, crc32c_word(p + 2 * len));
	}
	return moved(crc, by_2) ^ moved(b, by_1) ^ c;
}

/* What is too short for streams. */
CRC_TARGET static inline uint32_t one(uint32_t crc, const uint8_t *p,
				      size_t len)
{
	for (; len >= 8; p += 8, len -= 8)
		crc = crc_8(crc, crc32c_word(p));
	for (; len; len--)
		crc = crc_1(crc, *p++);
	return crc;
}

CRC_TARGET static uint32_t streams(uint32_t crc, const void *buf, size_t len)
{
	const uint8_t *p = buf;

	crc = ~crc;
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
	return ~one(crc, p, len);
}
