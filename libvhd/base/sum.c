/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/sum.h"

#include <string.h>

#include "base/bytes.h"

/* Odd, and far from any simple pattern; twice it is the step between places. */
#define STEP UINT64_C(0x9e3779b97f4a7c15)
#define START UINT64_C(0xd1b54a32d192ed03)

static uint64_t factor(uint64_t off)
{
	return START + 2 * STEP * (off / 4);
}

/* @len bytes, which end inside the four bytes that @off is in. */
static uint64_t part(const uint8_t *p, size_t len, uint64_t off)
{
	uint8_t word[4] = { 0 };
	le32 raw;

	memcpy(word + off % 4, p, len);
	memcpy(&raw, word, sizeof(raw));
	return le32_get(raw) * factor(off);
}

uint64_t vhd_sum(const void *buf, size_t len, uint64_t off)
{
	const uint8_t *p = buf;
	uint64_t sum = 0, f;
	size_t head = (size_t)(-off % 4);

	if (head > len)
		head = len;
	if (head)
		sum = part(p, head, off);
	p += head;
	off += head;
	len -= head;
	f = factor(off);
	for (; len >= 8; p += 8, off += 8, len -= 8, f += 4 * STEP) {
		le32 a, b;

		memcpy(&a, p, sizeof(a));
		memcpy(&b, p + 4, sizeof(b));
		sum += le32_get(a) * f + le32_get(b) * (f + 2 * STEP);
	}
	for (; len; p += head, off += head, len -= head) {
		head = len < 4 ? len : 4;
		sum += part(p, head, off);
	}
	return sum;
}
