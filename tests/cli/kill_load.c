/* SPDX-License-Identifier: BSD-2-Clause */
#include "kill_load.h"

#include <string.h>

enum { STRIPE = 128, WORDS = SECTOR / sizeof(uint64_t) };

uint64_t load_mix(uint64_t a, uint64_t b)
{
	uint64_t z = a + (b + 1) * UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Mostly little, so that many blocks are partial; now and then whole blocks. */
static uint64_t pick_count(uint64_t r, uint64_t most)
{
	uint64_t count;

	if (r % 64 == 0)
		count = 1 + (r >> 8) % OP_SECTORS_MAX;
	else if (r % 4 == 0)
		count = 1 + (r >> 8) % 128;
	else
		count = 1 + (r >> 8) % 16;
	return count < most ? count : most;
}

struct op load_op(const struct load *load, uint32_t thread, uint64_t n)
{
	uint64_t r = load_mix(load_mix(load->seed, thread), n);
	uint64_t s = load_mix(r, 1), stripes = load->sectors / STRIPE;
	struct op op = { .kind = OP_WRITE };

	if (r % 16 == 0)
		op.kind = load->discard && r % 32 == 0 ? OP_DISCARD : OP_ZERO;
	if (load->threads == 1) {
		op.first = s % load->sectors;
		op.count = pick_count(r >> 8, load->sectors - op.first);
		/* Whole blocks go more often when the range is aligned. */
		if (op.count > STRIPE)
			op.first -= op.first % 2048;
	} else {
		uint64_t in = (s >> 32) % STRIPE;
		uint64_t stripe = s % (stripes / load->threads) *
				  load->threads + thread;

		op.first = stripe * STRIPE + in;
		op.count = pick_count(r >> 8, STRIPE - in);
	}
	return op;
}

uint32_t load_owner(const struct load *load, uint64_t sector)
{
	if (load->threads == 1)
		return 0;
	return (uint32_t)(sector / STRIPE % load->threads);
}

void load_stamp(const struct load *load, uint64_t n, uint64_t sector,
		uint8_t *buf)
{
	uint64_t words[WORDS];

	words[0] = n;
	words[1] = sector;
	for (size_t i = 2; i < WORDS; i++)
		words[i] = load_mix(load->seed ^ n << 20, sector * WORDS + i);
	memcpy(buf, words, SECTOR);
}

uint64_t load_find(const struct load *load, uint64_t sector,
		   const uint8_t *buf)
{
	uint8_t want[SECTOR];
	struct op op;
	uint64_t n;

	memcpy(&n, buf, sizeof(n));
	if (n == 0)
		return 0;
	op = load_op(load, load_owner(load, sector), n);
	if (op.kind != OP_WRITE || sector < op.first ||
	    sector - op.first >= op.count)
		return 0;
	load_stamp(load, n, sector, want);
	return memcmp(buf, want, SECTOR) == 0 ? n : 0;
}
