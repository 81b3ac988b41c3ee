/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/vhdx_breaking.h"
#include "vhdx/vhdx_engine.h"

/* A log that says that block 7 is zeros; the table in place does not. */
static void put_entry(struct vhdx_image *img, uint64_t flushed, uint64_t last)
{
	static uint8_t page[4096];
	struct vhdx_image_change c = { .file_off = 3 * MiB, .page = page };
	struct vhdx_image_entry e = { .seq = 5, .change = &c,
				      .change_count = 1, .flushed = flushed,
				      .last = last };

	memcpy(page, img->bytes + 3 * MiB, sizeof(page));
	page[7 * 8] = 2;
	vhdx_image_set_pending(img);
	vhdx_image_log_put(img, 0, &e);
}

static void pending(struct vhdx_image *img)
{
	put_entry(img, img->len, img->len);
}

static void extends(struct vhdx_image *img)
{
	put_entry(img, img->len, img->len + 3 * MiB);
}

static void never_written(struct vhdx_image *img)
{
	vhdx_image_set_pending(img);
}

/* As QEMU leaves it: entries of an older log, none of this one. */
static void of_another(struct vhdx_image *img)
{
	pending(img);
	img->bytes[MiB + 32] ^= 1;
	vhdx_image_log_reseal(img, 0);
}

static void torn(struct vhdx_image *img)
{
	pending(img);
	img->bytes[MiB + 5000] ^= 1;
}

static void cut(struct vhdx_image *img)
{
	put_entry(img, img->len, img->len);
	vhdx_image_resize(img, img->len - MiB / 2);
}

/* Three entries, and the second one is damaged: the third cannot count. */
static void gap(struct vhdx_image *img)
{
	struct vhdx_image_change c = { .file_off = 3 * MiB,
				       .zero_len = 4096 };
	struct vhdx_image_entry e = { .seq = 6, .change = &c,
				      .change_count = 1, .flushed = img->len,
				      .last = img->len };
	uint32_t second, third;

	pending(img);
	second = 2 * 4096;
	third = vhdx_image_log_put(img, second, &e);
	e.seq = 7;
	vhdx_image_log_put(img, third, &e);
	vhdx_image_log_sector(img, second)[100] ^= 1;
}

/* The log is named by the newer header alone, and that is damaged. */
static void newer_bad(struct vhdx_image *img)
{
	int newer;

	pending(img);
	newer = le64_get(vhdx_image_header(img, 1)->seq) >
		le64_get(vhdx_image_header(img, 0)->seq);
	memset(vhdx_image_header(img, !newer)->log_guid, 0, 16);
	vhdx_image_reseal(img);
	vhdx_image_header(img, newer)->checksum.b[0] ^= 1;
}

static void place_set(struct vhdx_image *img, uint64_t off, uint32_t len)
{
	for (int i = 0; i < 2; i++) {
		vhdx_image_header(img, i)->log_off = le64_make(off);
		vhdx_image_header(img, i)->log_len = le32_make(len);
	}
	vhdx_image_reseal(img);
}

static void elsewhere(struct vhdx_image *img)
{
	pending(img);
	place_set(img, UINT64_C(1) << 62, 1 << 20);
}

static void unaligned(struct vhdx_image *img)
{
	pending(img);
	place_set(img, MiB, 12345);
}

static void elsewhere_and_torn(struct vhdx_image *img)
{
	torn(img);
	place_set(img, 512, 1 << 20);
}

static const struct breaking damages[] = {
	BREAK("pending", RULE_VHDX_LOG_PENDING, NULL, pending),
	BREAK("extends", RULE_VHDX_LOG_EXTEND, NULL, extends),
	BREAK("with a gap", RULE_VHDX_LOG_GAP, NULL, gap),
	BREAK("named by a bad header", RULE_VHDX_HDR_NEWER_BAD, NULL,
	      newer_bad),
	BREAK("given up by a bad header", RULE_VHDX_HDR_NEWER_BAD, "older",
	      newer_bad),
	BREAK("never written", RULE_VHDX_LOG_NO_SEQUENCE, NULL, never_written),
	BREAK("of another", RULE_VHDX_LOG_NO_SEQUENCE, NULL, of_another),
	BREAK("torn", RULE_VHDX_LOG_NO_SEQUENCE, "discard", torn),
	{ .name = "cut", .rule = RULE_VHDX_LOG_TRUNCATED, .damage = cut,
	  .reads = true },
	BREAK("elsewhere", RULE_VHDX_LOG_PLACE, NULL, elsewhere),
	BREAK("unaligned", RULE_VHDX_LOG_PLACE, NULL, unaligned),
	BREAK("elsewhere and torn", RULE_VHDX_LOG_PLACE, "discard",
	      elsewhere_and_torn),
};
enum { DAMAGES = sizeof(damages) / sizeof(damages[0]) };

START_TEST(vhdx_repair__mends_pending_logs)
{
	breaking_run(&damages[_i]);
}
END_TEST

/* What the log says is what is read afterwards. */
START_TEST(vhdx_repair__replays_what_the_log_holds)
{
	struct vhdx_mending m;
	struct vhdx_image img;
	uint8_t entry[8];

	breaking_image(&img, &damages[_i]);
	damages[_i].damage(&img);
	vhdx_mending_begin(&m, &img);
	vhdx_mending_allow(&m, RULE_VHDX_LOG_PLACE, "");
	ck_assert_int_eq(vhdx_mending_run(&m), 0);
	ck_assert_uint_eq(vhdx_mending_steps(&m, RULE_VHDX_LOG_PENDING, true),
			  1);
	ck_assert_int_eq(vhd_io_read(m.io, entry, 8, 3 * MiB + 7 * 8, NULL),
			 0);
	ck_assert_uint_eq(entry[0], 2);
	vhdx_mending_end(&m);
	vhdx_image_free(&img);
}
END_TEST

/* The usual consent does not give up changes; an unknown word gives up none. */
START_TEST(vhdx_repair__discards_a_log_only_when_told)
{
	static const char *const words[] = { "", "keep" };
	struct vhdx_mending m;
	struct vhdx_image img;

	breaking_image(&img, &damages[0]);
	torn(&img);
	vhdx_mending_begin(&m, &img);
	vhdx_mending_allow(&m, RULE_VHDX_LOG_NO_SEQUENCE, words[_i]);
	ck_assert_int_eq(vhdx_mending_run(&m), 0);
	ck_assert_uint_eq(vhdx_mending_granted(&m), 0);
	ck_assert_uint_eq(m.step_count, 1);
	ck_assert_ptr_nonnull(strstr(m.step[0].msg, "discard"));
	ck_assert(vhdx_mending_is(&m, &img));
	vhdx_mending_end(&m);
	vhdx_image_free(&img);
}
END_TEST

/* An entry that was not made by a sane writer is no reason to change a thing. */
START_TEST(vhdx_repair__leaves_a_hostile_log_alone)
{
	static uint8_t page[4096];
	static const uint64_t target[] = { 65536, MiB, 4 * MiB + 8192 };
	struct vhdx_image_change c = { .file_off = target[_i],
				       .page = page };
	struct vhdx_image_entry e = { .seq = 1, .change = &c,
				      .change_count = 1 };
	struct vhdx_mending m;
	struct vhdx_image img;

	breaking_image(&img, &damages[0]);
	vhdx_image_set_pending(&img);
	vhdx_image_log_put(&img, 0, &e);
	vhdx_mending_begin(&m, &img);
	vhdx_mending_allow(&m, RULE_VHDX_LOG_NO_SEQUENCE, "discard");
	vhdx_mending_allow(&m, RULE_VHDX_LOG_TARGET, "");
	ck_assert_int_eq(vhdx_mending_run(&m), 0);
	ck_assert_uint_eq(m.step_count, 0);
	ck_assert(vhdx_mending_is(&m, &img));
	vhdx_mending_end(&m);
	vhdx_image_free(&img);
}
END_TEST

/* Whoever writes empties the log: not one that only a damaged header names. */
START_TEST(vhdx_repair__nobody_writes_over_a_log_that_was_lost)
{
	static const struct breaking row = { .name = "write" };
	struct vhd_engine_open how = { .writable = true };
	struct vhd_error err;
	struct vhdx_image img;
	void *eng = NULL;

	breaking_image(&img, &row);
	newer_bad(&img);
	how.io = vhdx_image_io(&img);
	ck_assert_int_eq(vhdx_engine.open(&how, &eng, &err), VHD_E_CORRUPT);
	ck_assert_int_eq(vhdx_rule_of(&err), RULE_VHDX_HDR_NEWER_BAD);
	vhd_io_close(&how.io, NULL);
	vhdx_image_free(&img);
}
END_TEST

TEST_MAIN_ROWS("vhdx/repair_log",
	       LOOP(vhdx_repair__mends_pending_logs, DAMAGES),
	       LOOP(vhdx_repair__replays_what_the_log_holds, 2),
	       LOOP(vhdx_repair__discards_a_log_only_when_told, 2),
	       LOOP(vhdx_repair__leaves_a_hostile_log_alone, 3),
	       ONCE(vhdx_repair__nobody_writes_over_a_log_that_was_lost))
