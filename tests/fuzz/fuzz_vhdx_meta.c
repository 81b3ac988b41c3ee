/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Input: length of the region (4), the five small items (40), the bytes of the
 * metadata table; what is missing is zero.
 */
#include <stdlib.h>

#include "codec/vhdx_geom.h"
#include "codec/vhdx_meta.h"
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_cursor.h"
#include "fuzz/fuzz_notes.h"

static void check_table(const struct vhdx_meta_table *t, uint64_t region_len)
{
	int i;

	FUZZ_CHECK(t->count <= VHDX_META_MAX);
	for (i = 0; i < VHDX_ITEM_COUNT; i++) {
		const struct vhdx_meta_place *p = &t->item[i];

		FUZZ_CHECK(p->present || i == VHDX_ITEM_LOCATOR);
		if (!p->present)
			continue;
		/* An empty item is nowhere. */
		FUZZ_CHECK(p->len ? p->off >= VHDX_META_TABLE_LEN : !p->off);
		FUZZ_CHECK(range_in(p->off, p->len, region_len));
		FUZZ_CHECK(p->len <= VHDX_META_ITEM_MAX);
	}
}

/* What was accepted is accepted again after a round through our writer. */
static void round_trip(const struct vhdx_meta *m, uint32_t locator_len,
		       uint8_t *table)
{
	struct vhdx_notes notes = VHDX_NOTES_INIT;
	struct vhdx_meta_items items;
	struct vhdx_meta_table t;
	struct vhdx_meta again;

	/* Our writer makes no empty locators. */
	if (m->has_parent && !locator_len)
		return;
	vhdx_meta_encode(m, m->has_parent ? locator_len : 0, table, &items);
	FUZZ_CHECK(vhdx_meta_table_decode(table, 2 * MiB, &t, &notes) ==
		   VHD_RULE_NONE);
	FUZZ_CHECK(vhdx_meta_decode(&items, &t, &again, &notes) ==
		   VHD_RULE_NONE);
	FUZZ_CHECK(again.disk_size == m->disk_size &&
		   again.block_size == m->block_size &&
		   again.logical_sector == m->logical_sector &&
		   again.physical_sector == m->physical_sector &&
		   again.has_parent == m->has_parent &&
		   again.leave_allocated == m->leave_allocated);
	FUZZ_CHECK(!memcmp(&again.disk_id, &m->disk_id, sizeof(m->disk_id)));
}

static void run(struct fuzz_cursor *c, uint8_t *table)
{
	struct vhdx_notes notes = VHDX_NOTES_INIT, more = VHDX_NOTES_INIT;
	struct vhdx_meta_items items;
	struct vhdx_meta_table t;
	struct vhdx_meta m;
	enum vhd_rule_idx rule;
	uint32_t region_len = fuzz_take_u32(c);

	fuzz_take(c, &items, sizeof(items));
	fuzz_take(c, table, VHDX_META_TABLE_LEN);
	rule = vhdx_meta_table_decode(table, region_len, &t, &notes);
	fuzz_notes_ok(&notes, rule);
	if (rule != VHD_RULE_NONE)
		return;
	check_table(&t, region_len);
	rule = vhdx_meta_decode(&items, &t, &m, &more);
	fuzz_notes_ok(&more, rule);
	if (rule != VHD_RULE_NONE)
		return;
	FUZZ_CHECK(vhdx_block_size_ok(m.block_size));
	FUZZ_CHECK(vhdx_sector_size_ok(m.logical_sector));
	FUZZ_CHECK(vhdx_disk_size_ok(m.disk_size, m.logical_sector));
	FUZZ_CHECK(!m.has_parent || t.item[VHDX_ITEM_LOCATOR].present);
	round_trip(&m, t.item[VHDX_ITEM_LOCATOR].len, table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_cursor c = { data, len };
	uint8_t *table = malloc(VHDX_META_TABLE_LEN);

	fuzz_memory_reset();
	FUZZ_CHECK(table);
	run(&c, table);
	free(table);
	return 0;
}
