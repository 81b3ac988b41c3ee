/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/bitmap.h"
#include "base/bytes.h"

#include <string.h>

static uint8_t mask(uint64_t bit, enum vhd_bit_order order)
{
	unsigned int n = (unsigned int)(bit & 7);

	return (uint8_t)(order == VHD_MSB_FIRST ? 0x80u >> n : 1u << n);
}

bool vhd_bit_get(const uint8_t *map, uint64_t bit, enum vhd_bit_order order)
{
	return map[bit >> 3] & mask(bit, order);
}

void vhd_bit_set(uint8_t *map, uint64_t bit, enum vhd_bit_order order)
{
	map[bit >> 3] = (uint8_t)(map[bit >> 3] | mask(bit, order));
}

void vhd_bit_clear(uint8_t *map, uint64_t bit, enum vhd_bit_order order)
{
	map[bit >> 3] = (uint8_t)(map[bit >> 3] & ~mask(bit, order));
}

/*
 * The next 64 bits, or the rest of one byte, moved so that bit 0 of the result
 * is the bit at @pos when the order is LSB first, and bit 63 when it is MSB
 * first.  Looks at no byte that holds none of the bits before @limit.
 */
static uint64_t peek(const uint8_t *map, uint64_t pos, uint64_t limit,
		     enum vhd_bit_order order, unsigned int *count_out)
{
	unsigned int skip = (unsigned int)(pos & 7);
	const uint8_t *at = map + (pos >> 3);
	le64 le;
	be64 be;

	if (skip || limit - pos < 64) {
		*count_out = 8 - skip;
		return order == VHD_MSB_FIRST ? (uint64_t)*at << (56 + skip)
					      : (uint64_t)*at >> skip;
	}
	*count_out = 64;
	if (order == VHD_MSB_FIRST) {
		memcpy(&be, at, sizeof(be));
		return be64_get(be);
	}
	memcpy(&le, at, sizeof(le));
	return le64_get(le);
}

/* How many of the bits that peek() gave are zero before the first that is not. */
static unsigned int zeros(uint64_t bits, enum vhd_bit_order order)
{
	if (!bits)
		return 64;
	return (unsigned int)(order == VHD_MSB_FIRST ? __builtin_clzll(bits)
						     : __builtin_ctzll(bits));
}

uint64_t vhd_bit_run(const uint8_t *map, uint64_t from, uint64_t limit,
		     enum vhd_bit_order order)
{
	uint64_t flip = vhd_bit_get(map, from, order) ? UINT64_MAX : 0;
	uint64_t pos = from;

	while (pos < limit) {
		unsigned int count;
		uint64_t bits = peek(map, pos, limit, order, &count) ^ flip;
		unsigned int same = zeros(bits, order);

		if (same < count) {
			pos += same;
			break;
		}
		pos += count;
	}
	return (pos < limit ? pos : limit) - from;
}
