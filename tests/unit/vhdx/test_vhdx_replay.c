/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/vhdx_replaying.h"

/* vhdx.md 13.7 */
START_TEST(vhdx_replay__golden_dirty_file_reads_as_replayed)
{
	vhdx_image_init_dirty(&img);
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(vhdx_overlay_entries(ov), 2);
	ck_assert_uint_eq(vhdx_overlay_pages(ov), 2);
	ck_assert_uint_eq(vhdx_overlay_file_size(ov), 36 * MiB);
	ck_assert_uint_eq(bat(0), 0x400006);
	ck_assert_uint_eq(bat(321), 2);
	ck_assert_uint_eq(bat(1), 0);
	ck_assert_uint_eq(found[RULE_VHDX_LOG_PENDING], 1);
	ck_assert_uint_eq(found[RULE_VHDX_LOG_EXTEND], 1);
	ck_assert_uint_eq(found[RULE_VHDX_LOG_OFFSETS_ODD], 0);
	end();
}
END_TEST

/* One entry of the captured file: @ents are pairs of index and raw value. */
static void windows_entry(uint32_t ring_off, uint64_t seq, uint32_t tail_off,
			  uint64_t flushed_mib, uint64_t last_mib,
			  const uint64_t (*ents)[2], size_t n)
{
	uint8_t page[SECTOR] = { 0 };
	struct vhdx_image_change c = { .file_off = BAT, .page = page };
	struct vhdx_image_entry e = {
		.seq = seq, .tail_off = tail_off, .flushed = flushed_mib * MiB,
		.last = last_mib * MiB, .change = &c, .change_count = n != 0,
	};

	for (size_t i = 0; i < n; i++) {
		le64 v = le64_make(ents[i][1]);

		memcpy(page + 8 * ents[i][0], &v, 8);
	}
	vhdx_image_log_put(&img, ring_off, &e);
}

/* The facts of vhdx.md 13.6: the head's tail skips two superseded entries. */
START_TEST(vhdx_replay__captured_windows_log_reads_as_replayed)
{
	static const uint64_t t[][2] = { { 0, 0x400006 }, { 3, 2 }, { 9, 2 },
					 { 31, 2 } };
	static const uint64_t z[][2] = { { 0, 2 }, { 31, 2 } };
	static const uint64_t f[][2] = { { 0, 0x400006 }, { 31, 2 } };
	struct vhdx_image_spec spec = { .disk_size = GiB };
	uint64_t seq = 0x011ca264063fe553;

	vhdx_image_init(&img, &spec);
	vhdx_image_resize(&img, 36 << 20);
	vhdx_image_set_pending(&img);
	windows_entry(0x0000, seq, 0, 4, 4, NULL, 0);
	windows_entry(0x1000, seq + 1, 0x1000, 4, 4, z, 1);
	windows_entry(0x3000, seq + 2, 0x1000, 4, 4, z, 2);
	windows_entry(0x5000, seq + 3, 0x1000, 4, 36, f, 2);
	windows_entry(0x7000, seq + 4, 0x5000, 36, 36, t, 4);
	for (uint32_t off = 0x9000; off < 0x12000; off += SECTOR)
		memcpy(vhdx_image_log_sector(&img, off), "data", 4);
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(vhdx_overlay_entries(ov), 2);
	ck_assert_uint_eq(vhdx_overlay_file_size(ov), 36 * MiB);
	for (uint64_t i = 0; i < 32; i++)
		ck_assert_uint_eq(bat(i), i == 0 ? 0x400006 :
				  i == 3 || i == 9 || i == 31 ? 2 : 0);
	end();
}
END_TEST

/* VHDX-LOG-04, VHDX-LOG-23 */
START_TEST(vhdx_replay__sequence_may_wrap_at_every_sector)
{
	for (uint32_t at = 0; at < RING; at += SECTOR) {
		uint32_t second;

		begin();
		second = put(at, 7, at, 0x500006);
		put_empty(put(second, 8, at, 0x600006), 9, second);
		ck_assert_int_eq(load(), 0);
		ck_assert_uint_eq(vhdx_overlay_entries(ov), 2);
		ck_assert_uint_eq(vhdx_overlay_pages(ov), 1);
		ck_assert_uint_eq(bat(0), 0x600006);
		end();
	}
}
END_TEST

/* VHDX-LOG-25 */
START_TEST(vhdx_replay__torn_newest_entry_leaves_the_one_before)
{
	static uint8_t whole[2 * SECTOR];
	uint32_t at;

	begin();
	at = put(put(0, 1, 0, 0x500006), 2, 0, 0x600006);
	put(at, 3, at, 0x700006);
	memcpy(whole, vhdx_image_log_sector(&img, at), sizeof(whole));
	for (size_t cut = 0; cut <= sizeof(whole); cut += 512) {
		memset(vhdx_image_log_sector(&img, at), 0xaa, sizeof(whole));
		memcpy(vhdx_image_log_sector(&img, at), whole, cut);
		ck_assert_int_eq(load(), 0);
		ck_assert_uint_eq(vhdx_overlay_entries(ov),
				  cut == sizeof(whole) ? 1 : 2);
		ck_assert_uint_eq(bat(0), cut == sizeof(whole) ? 0x700006 :
								 0x600006);
	}
	end();
}
END_TEST

START_TEST(vhdx_replay__stale_entries_of_the_same_log_are_ignored)
{
	uint32_t at;

	begin();
	at = put(0, 50, 0, 0x500006);
	at = put(at, 51, 0, 0x600006);
	put(at, 40, at, 0x700006);
	put(at + 0x8000, 41, at + 0x8000, 0x800006);
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(bat(0), 0x600006);
	end();
}
END_TEST

START_TEST(vhdx_replay__entries_of_another_log_are_ignored)
{
	struct vhdx_log_hdr_disk *h;
	uint32_t at;

	begin();
	at = put(0, 50, 0, 0x500006);
	put(at, 51, 0, 0x600006);
	h = (void *)vhdx_image_log_sector(&img, at);
	h->log_guid[5] ^= 1;
	vhdx_image_log_reseal(&img, at);
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(vhdx_overlay_entries(ov), 1);
	ck_assert_uint_eq(bat(0), 0x500006);
	end();
}
END_TEST

/* VHDX-LOG-22 */
START_TEST(vhdx_replay__tail_outside_of_the_sequence_makes_it_invalid)
{
	begin();
	put(put(0, 1, 0, 0x500006), 2, 0x20000, 0x600006);
	assert_rule(load(), RULE_VHDX_LOG_NO_SEQUENCE);
	ck_assert_ptr_null(strstr(err.msg, "never written"));
	end();
}
END_TEST

START_TEST(vhdx_replay__head_without_changes_counts)
{
	uint32_t at;

	begin();
	at = put(0, 1, 0, 0x500006);
	put_empty(at, 2, at);
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(vhdx_overlay_entries(ov), 1);
	ck_assert_uint_eq(vhdx_overlay_pages(ov), 0);
	ck_assert_uint_eq(bat(0), 0);
	ck_assert(!vhdx_overlay_touches(ov, 0, UINT64_MAX));
	end();
}
END_TEST

/* The number of the head decides, not that of the first entry. */
START_TEST(vhdx_replay__of_two_sequences_the_newer_head_wins)
{
	for (int swap = 0; swap < 2; swap++) {
		uint32_t a = swap ? 0x40000 : 0, b = swap ? 0 : 0x40000;

		begin();
		put(put(put(a, 10, a, 1), 11, a, 2), 12, a, 0x500006);
		put(put(b, 11, b, 3), 12, b, 0x600006);
		put(put(put(b, 11, b, 3), 12, b, 3), 13, b, 0x600006);
		ck_assert_int_eq(load(), 0);
		ck_assert_uint_eq(bat(0), 0x600006);
		end();
	}
}
END_TEST

START_TEST(vhdx_replay__entry_may_fill_the_ring_but_for_a_sector)
{
	static uint8_t pages[253][SECTOR];
	static struct vhdx_image_change c[253];
	struct vhdx_image_entry e = { .seq = 5, .tail_off = 0x7f000,
				      .change = c, .change_count = 253 };

	for (uint32_t i = 0; i < 253; i++) {
		memset(pages[i], (int)i, SECTOR);
		c[i] = (struct vhdx_image_change){
			.file_off = BAT + (uint64_t)i * SECTOR,
			.page = pages[i] };
	}
	begin();
	ck_assert_uint_eq(vhdx_image_log_put(&img, 0x7f000, &e), 0x7e000);
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(vhdx_overlay_pages(ov), 253);
	for (uint64_t i = 0; i < 253; i++) {
		ck_assert_uint_eq(read64(BAT + i * SECTOR),
				  i * UINT64_C(0x0101010101010101));
		ck_assert_uint_eq(read64(BAT + i * SECTOR + 4088),
				  i * UINT64_C(0x0101010101010101));
	}
	end();
}
END_TEST

TEST_MAIN("vhdx/replay",
	  vhdx_replay__golden_dirty_file_reads_as_replayed,
	  vhdx_replay__captured_windows_log_reads_as_replayed,
	  vhdx_replay__sequence_may_wrap_at_every_sector,
	  vhdx_replay__torn_newest_entry_leaves_the_one_before,
	  vhdx_replay__stale_entries_of_the_same_log_are_ignored,
	  vhdx_replay__entries_of_another_log_are_ignored,
	  vhdx_replay__tail_outside_of_the_sequence_makes_it_invalid,
	  vhdx_replay__head_without_changes_counts,
	  vhdx_replay__of_two_sequences_the_newer_head_wins,
	  vhdx_replay__entry_may_fill_the_ring_but_for_a_sector)
