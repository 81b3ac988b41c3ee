/* SPDX-License-Identifier: BSD-2-Clause */
#include "codec/vhd1_checksum.h"

uint32_t vhd1_checksum(const uint8_t *buf, size_t len, size_t field_off)
{
	uint32_t sum = 0;
	size_t i;

	for (i = 0; i < len; i++)
		sum += buf[i];
	for (i = field_off; i < field_off + 4 && i < len; i++)
		sum -= buf[i];
	return ~sum;
}
