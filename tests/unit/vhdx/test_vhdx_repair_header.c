/* SPDX-License-Identifier: BSD-2-Clause */
#include "codec/vhdx_header.h"
#include "support/vhdx_breaking.h"

static void ident_gone(struct vhdx_image *img)
{
	memset(img->bytes, 0, 4096);
}

static void first_bad(struct vhdx_image *img)
{
	vhdx_image_header(img, 0)->reserved[9] ^= 1;
}

static void second_bad(struct vhdx_image *img)
{
	memset(vhdx_image_header(img, 1), 0xff, VHDX_HEADER_LEN);
}

static void twins(struct vhdx_image *img)
{
	*vhdx_image_header(img, 1) = *vhdx_image_header(img, 0);
}

static void differ(struct vhdx_image *img)
{
	vhdx_image_header(img, 0)->data_write_guid[3] ^= 1;
	vhdx_image_reseal_header(img, 0);
}

static void version_odd(struct vhdx_image *img)
{
	for (int i = 0; i < 2; i++)
		vhdx_image_header(img, i)->log_version = le16_make(1);
	vhdx_image_reseal(img);
}

static void reserved_set(struct vhdx_image *img)
{
	for (int i = 0; i < 2; i++)
		vhdx_image_header(img, i)->reserved[100] = 1;
	vhdx_image_reseal(img);
}

static void guid_zero(struct vhdx_image *img)
{
	for (int i = 0; i < 2; i++)
		memset(vhdx_image_header(img, i)->data_write_guid, 0, 16);
	vhdx_image_reseal(img);
}

static void both_unsealed(struct vhdx_image *img)
{
	for (int i = 0; i < 2; i++)
		vhdx_image_header(img, i)->checksum.b[0] ^= 1;
}

static void one_plausible(struct vhdx_image *img)
{
	both_unsealed(img);
	vhdx_image_header(img, 1)->log_off = le64_make(12345);
}

static void both_gone(struct vhdx_image *img)
{
	for (int i = 0; i < 2; i++)
		memset(vhdx_image_header(img, i), 0, VHDX_HEADER_LEN);
	memcpy(img->bytes + MiB, "loge", 4);
}

static void log_nowhere(struct vhdx_image *img)
{
	for (int i = 0; i < 2; i++)
		vhdx_image_header(img, i)->log_off = le64_make(MiB + 4096);
	vhdx_image_reseal(img);
}

static void log_absent(struct vhdx_image *img)
{
	for (int i = 0; i < 2; i++)
		vhdx_image_header(img, i)->log_len = le32_make(0);
	vhdx_image_reseal(img);
}

/* The file ends inside its last block, which has to stay out of the log. */
static void log_absent_and_cut(struct vhdx_image *img)
{
	log_absent(img);
	vhdx_image_resize(img, img->len - 4096 * 3);
}

static const struct breaking damages[] = {
	BREAK("identifier", RULE_VHDX_SIGNATURE, NULL, ident_gone),
	BREAK("first header", RULE_VHDX_HDR_ONE_BAD, NULL, first_bad),
	BREAK("second header", RULE_VHDX_HDR_ONE_BAD, NULL, second_bad),
	BREAK("twins", RULE_VHDX_HDR_TWINS, NULL, twins),
	BREAK("differ", RULE_VHDX_HDR_DIFFER, NULL, differ),
	BREAK("log version", RULE_VHDX_LOG_VERSION_IDLE, NULL, version_odd),
	BREAK("reserved", RULE_VHDX_HDR_RESERVED, NULL, reserved_set),
	BREAK("zero GUID", RULE_VHDX_HDR_GUID_ZERO, NULL, guid_zero),
	BREAK("both unsealed", RULE_VHDX_HDR_BOTH_BAD, NULL, both_unsealed),
	BREAK("one plausible", RULE_VHDX_HDR_BOTH_BAD, NULL, one_plausible),
	BREAK("both gone", RULE_VHDX_HDR_BOTH_BAD, "discard", both_gone),
	BREAK("log nowhere", RULE_VHDX_LOG_PLACE_IDLE, NULL, log_nowhere),
	BREAK("no log", RULE_VHDX_LOG_PLACE_IDLE, NULL, log_absent),
	{ .name = "no log, cut", .rule = RULE_VHDX_LOG_PLACE_IDLE,
	  .damage = log_absent_and_cut, .also = RULE_VHDX_BLOCK_SHORT },
};
enum { DAMAGES = sizeof(damages) / sizeof(damages[0]) };

START_TEST(vhdx_repair__mends_identifier_and_headers)
{
	breaking_run(&damages[_i]);
}
END_TEST

static void header_of(struct vhdx_mending *m, struct vhdx_header *out)
{
	static uint8_t buf[2][VHDX_HEADER_LEN];
	struct vhdx_notes notes = VHDX_NOTES_INIT;
	struct vhdx_headers hs;

	ck_assert_int_eq(vhd_io_read(m->io, buf[0], 4096, VHDX_HEADER1_OFF,
				     NULL), 0);
	ck_assert_int_eq(vhd_io_read(m->io, buf[1], 4096, VHDX_HEADER2_OFF,
				     NULL), 0);
	ck_assert_int_eq(vhdx_headers_decode(buf[0], buf[1], &hs, &notes),
			 VHD_RULE_NONE);
	*out = hs.hdr[hs.current];
}

/* VHDX-HDR-11, VHDX-HDR-13: children still know their parent. */
START_TEST(vhdx_repair__changes_the_identity_of_the_file_not_of_its_data)
{
	struct vhdx_header before, after;
	struct vhdx_mending m;
	struct vhdx_image img;

	breaking_image(&img, &damages[1]);
	first_bad(&img);
	vhdx_mending_begin(&m, &img);
	header_of(&m, &before);
	ck_assert_int_eq(vhdx_mending_run(&m), 0);
	header_of(&m, &after);
	ck_assert_mem_eq(&before.data_write_guid, &after.data_write_guid, 16);
	ck_assert_mem_ne(&before.file_write_guid, &after.file_write_guid, 16);
	vhdx_mending_end(&m);
	vhdx_image_free(&img);
}
END_TEST

/* Neither a header nor a region table says that it ever was a VHDX. */
START_TEST(vhdx_repair__does_not_make_up_an_identifier)
{
	struct vhdx_mending m;
	struct vhdx_image img;

	breaking_image(&img, &damages[0]);
	ident_gone(&img);
	if (_i)
		both_unsealed(&img);
	else
		memset(img.bytes + VHDX_REGIONS1_OFF, 0, 2 * VHDX_REGIONS_LEN);
	vhdx_mending_begin(&m, &img);
	vhdx_mending_allow(&m, RULE_VHDX_SIGNATURE, "");
	vhdx_mending_allow(&m, RULE_VHDX_HDR_BOTH_BAD, "");
	ck_assert_int_eq(vhdx_mending_run(&m), 0);
	ck_assert_uint_eq(m.step_count, 0);
	vhdx_mending_end(&m);
	vhdx_image_free(&img);
}
END_TEST

/* What no rewriting cures is left as it is. */
START_TEST(vhdx_repair__leaves_versions_and_ties_alone)
{
	struct vhdx_mending m;
	struct vhdx_image img;

	breaking_image(&img, &damages[0]);
	if (_i == 0) {
		twins(&img);
		vhdx_image_header(&img, 0)->log_guid[0] = 1;
		vhdx_image_reseal(&img);
	} else if (_i == 1) {
		vhdx_image_header(&img, 0)->version = le16_make(2);
		vhdx_image_header(&img, 1)->version = le16_make(2);
		vhdx_image_reseal(&img);
	} else {
		vhdx_image_resize(&img, 512);
	}
	vhdx_mending_begin(&m, &img);
	ck_assert_int_eq(vhdx_mending_run(&m), 0);
	ck_assert_uint_eq(m.step_count, 0);
	ck_assert(vhdx_mending_is(&m, &img));
	vhdx_mending_end(&m);
	vhdx_image_free(&img);
}
END_TEST

TEST_MAIN_ROWS("vhdx/repair_header",
	       LOOP(vhdx_repair__mends_identifier_and_headers, DAMAGES),
	       ONCE(vhdx_repair__changes_the_identity_of_the_file_not_of_its_data),
	       LOOP(vhdx_repair__does_not_make_up_an_identifier, 2),
	       LOOP(vhdx_repair__leaves_versions_and_ties_alone, 3))
