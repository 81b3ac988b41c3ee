/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "base/ckd.h"
#include "base/guid.h"
#include "io/io_fault.h"
#include "support/check_main.h"
#include "support/vhdx_image.h"
#include "vhdx/vhdx_update.h"

static struct vhdx_image img;
static struct vhd_fault_plan plan;
static struct vhdx_update u;
static struct vhd_error err;
static uint8_t slot[2][VHDX_HEADER_LEN];

static struct vhdx_headers load(void)
{
	struct vhdx_notes notes = VHDX_NOTES_INIT;
	struct vhdx_headers h;

	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(vhd_io_read(u.io, slot[i], VHDX_HEADER_LEN,
					     i ? VHDX_HEADER2_OFF :
						 VHDX_HEADER1_OFF, NULL), 0);
	ck_assert_int_eq(vhdx_headers_decode(slot[0], slot[1], &h, &notes),
			 VHD_RULE_NONE);
	return h;
}

/* The image as it stands. */
static void begin(void)
{
	void *mem = vhd_mem_new(img.bytes, img.len);

	plan = (struct vhd_fault_plan){ .kinds = VHD_FAULT_WRITE };
	ck_assert_int_eq(vhd_io_new(&vhd_fault_ops,
				    vhd_fault_new(&vhd_mem_ops, mem, &plan),
				    "update", &u.io, NULL), 0);
	u.headers = load();
}

static void end(void)
{
	vhd_io_close(&u.io, NULL);
	vhdx_image_free(&img);
}

/* VHDX-HDR-20; the golden vectors of vhdx.md 4.3 */
START_TEST(vhdx_update__header_goes_to_the_other_slot_with_the_next_number)
{
	static const uint32_t crc[2] = { 0xFE59482E, 0x7CA1D459 };
	struct vhdx_header h;

	vhdx_image_init(&img, NULL);
	begin();
	h = *vhdx_update_current(&u);
	vhd_guid_from_mixed(vhdx_image_log_guid, &h.log_guid);
	ck_assert_int_eq(vhdx_header_write(&u, &h, &err), 0);
	ck_assert_uint_eq(load().current, 0);
	ck_assert_uint_eq(load().hdr[1].seq, 1);
	ck_assert_int_eq(vhdx_header_copy(&u, &err), 0);
	ck_assert_uint_eq(load().current, 1);
	ck_assert_uint_eq(u.headers.current, 1);
	for (int i = 0; i < 2; i++) {
		const struct vhdx_header_disk *d = (const void *)slot[i];

		ck_assert_uint_eq(le32_get(d->checksum), crc[i]);
	}
	end();
}
END_TEST

/* VHDX-HDR-04, VHDX-HDR-06 */
START_TEST(vhdx_update__header_is_rebuilt_not_carried_over)
{
	struct vhdx_header_disk *d;
	struct vhdx_headers h;

	vhdx_image_init(&img, NULL);
	for (int i = 0; i < 2; i++) {
		d = vhdx_image_header(&img, i);
		d->reserved[77] = 1;
		d->log_version = le16_make(7);
		vhdx_image_reseal_header(&img, i);
	}
	begin();
	ck_assert_int_eq(vhdx_header_copy(&u, &err), 0);
	h = load();
	ck_assert(!h.hdr[0].reserved_set);
	ck_assert_uint_eq(h.hdr[0].log_version, 0);
	ck_assert_uint_eq(h.hdr[0].log_len, MiB);
	ck_assert_uint_eq(h.hdr[0].log_off, MiB);
	ck_assert(h.hdr[1].reserved_set);
	end();
}
END_TEST

/* VHDX-HDR-24 */
START_TEST(vhdx_update__invalid_slot_is_mended_first)
{
	struct vhdx_headers h;

	for (int bad = 0; bad < 2; bad++) {
		vhdx_image_init(&img, NULL);
		vhdx_image_header(&img, bad)->signature[0] ^= 1;
		begin();
		ck_assert_uint_eq(u.headers.ok, bad ? 1 : 2);
		ck_assert_int_eq(vhdx_header_copy(&u, &err), 0);
		h = load();
		ck_assert_uint_eq(h.ok, 3);
		ck_assert_uint_eq(u.headers.ok, 3);
		ck_assert_int_eq((int)h.current, bad);
		ck_assert_uint_eq(h.hdr[bad].seq, bad ? 1 : 2);
		end();
	}
}
END_TEST

/* VHDX-HDR-02: two of one number, which some writers make, are told apart. */
START_TEST(vhdx_update__twins_get_a_current_one)
{
	vhdx_image_init(&img, NULL);
	vhdx_image_header(&img, 0)->seq = le64_make(1);
	vhdx_image_reseal_header(&img, 0);
	begin();
	ck_assert_int_eq(vhdx_header_copy(&u, &err), 0);
	ck_assert_uint_eq(load().hdr[load().current].seq, 2);
	end();
}
END_TEST

START_TEST(vhdx_update__last_sequence_number_has_no_successor)
{
	vhdx_image_init(&img, NULL);
	vhdx_image_header(&img, 1)->seq = le64_make(UINT64_MAX);
	vhdx_image_reseal_header(&img, 1);
	begin();
	ck_assert_int_eq(vhdx_header_copy(&u, &err), VHD_E_UNSUPPORTED);
	ck_assert_uint_eq(load().hdr[0].seq, 0);
	end();
}
END_TEST

START_TEST(vhdx_update__failed_write_leaves_the_current_header)
{
	vhdx_image_init(&img, NULL);
	begin();
	plan.fail_at = 2;
	plan.short_io = 6;	/* amid the checksum */
	plan.os_errno = ENOSPC;
	ck_assert_int_eq(vhdx_header_copy(&u, &err), VHD_E_NOSPACE);
	ck_assert_uint_eq(u.headers.current, 1);
	ck_assert_uint_eq(u.headers.ok, 2);
	ck_assert_uint_eq(load().ok, 2);
	ck_assert_int_eq(vhdx_header_copy(&u, &err), 0);
	ck_assert_uint_eq(load().hdr[0].seq, 2);
	ck_assert_uint_eq(u.headers.ok, 3);
	end();
}
END_TEST

TEST_MAIN("vhdx/update",
	  vhdx_update__header_goes_to_the_other_slot_with_the_next_number,
	  vhdx_update__header_is_rebuilt_not_carried_over,
	  vhdx_update__invalid_slot_is_mended_first,
	  vhdx_update__twins_get_a_current_one,
	  vhdx_update__last_sequence_number_has_no_successor,
	  vhdx_update__failed_write_leaves_the_current_header)
