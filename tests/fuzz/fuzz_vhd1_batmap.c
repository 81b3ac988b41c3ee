/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: entries (4), size of the file (8), header of 512 bytes, the map. */
#include "codec/vhd1_batmap.h"
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_cursor c = { data, len };
	uint8_t raw[VHD1_BATMAP_LEN], again[VHD1_BATMAP_LEN];
	uint32_t entries, whole, parts;
	struct vhd1_batmap b;
	uint64_t size;
	size_t half;

	fuzz_memory_reset();
	entries = fuzz_take_u32(&c);
	size = fuzz_take_u64(&c);
	fuzz_take(&c, raw, sizeof(raw));
	(void)vhd1_batmap_defect(size);
	FUZZ_CHECK(vhd1_batmap_covered(size) % VHD1_SECTOR == 0);
	FUZZ_CHECK(UINT64_C(512) * 8 * vhd1_batmap_sectors(entries) >= entries);
	if (!vhd1_batmap_decode(raw, &b))
		return 0;
	vhd1_batmap_encode(&b, again);
	FUZZ_CHECK(!memcmp(raw, again,
			   offsetof(struct vhd1_batmap_disk, reserved)));
	if (vhd1_batmap_usable(&b, entries, size)) {
		uint64_t map_len = UINT64_C(512) * b.map_sectors;

		FUZZ_CHECK(range_in(b.map_off, map_len, size));
		FUZZ_CHECK(map_len * 8 >= entries);
	}
	/* A sum may be made in pieces. */
	half = c.len / 2;
	whole = vhd1_batmap_sum(0, c.data, c.len, b.version);
	parts = vhd1_batmap_sum(0, c.data, half, b.version);
	parts = vhd1_batmap_sum(parts, c.data + half, c.len - half, b.version);
	FUZZ_CHECK(whole == parts);
	return 0;
}
