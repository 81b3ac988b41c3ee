/* SPDX-License-Identifier: BSD-2-Clause */
/* Names the versions of inner loops that this processor can run. */
#include <stdio.h>

#include "base/crc32c.h"
#include "base/zero.h"

int main(void)
{
	for (size_t i = 0; i < VHD_ZERO_VARIANTS; i++) {
		if (vhd_zero_variant(i)->supported())
			printf("zero:%s\n", vhd_zero_variant(i)->name);
	}
	for (size_t i = 0; i < VHD_CRC32C_VARIANTS; i++) {
		if (vhd_crc32c_variant(i)->supported())
			printf("crc32c:%s\n", vhd_crc32c_variant(i)->name);
	}
	return 0;
}
