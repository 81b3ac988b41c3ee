/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SUPPORT_BASE_RAND_H
#define TESTS_SUPPORT_BASE_RAND_H

/* Numbers that are the same in every run: xorshift64*. */

#include <stddef.h>
#include <stdint.h>

static inline uint64_t base_rand(uint64_t *state)
{
	uint64_t x = *state ? *state : UINT64_C(0x1234567);

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * UINT64_C(2685821657736338717);
}

/* Less than @limit, which is not 0. */
static inline uint64_t base_rand_below(uint64_t *state, uint64_t limit)
{
	return (base_rand(state) >> 11) % limit;
}

static inline void base_rand_fill(uint64_t *state, void *buf, size_t len)
{
	uint8_t *p = buf;

	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(base_rand(state) >> 32);
}

#endif
