/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: a volume, see fuzz_fs.h. */
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_fs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	return fuzz_fs_volume(exfat_scan, data, len);
}
