/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: a dynamic header of 1024 bytes, where it lies (8), the end (8). */
#include "codec/vhd1_header.h"
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_cursor.h"

/* Encoding keeps every byte but cookie and checksum, and seals. */
static void round_trip(const struct vhd1_header *h,
		       const uint8_t raw[VHD1_HEADER_LEN])
{
	const size_t sum = offsetof(struct vhd1_header_disk, checksum);
	uint8_t again[VHD1_HEADER_LEN], third[VHD1_HEADER_LEN];
	struct vhd1_header g;

	vhd1_header_encode(h, again);
	FUZZ_CHECK(vhd1_header_seal(again) == VHD1_SEAL_OK);
	FUZZ_CHECK(!memcmp(raw + 8, again + 8, sum - 8));
	FUZZ_CHECK(!memcmp(raw + sum + 4, again + sum + 4,
			   sizeof(again) - sum - 4));
	vhd1_header_decode(again, &g);
	vhd1_header_encode(&g, third);
	FUZZ_CHECK(!memcmp(again, third, sizeof(third)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_cursor c = { data, len };
	uint8_t raw[VHD1_HEADER_LEN];
	struct vhd1_header h;
	uint64_t off, end;
	char code[5];
	size_t i;

	fuzz_memory_reset();
	fuzz_take(&c, raw, sizeof(raw));
	off = fuzz_take_u64(&c);
	end = fuzz_take_u64(&c);
	(void)vhd1_header_seal(raw);
	vhd1_header_decode(raw, &h);
	round_trip(&h, raw);
	(void)vhd1_header_reserved_clean(&h);
	FUZZ_CHECK(vhd1_table_space(h.max_entries) >=
		   vhd1_table_len(h.max_entries));
	if (vhd1_header_judge(&h, off, end) == VHD_RULE_NONE) {
		uint64_t table = vhd1_table_len(h.max_entries);
		uint32_t bitmap = vhd1_bitmap_len(h.block_size);

		FUZZ_CHECK(range_in(h.table_off, table, end));
		FUZZ_CHECK(bitmap % VHD1_SECTOR == 0);
		FUZZ_CHECK(UINT64_C(8) * bitmap >= h.block_size / VHD1_SECTOR);
	}
	for (i = 0; i < VHD1_LOCATORS; i++) {
		vhd1_locator_code_text(h.locator[i].code, code);
		FUZZ_CHECK(strlen(code) == 4);
		FUZZ_CHECK(vhd1_locator_space(&h.locator[i]) <= UINT32_MAX);
	}
	return 0;
}
