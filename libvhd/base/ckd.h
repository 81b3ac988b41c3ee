/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_BASE_CKD_H
#define VHD_BASE_CKD_H

/* Arithmetic on numbers that came from a file. */

#include <stdbool.h>
#include <stdint.h>

/* C23's names: true means that the result did not fit. */
#define ckd_add(out, a, b) __builtin_add_overflow((a), (b), (out))
#define ckd_sub(out, a, b) __builtin_sub_overflow((a), (b), (out))
#define ckd_mul(out, a, b) __builtin_mul_overflow((a), (b), (out))

#define KiB (UINT64_C(1) << 10)
#define MiB (UINT64_C(1) << 20)
#define GiB (UINT64_C(1) << 30)
#define TiB (UINT64_C(1) << 40)

/* True when [off, off + len) lies inside [0, limit).  Never overflows. */
static inline bool range_in(uint64_t off, uint64_t len, uint64_t limit)
{
	return len <= limit && off <= limit - len;
}

/* True when two ranges share a byte.  Saturates at 2^64. */
static inline bool ranges_overlap(uint64_t a, uint64_t a_len, uint64_t b,
				  uint64_t b_len)
{
	if (!a_len || !b_len)
		return false;
	return a < b ? b - a < a_len : a - b < b_len;
}

static inline bool is_pow2(uint64_t x)
{
	return x && !(x & (x - 1));
}

static inline uint64_t div_ceil(uint64_t a, uint64_t b)
{
	return a / b + (a % b != 0);
}

/* @align is a power of two.  Rounding up wraps at 2^64: check before. */
static inline uint64_t align_down(uint64_t x, uint64_t align)
{
	return x & ~(align - 1);
}

static inline uint64_t align_up(uint64_t x, uint64_t align)
{
	return (x + (align - 1)) & ~(align - 1);
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

#endif
