/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_BASE_ZERO_H
#define VHD_BASE_ZERO_H

#include <stdbool.h>
#include <stddef.h>

/* True when all @len bytes are zero; true for none. */
bool vhd_is_zero(const void *buf, size_t len);

/*
 * How many of the @len bytes lie in the leading run of grains that are all
 * zero, or all not: grains of @grain bytes (not 0) are counted from @buf on, and
 * the last one may be shorter.  *zero_out says which of the two it is.  At least
 * one grain unless @len is 0; the grain that ends a run is looked at again by
 * the call for the next one, nothing else is.
 */
size_t vhd_zero_run(const void *buf, size_t len, size_t grain, bool *zero_out);

/*
 * The versions of both, for tests and benchmarks.  What a processor has is asked
 * when it runs: a version that is not supported may not be called, and one of
 * another architecture has no functions.
 */
struct vhd_zero_variant {
	const char *name;
	bool (*supported)(void);
	bool (*fn)(const void *buf, size_t len);
	size_t (*run)(const void *buf, size_t len, size_t grain,
		      bool *zero_out);
};

/* Best first; the last one is portable. */
enum { VHD_ZERO_VARIANTS = 3 };
const struct vhd_zero_variant *vhd_zero_variant(size_t i);

extern const struct vhd_zero_variant vhd_zero_avx2;
extern const struct vhd_zero_variant vhd_zero_neon;
extern const struct vhd_zero_variant vhd_zero_portable;

#endif
