/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening: the identifier, the pair of headers, the log. */
#include <string.h>

#include "base/ckd.h"
#include "support/check_main.h"
#include "support/vhdx_opened.h"
#include "vhdx/vhdx_engine.h"

static struct vhdx_image img;
static struct vhdx_opened o;

/* Opening the broken image fails with this rule. */
static void refused(enum vhd_rule_idx rule, int code)
{
	vhdx_opened_begin(&o, &img);
	ck_assert_int_eq(o.rc, code);
	ck_assert_ptr_nonnull(o.err.rule);
	ck_assert_str_eq(o.err.rule->name, vhd_rule_get(rule)->name);
	ck_assert_ptr_null(o.eng);
	vhdx_opened_end(&o);
	vhdx_image_free(&img);
}

/* Opening works and reports this rule, and no other. */
static void reported(enum vhd_rule_idx rule)
{
	vhdx_opened_begin(&o, &img);
	ck_assert_msg(!o.rc, "%s", o.err.msg);
	ck_assert_uint_ge(vhdx_opened_saw(&o, rule), 1);
	ck_assert_uint_eq(vhdx_opened_saw(&o, rule), o.seen_count);
	vhdx_opened_end(&o);
	vhdx_image_free(&img);
}

static bool probed(void)
{
	struct vhd_io *io = vhdx_image_io(&img);
	bool ours = false;

	ck_assert_int_eq(vhdx_engine.probe(io, &ours, NULL), 0);
	vhd_io_close(&io, NULL);
	return ours;
}

START_TEST(vhdx_open__golden_image_opens_without_findings)
{
	struct vhd_info info;

	vhdx_image_init(&img, NULL);
	ck_assert(probed());
	vhdx_opened_begin(&o, &img);
	ck_assert_int_eq(o.rc, 0);
	ck_assert_uint_eq(o.seen_count, 0);
	vhdx_engine.info(o.eng, &info);
	ck_assert_int_eq(info.type, VHD_TYPE_DYNAMIC);
	ck_assert_int_eq(info.log, VHD_LOG_CLEAN);
	ck_assert_uint_eq(info.virtual_size, 10 * GiB);
	ck_assert_uint_eq(info.block_size, 32 * MiB);
	ck_assert_uint_eq(info.block_count, 320);
	ck_assert_uint_eq(info.file_size, 4 * MiB);
	ck_assert_uint_eq(info.vhdx.headers_ok, 3);
	ck_assert_uint_eq(info.vhdx.header_used, VHD_COPY_SECOND);
	ck_assert_str_eq(info.vhdx.creator, "golden");
	vhdx_opened_end(&o);
	vhdx_image_free(&img);
}
END_TEST

START_TEST(vhdx_open__file_shorter_than_the_header_section_is_refused)
{
	vhdx_image_init(&img, NULL);
	vhdx_image_resize(&img, MiB - 1);
	refused(RULE_VHDX_FILE_SHORT, VHD_E_CORRUPT);
}
END_TEST

START_TEST(vhdx_open__lost_identifier_is_probed_and_refused)
{
	vhdx_image_init(&img, NULL);
	img.bytes[3] ^= 1;
	ck_assert(probed());
	vhdx_image_header(&img, 0)->signature[0] = 0;
	ck_assert(probed());
	refused(RULE_VHDX_SIGNATURE, VHD_E_CORRUPT);
}
END_TEST

START_TEST(vhdx_open__other_files_are_not_probed)
{
	vhdx_image_init(&img, NULL);
	memset(img.bytes, 0, img.len);
	ck_assert(!probed());
	vhdx_image_resize(&img, 3);
	ck_assert(!probed());
	vhdx_image_free(&img);
}
END_TEST

START_TEST(vhdx_open__creator_with_a_lone_surrogate_is_reported)
{
	vhdx_image_init(&img, NULL);
	img.bytes[8] = 0x00;
	img.bytes[9] = 0xd8;
	reported(RULE_VHDX_CREATOR_TEXT);
}
END_TEST

START_TEST(vhdx_open__both_headers_damaged_is_refused)
{
	vhdx_image_init(&img, NULL);
	vhdx_image_header(&img, 0)->reserved[9] = 1;
	vhdx_image_header(&img, 1)->reserved[9] = 1;
	refused(RULE_VHDX_HDR_BOTH_BAD, VHD_E_CORRUPT);
}
END_TEST

/* VHDX-TST-07, for a clean and for a pending file. */
START_TEST(vhdx_open__either_header_may_rot)
{
	for (int n = 0; n < 4; n++) {
		struct vhd_run run;

		if (n < 2)
			vhdx_image_init(&img, NULL);
		else
			vhdx_image_init_dirty(&img);
		memset(vhdx_image_header(&img, n % 2), 0x5a, 4096);
		vhdx_opened_begin(&o, &img);
		ck_assert_msg(!o.rc, "%s", o.err.msg);
		ck_assert_uint_eq(vhdx_opened_saw(&o, RULE_VHDX_HDR_ONE_BAD),
				  1);
		ck_assert_uint_eq(vhdx_opened_saw(&o, RULE_VHDX_LOG_PENDING),
				  n < 2 ? 0u : 1u);
		run = vhdx_opened_map(&o, 0, 512);
		ck_assert_int_eq(run.kind, n < 2 ? VHD_RUN_PARENT
						 : VHD_RUN_DATA);
		vhdx_opened_end(&o);
		vhdx_image_free(&img);
	}
}
END_TEST

START_TEST(vhdx_open__headers_that_tie_and_differ_are_refused)
{
	vhdx_image_init(&img, NULL);
	vhdx_image_header(&img, 0)->seq = le64_make(1);
	vhdx_image_header(&img, 0)->file_write_guid[0] ^= 1;
	vhdx_image_reseal(&img);
	refused(RULE_VHDX_HDR_SEQ_TIE, VHD_E_CORRUPT);
}
END_TEST

START_TEST(vhdx_open__identical_headers_are_reported)
{
	vhdx_image_init(&img, NULL);
	vhdx_image_header(&img, 0)->seq = le64_make(1);
	vhdx_image_reseal(&img);
	reported(RULE_VHDX_HDR_TWINS);
}
END_TEST

START_TEST(vhdx_open__headers_that_differ_are_reported)
{
	vhdx_image_init(&img, NULL);
	vhdx_image_header(&img, 0)->data_write_guid[0] ^= 1;
	vhdx_image_reseal(&img);
	reported(RULE_VHDX_HDR_DIFFER);
}
END_TEST

/* Puts one thing into both headers. */
static void both(void (*poke)(struct vhdx_header_disk *h))
{
	for (int n = 0; n < 2; n++)
		poke(vhdx_image_header(&img, n));
	vhdx_image_reseal(&img);
}

static void version_2(struct vhdx_header_disk *h)
{
	h->version = le16_make(2);
}

static void log_version_1(struct vhdx_header_disk *h)
{
	h->log_version = le16_make(1);
}

static void reserved_1(struct vhdx_header_disk *h)
{
	h->reserved[17] = 1;
}

static void no_file_guid(struct vhdx_header_disk *h)
{
	memset(h->file_write_guid, 0, 16);
}

static void odd_log_place(struct vhdx_header_disk *h)
{
	h->log_off = le64_make(MiB + 4096);
}

START_TEST(vhdx_open__other_versions_are_refused)
{
	vhdx_image_init(&img, NULL);
	both(version_2);
	refused(RULE_VHDX_HDR_VERSION, VHD_E_UNSUPPORTED);
}
END_TEST

START_TEST(vhdx_open__log_of_another_version_matters_when_pending)
{
	vhdx_image_init(&img, NULL);
	both(log_version_1);
	reported(RULE_VHDX_LOG_VERSION_IDLE);
	vhdx_image_init_dirty(&img);
	both(log_version_1);
	refused(RULE_VHDX_LOG_VERSION, VHD_E_UNSUPPORTED);
}
END_TEST

START_TEST(vhdx_open__log_out_of_place_matters_when_pending)
{
	vhdx_image_init(&img, NULL);
	both(odd_log_place);
	reported(RULE_VHDX_LOG_PLACE_IDLE);
	vhdx_image_init_dirty(&img);
	both(odd_log_place);
	refused(RULE_VHDX_LOG_PLACE, VHD_E_CORRUPT);
}
END_TEST

START_TEST(vhdx_open__odd_header_fields_are_reported)
{
	vhdx_image_init(&img, NULL);
	both(reserved_1);
	reported(RULE_VHDX_HDR_RESERVED);
	vhdx_image_init(&img, NULL);
	both(no_file_guid);
	reported(RULE_VHDX_HDR_GUID_ZERO);
}
END_TEST

/* vhdx.md 13.7: after replay entry 0 is full at 4 MiB and 321 is ZERO. */
START_TEST(vhdx_open__pending_log_is_replayed_in_memory)
{
	struct vhd_info info;
	struct vhd_run run;

	vhdx_image_init_dirty(&img);
	vhdx_opened_begin(&o, &img);
	ck_assert_msg(!o.rc, "%s", o.err.msg);
	ck_assert_uint_eq(vhdx_opened_saw(&o, RULE_VHDX_LOG_PENDING), 1);
	ck_assert_uint_eq(vhdx_opened_saw(&o, RULE_VHDX_LOG_EXTEND), 1);
	vhdx_engine.info(o.eng, &info);
	ck_assert_int_eq(info.log, VHD_LOG_REPLAYED);
	ck_assert_uint_eq(info.file_size, 4 * MiB);
	ck_assert_uint_eq(info.vhdx.replayed_file_size, 36 * MiB);
	run = vhdx_opened_map(&o, 0, 10 * GiB);
	ck_assert_int_eq(run.kind, VHD_RUN_DATA);
	ck_assert_uint_eq(run.file_off, 4 * MiB);
	ck_assert_uint_eq(run.len, 32 * MiB);
	run = vhdx_opened_map(&o, 319 * 32 * MiB, 512);
	ck_assert_int_eq(run.kind, VHD_RUN_ZERO);
	vhdx_opened_check(&o);
	ck_assert_uint_eq(vhdx_opened_worse(&o, VHD_SEV_WARNING), 0);
	vhdx_opened_end(&o);
	vhdx_image_free(&img);
}
END_TEST

START_TEST(vhdx_open__pending_log_without_entries_is_refused)
{
	vhdx_image_init(&img, NULL);
	vhdx_image_set_pending(&img);
	refused(RULE_VHDX_LOG_NO_SEQUENCE, VHD_E_CORRUPT);
}
END_TEST

START_TEST(vhdx_open__file_shorter_than_its_log_says_is_refused)
{
	struct vhdx_image_entry ent = { .seq = 7, .flushed = 64 * MiB,
					.last = 64 * MiB };

	vhdx_image_init(&img, NULL);
	vhdx_image_set_pending(&img);
	vhdx_image_log_put(&img, 0, &ent);
	refused(RULE_VHDX_LOG_TRUNCATED, VHD_E_CORRUPT);
}
END_TEST

START_TEST(vhdx_open__log_that_targets_a_header_is_refused)
{
	struct vhdx_image_change change = { .file_off = VHDX_HEADER1_OFF,
					    .zero_len = 4096 };
	struct vhdx_image_entry ent = { .seq = 7, .change = &change,
					.change_count = 1 };

	vhdx_image_init(&img, NULL);
	vhdx_image_set_pending(&img);
	vhdx_image_log_put(&img, 0, &ent);
	refused(RULE_VHDX_LOG_TARGET, VHD_E_CORRUPT);
}
END_TEST

/* VHDX-LOG-30: a broken region table is of no matter when the log mends it. */
START_TEST(vhdx_open__structures_are_read_after_replay)
{
	struct vhdx_image_change change = { .file_off = VHDX_REGIONS1_OFF };
	struct vhdx_image_entry ent = { .seq = 7, .change = &change,
					.change_count = 1 };
	uint8_t page[4096];

	vhdx_image_init(&img, NULL);
	memcpy(page, img.bytes + VHDX_REGIONS1_OFF, sizeof(page));
	change.page = page;
	memset(img.bytes + VHDX_REGIONS1_OFF, 0, sizeof(page));
	vhdx_image_set_pending(&img);
	vhdx_image_log_put(&img, 0, &ent);
	reported(RULE_VHDX_LOG_PENDING);
}
END_TEST

TEST_MAIN("vhdx/open",
	  vhdx_open__golden_image_opens_without_findings,
	  vhdx_open__file_shorter_than_the_header_section_is_refused,
	  vhdx_open__lost_identifier_is_probed_and_refused,
	  vhdx_open__other_files_are_not_probed,
	  vhdx_open__creator_with_a_lone_surrogate_is_reported,
	  vhdx_open__both_headers_damaged_is_refused,
	  vhdx_open__either_header_may_rot,
	  vhdx_open__headers_that_tie_and_differ_are_refused,
	  vhdx_open__identical_headers_are_reported,
	  vhdx_open__headers_that_differ_are_reported,
	  vhdx_open__other_versions_are_refused,
	  vhdx_open__log_of_another_version_matters_when_pending,
	  vhdx_open__log_out_of_place_matters_when_pending,
	  vhdx_open__odd_header_fields_are_reported,
	  vhdx_open__pending_log_is_replayed_in_memory,
	  vhdx_open__pending_log_without_entries_is_refused,
	  vhdx_open__file_shorter_than_its_log_says_is_refused,
	  vhdx_open__log_that_targets_a_header_is_refused,
	  vhdx_open__structures_are_read_after_replay)
