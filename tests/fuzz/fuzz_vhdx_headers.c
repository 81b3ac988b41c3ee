/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Input: flags (1; bit 0: fresh checksums), size of the file (8), length of the
 * first header (2), its bytes, those of the second; what is missing is zero.
 */
#include "codec/vhdx_header.h"
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_cursor.h"
#include "fuzz/fuzz_notes.h"
#include "fuzz/fuzz_reseal.h"

/* Encoding keeps every byte but checksum and reserved ones. */
static void round_trip(const struct vhdx_header *h,
		       const uint8_t raw[VHDX_HEADER_LEN])
{
	const size_t end = offsetof(struct vhdx_header_disk, reserved);
	uint8_t again[VHDX_HEADER_LEN], third[VHDX_HEADER_LEN];
	struct vhdx_header g;

	vhdx_header_encode(h, again);
	FUZZ_CHECK(!memcmp(raw + 8, again + 8, end - 8));
	FUZZ_CHECK(vhdx_header_decode(again, &g));
	FUZZ_CHECK(!g.reserved_set);
	vhdx_header_encode(&g, third);
	FUZZ_CHECK(!memcmp(again, third, sizeof(third)));
}

static void check_creator(const uint8_t raw[VHDX_HEADER_LEN])
{
	uint8_t ident[VHDX_IDENT_LEN];
	char creator[VHDX_CREATOR_ROOM], again[VHDX_CREATOR_ROOM];

	(void)vhdx_ident_ok(raw);
	if (!vhdx_creator_decode(raw, creator))
		return;
	vhdx_ident_encode(creator, ident);
	FUZZ_CHECK(vhdx_ident_ok(ident));
	FUZZ_CHECK(vhdx_creator_decode(ident, again));
	FUZZ_CHECK(!strcmp(creator, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_cursor c = { data, len };
	uint8_t raw[2][VHDX_HEADER_LEN];
	struct vhdx_notes notes = VHDX_NOTES_INIT, more = VHDX_NOTES_INIT;
	struct vhdx_headers pair;
	enum vhd_rule_idx rule;
	uint64_t size;
	uint8_t flags;
	uint32_t first, i;

	fuzz_memory_reset();
	flags = fuzz_take_u8(&c);
	size = fuzz_take_u64(&c);
	first = fuzz_take_u8(&c);
	first |= (uint32_t)fuzz_take_u8(&c) << 8;
	fuzz_take_part(&c, first, raw[0], sizeof(raw[0]));
	fuzz_take_part(&c, VHDX_HEADER_LEN, raw[1], sizeof(raw[1]));
	check_creator(raw[0]);
	for (i = 0; i < 2 && flags & 1; i++)
		fuzz_seal_crc(raw[i], sizeof(raw[i]), 4);
	rule = vhdx_headers_decode(raw[0], raw[1], &pair, &notes);
	fuzz_notes_ok(&notes, rule);
	if (rule != VHD_RULE_NONE)
		return 0;
	FUZZ_CHECK(pair.current <= 1 && pair.ok & 1u << pair.current);
	for (i = 0; i < 2; i++)
		if (pair.ok & 1u << i)
			round_trip(&pair.hdr[i], raw[i]);
	rule = vhdx_header_check(&pair.hdr[pair.current], size, &more);
	fuzz_notes_ok(&more, rule);
	return 0;
}
