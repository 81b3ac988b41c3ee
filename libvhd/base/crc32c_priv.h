/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_BASE_CRC32C_PRIV_H
#define VHD_BASE_CRC32C_PRIV_H

#include "base/bytes.h"
#include "base/crc32c.h"

#include <string.h>

/* Eight bytes, the first one lowest whatever the order of the processor is. */
static inline uint64_t crc32c_word(const uint8_t *p)
{
	le64 x;

	memcpy(&x, p, sizeof(x));
	return le64_get(x);
}

#endif
