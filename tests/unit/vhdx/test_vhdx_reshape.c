/* SPDX-License-Identifier: BSD-2-Clause */
/* Identity, second parent, headers, moving and packing. */
#include <string.h>

#include "base/ckd.h"
#include "support/base_rand.h"
#include "support/vhdx_reshaping.h"

static const struct vhd_guid some_id = { { 9, 8, 7, 6, 5, 4, 3, 2, 1 } };
static const struct vhd_guid no_id;

/* VHDX-HDR-12: the first change takes it on; without a change nothing does. */
START_TEST(vhdx_reshape__first_change_gives_the_identity_asked_for)
{
	struct vhd_guid before;

	make(GiB, MiB, false);
	before = identity();
	ck_assert_int_eq(vhdx_engine.identify(t.x, &some_id, &t.err), 0);
	ck_assert_uint_eq(writes(), 0);
	vhdx_writing_shut(&t);
	ck_assert_uint_eq(writes(), 0);
	vhdx_writing_again(&t);
	ck_assert(is_id(&before));
	ck_assert_int_eq(vhdx_engine.identify(t.x, &some_id, &t.err), 0);
	fill(0, 512, 1);
	ck_assert(is_id(&some_id));
	again();
	ck_assert(is_id(&some_id));
	vhdx_writing_shut(&t);
	end();
}
END_TEST

/* Both headers, and the log goes on (VHDX-HDR-22, VHDX-HDR-23). */
START_TEST(vhdx_reshape__identity_can_change_while_a_log_is_pending)
{
	struct vhdx_header h[2];
	uint8_t page[VHDX_HEADER_LEN];

	make(GiB, MiB, false);
	fill(0, 512, 1);
	vhdx_writing_commit(&t, VHD_COMMIT_SYNC);
	fill(5 * MiB, 512, 2);
	ck_assert_int_eq(vhdx_engine.identify(t.x, &some_id, &t.err), 0);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(vhd_io_read(t.io, page, sizeof(page),
					     i ? VHDX_HEADER2_OFF
					       : VHDX_HEADER1_OFF, NULL), 0);
		ck_assert(vhdx_header_decode(page, &h[i]));
		ck_assert(vhd_guid_equal(&h[i].data_write_guid, &some_id));
		ck_assert(!vhd_guid_is_zero(&h[i].log_guid));
	}
	ck_assert(vhd_guid_equal(&h[0].log_guid, &h[1].log_guid));
	fill(9 * MiB, 512, 3);
	again();
	ck_assert(is_id(&some_id));
	ck_assert(vhdx_writing_is(&t, 0, 512, 1));
	ck_assert(vhdx_writing_is(&t, 5 * MiB, 512, 2));
	ck_assert(vhdx_writing_is(&t, 9 * MiB, 512, 3));
	vhdx_writing_shut(&t);
	end();
}
END_TEST

/* VHDX-HDR-17 */
START_TEST(vhdx_reshape__identity_of_zeros_is_refused)
{
	make(GiB, MiB, false);
	ck_assert_int_eq(vhdx_engine.identify(t.x, &no_id, &t.err),
			 VHD_E_INVAL);
	vhdx_writing_shut(&t);
	end();
}
END_TEST

static void expect_parent(const struct vhd_guid *second)
{
	struct vhd_parent_ref ref;

	ck_assert(vhdx_engine.parent(t.x, &ref));
	ck_assert_uint_eq(ref.id_count, second ? 2 : 1);
	if (second)
		ck_assert(vhd_guid_equal(&ref.ids[1], second));
	ck_assert_uint_eq(ref.locator_count, 1);
	ck_assert_str_eq(ref.locators[0].text, ".\\g1.vhdx");
}

/* VHDX-MRG-02: the key is not there, is there, is cleared (VHDX-WR-41). */
START_TEST(vhdx_reshape__child_gets_a_second_name_for_its_parent)
{
	struct vhd_guid id;
	uint64_t before;

	make(GiB, MiB, true);
	id = identity();
	for (int i = 0; i < 3; i++) {
		const struct vhd_guid *want = i < 2 ? i ? &id : &some_id
						    : &no_id;

		ck_assert_msg(!vhdx_engine.link2(t.x, want, &t.err), "%s",
			      t.err.msg);
		expect_parent(i < 2 ? want : NULL);
		vhdx_writing_shut_check(&t, VHD_SEV_WARNING);
		vhdx_writing_again(&t);
		expect_parent(i < 2 ? want : NULL);
		ck_assert(is_id(&id));
	}
	before = writes();
	ck_assert_int_eq(vhdx_engine.link2(t.x, &no_id, &t.err), 0);
	vhdx_writing_shut(&t);
	ck_assert_uint_eq(writes(), before);
	end();
}
END_TEST

START_TEST(vhdx_reshape__disk_without_a_parent_has_no_second_one)
{
	make(GiB, MiB, false);
	ck_assert_int_eq(vhdx_engine.link2(t.x, &some_id, &t.err),
			 VHD_E_INVAL);
	vhdx_writing_shut(&t);
	end();
}
END_TEST

/* The region is full: VHDX-WR-42 is not for us. */
START_TEST(vhdx_reshape__locator_that_cannot_grow_is_left_alone)
{
	struct vhdx_image_spec spec = { .has_parent = true };
	const struct vhdx_meta_ent_disk *ent;
	uint32_t off;

	vhdx_image_init(&img, &spec);
	ent = vhdx_image_meta_ent(&img, VHDX_IMAGE_LOCATOR);
	off = le32_get(ent->off) + le32_get(ent->len);
	vhdx_image_add_item(&img, "0f0e0d0c-0b0a-0908-0706-050403020100",
			    off, (uint32_t)MiB - off, 0);
	begin();
	ck_assert_int_eq(vhdx_engine.link2(t.x, &some_id, &t.err),
			 VHD_E_NOSPACE);
	expect_parent(NULL);
	vhdx_writing_shut(&t);
	end();
}
END_TEST

static int set(struct vhd_attrs *a, uint32_t mask)
{
	a->mask = mask;
	return vhdx_engine.set(t.x, a, &t.err);
}

/* VHDX-WR-40: guests see ids and sectors, so the data's identity changes. */
START_TEST(vhdx_reshape__items_change_together)
{
	struct vhd_attrs a = VHD_ATTRS_INIT;
	struct vhd_guid before;
	uint64_t n;

	make(GiB, MiB, _i);
	before = identity();
	a.id = some_id;
	a.physical_sector = 512;
	ck_assert_msg(!set(&a, VHD_ATTR_ID | VHD_ATTR_PHYSICAL_SECTOR), "%s",
		      t.err.msg);
	again();
	ck_assert(vhd_guid_equal(&t.x->meta.disk_id, &some_id));
	ck_assert_uint_eq(t.x->meta.physical_sector, 512);
	ck_assert(!is_id(&before));
	n = writes();
	ck_assert_int_eq(set(&a, VHD_ATTR_ID | VHD_ATTR_PHYSICAL_SECTOR), 0);
	vhdx_writing_shut(&t);
	ck_assert_uint_eq(writes(), n);
	end();
}
END_TEST

START_TEST(vhdx_reshape__identity_is_set)
{
	struct vhd_attrs a = VHD_ATTRS_INIT;

	make(GiB, MiB, _i);
	if (_i)
		fill(0, 512, 1);
	a.identity = some_id;
	ck_assert_int_eq(set(&a, VHD_ATTR_IDENTITY), 0);
	again();
	ck_assert(is_id(&some_id));
	vhdx_writing_shut(&t);
	end();
}
END_TEST

/* VHDX-FTI-02: nothing but the text; no guest sees it. */
START_TEST(vhdx_reshape__creator_is_set)
{
	struct vhd_attrs a = VHD_ATTRS_INIT;
	struct vhd_info info = { .size = sizeof(info) };
	char longest[257], longer[258];
	struct vhd_guid before;

	memset(longest, 'x', 256);
	memset(longer, 'x', 257);
	longest[256] = longer[257] = '\0';
	make(GiB, MiB, false);
	before = identity();
	a.creator = longer;
	ck_assert_int_eq(set(&a, VHD_ATTR_CREATOR), VHD_E_INVAL);
	a.creator = "\xff";
	ck_assert_int_eq(set(&a, VHD_ATTR_CREATOR), VHD_E_INVAL);
	a.creator = _i ? longest : "Gr\xc3\xbc\xc3\x9f""e";
	ck_assert_int_eq(set(&a, VHD_ATTR_CREATOR), 0);
	again();
	vhdx_engine.info(t.x, &info);
	ck_assert_str_eq(info.vhdx.creator, a.creator);
	ck_assert(is_id(&before));
	vhdx_writing_shut(&t);
	end();
}
END_TEST

START_TEST(vhdx_reshape__what_a_vhdx_does_not_have_is_refused)
{
	static const uint32_t masks[] = {
		VHD_ATTR_HIDDEN, VHD_ATTR_SAVED_STATE, VHD_ATTR_ORIGINAL_SIZE,
		VHD_ATTR_TIMESTAMP, VHD_ATTR_ID, VHD_ATTR_IDENTITY,
		VHD_ATTR_PHYSICAL_SECTOR, VHD_ATTR_CREATOR
	};
	struct vhd_attrs a = VHD_ATTRS_INIT;

	make(GiB, MiB, false);
	for (size_t i = 0; i < 8; i++)
		ck_assert_int_eq(set(&a, masks[i]), VHD_E_INVAL);
	a.physical_sector = 1024;
	ck_assert_int_eq(set(&a, VHD_ATTR_PHYSICAL_SECTOR), VHD_E_INVAL);
	ck_assert_uint_eq(writes(), 0);
	vhdx_writing_shut(&t);
	end();
}
END_TEST

/* VHDX-ITEM-06 */
START_TEST(vhdx_reshape__physical_sector_is_not_below_the_logical_one)
{
	struct vhdx_image_spec spec = { .logical_sector = 4096 };
	struct vhd_attrs a = VHD_ATTRS_INIT;

	vhdx_image_init(&img, &spec);
	begin();
	a.physical_sector = 512;
	ck_assert_int_eq(set(&a, VHD_ATTR_PHYSICAL_SECTOR), VHD_E_INVAL);
	vhdx_writing_shut(&t);
	end();
}
END_TEST

TEST_MAIN_ROWS("vhdx/reshape",
	       ONCE(vhdx_reshape__first_change_gives_the_identity_asked_for),
	       ONCE(vhdx_reshape__identity_can_change_while_a_log_is_pending),
	       ONCE(vhdx_reshape__identity_of_zeros_is_refused),
	       ONCE(vhdx_reshape__child_gets_a_second_name_for_its_parent),
	       ONCE(vhdx_reshape__disk_without_a_parent_has_no_second_one),
	       ONCE(vhdx_reshape__locator_that_cannot_grow_is_left_alone),
	       LOOP(vhdx_reshape__items_change_together, 2),
	       LOOP(vhdx_reshape__identity_is_set, 2),
	       LOOP(vhdx_reshape__creator_is_set, 2),
	       ONCE(vhdx_reshape__what_a_vhdx_does_not_have_is_refused),
	       ONCE(vhdx_reshape__physical_sector_is_not_below_the_logical_one))
