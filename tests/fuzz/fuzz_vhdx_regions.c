/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Input: flags (1; bit 0: fresh checksums), place of the log (16), size of the
 * file (8), length of the first table (2), its bytes, those of the second; what
 * is missing is zero.
 */
#include <stdlib.h>

#include "codec/vhdx_region.h"
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_cursor.h"
#include "fuzz/fuzz_notes.h"
#include "fuzz/fuzz_reseal.h"

static void check_place(const struct vhdx_place *p, uint64_t file_size)
{
	FUZZ_CHECK(p->len && p->off >= MiB);
	FUZZ_CHECK(p->off % MiB == 0 && p->len % MiB == 0);
	FUZZ_CHECK(range_in(p->off, p->len, align_up(file_size, MiB)));
}

static void check_decoded(const uint8_t *table, const struct vhdx_regions *r,
			  const struct vhdx_place *log, uint64_t file_size)
{
	uint8_t *again = malloc(VHDX_REGIONS_LEN);
	struct vhdx_notes notes = VHDX_NOTES_INIT;
	struct vhdx_regions other;
	struct vhdx_region one;
	uint32_t i, found = 0;

	FUZZ_CHECK(again && r->count <= VHDX_REGIONS_MAX);
	check_place(&r->bat, file_size);
	check_place(&r->metadata, file_size);
	FUZZ_CHECK(!ranges_overlap(r->bat.off, r->bat.len, r->metadata.off,
				   r->metadata.len));
	for (i = 0; i < r->count; i++) {
		vhdx_region_get(table, i, &one);
		found += vhdx_region_is_other(&one);
	}
	FUZZ_CHECK(found == r->other_count);
	vhdx_regions_encode(r, again);
	FUZZ_CHECK(vhdx_regions_sound(again));
	FUZZ_CHECK(vhdx_regions_decode(again, log, file_size, &other,
				       &notes) == VHD_RULE_NONE);
	FUZZ_CHECK(other.bat.off == r->bat.off && other.bat.len == r->bat.len);
	FUZZ_CHECK(other.metadata.off == r->metadata.off &&
		   other.metadata.len == r->metadata.len);
	free(again);
}

static void run(struct fuzz_cursor *c, uint8_t *raw[2])
{
	struct vhdx_notes notes = VHDX_NOTES_INIT, more = VHDX_NOTES_INIT;
	struct vhdx_region_pair pair;
	struct vhdx_regions regions;
	struct vhdx_place log;
	enum vhd_rule_idx rule;
	uint8_t flags = fuzz_take_u8(c);
	uint64_t size;
	uint32_t first;
	int i;

	log.off = fuzz_take_u64(c);
	log.len = fuzz_take_u64(c) % (UINT64_C(1) << 32);
	size = fuzz_take_u64(c) & INT64_MAX;
	first = fuzz_take_u8(c);
	first |= (uint32_t)fuzz_take_u8(c) << 8;
	fuzz_take_part(c, first, raw[0], VHDX_REGIONS_LEN);
	fuzz_take_part(c, VHDX_REGIONS_LEN, raw[1], VHDX_REGIONS_LEN);
	for (i = 0; i < 2 && flags & 1; i++)
		fuzz_seal_crc(raw[i], VHDX_REGIONS_LEN, 4);
	rule = vhdx_region_pair_decode(raw[0], raw[1], &pair, &notes);
	fuzz_notes_ok(&notes, rule);
	if (rule != VHD_RULE_NONE)
		return;
	FUZZ_CHECK(pair.use <= 1 && pair.ok & 1u << pair.use);
	FUZZ_CHECK(vhdx_regions_sound(raw[pair.use]));
	rule = vhdx_regions_decode(raw[pair.use], &log, size, &regions, &more);
	fuzz_notes_ok(&more, rule);
	if (rule == VHD_RULE_NONE)
		check_decoded(raw[pair.use], &regions, &log, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_cursor c = { data, len };
	uint8_t *raw[2] = { malloc(VHDX_REGIONS_LEN),
			    malloc(VHDX_REGIONS_LEN) };

	fuzz_memory_reset();
	FUZZ_CHECK(raw[0] && raw[1]);
	run(&c, raw);
	free(raw[0]);
	free(raw[1]);
	return 0;
}
