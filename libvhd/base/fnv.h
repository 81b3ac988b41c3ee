/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_BASE_FNV_H
#define VHD_BASE_FNV_H

#include <stddef.h>
#include <stdint.h>

/* FNV-1a: tells things apart that do not try to look alike. */
#define VHD_FNV_INIT UINT64_C(0xcbf29ce484222325)

static inline uint64_t vhd_fnv(uint64_t h, const void *buf, size_t len)
{
	const uint8_t *p = buf;

	while (len--)
		h = (h ^ *p++) * UINT64_C(0x100000001b3);
	return h;
}

#endif
