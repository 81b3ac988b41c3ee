/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_BASE_ZERO_PRIV_H
#define VHD_BASE_ZERO_PRIV_H

#include "base/zero.h"

#include <stdint.h>
#include <string.h>

/* So many bytes are gathered before anything is decided. */
enum { ZERO_STRIDE = 256 };

static inline uint64_t zero_load(const uint8_t *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof(x));
	return x;
}

#endif
