/* SPDX-License-Identifier: BSD-2-Clause */
/* CRC-32C in plain C: eight bytes at a time, by table. */
#include "base/crc32c_priv.h"
#include "base/crc32c_table.h"

static uint32_t step(uint32_t crc, uint8_t byte)
{
	return crc >> 8 ^ crc32c_table[0][(uint8_t)crc ^ byte];
}

static uint32_t by_table(uint32_t crc, const void *buf, size_t len)
{
	const uint8_t *p = buf;

	crc = ~crc;
	for (; len >= 8; p += 8, len -= 8) {
		uint64_t x = crc32c_word(p) ^ crc;

		crc = crc32c_table[7][x & 255] ^
		      crc32c_table[6][x >> 8 & 255] ^
		      crc32c_table[5][x >> 16 & 255] ^
		      crc32c_table[4][x >> 24 & 255] ^
		      crc32c_table[3][x >> 32 & 255] ^
		      crc32c_table[2][x >> 40 & 255] ^
		      crc32c_table[1][x >> 48 & 255] ^
		      crc32c_table[0][x >> 56];
	}
	for (; len; len--)
		crc = step(crc, *p++);
	return ~crc;
}

static bool supported(void)
{
	return true;
}

const struct vhd_crc32c_variant vhd_crc32c_portable = {
	"portable", supported, by_table
};
