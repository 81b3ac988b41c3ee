/* SPDX-License-Identifier: BSD-2-Clause */
/* What a file is taken for, above all when a guest had its hand in it. */
#include "image/probe.h"

#include <string.h>

#include "base/ckd.h"
#include "codec/vhd1_footer.h"
#include "support/check_main.h"
#include "support/vhd1_image.h"
#include "support/vhdx_image.h"
#include "vhd1/vhd1.h"
#include "vhdx/vhdx_engine.h"

static struct vhdx_image inner;

static const struct vhd_engine *probe(struct vhd_io *io, int rc_wanted)
{
	const struct vhd_engine *engine = NULL;

	ck_assert_int_eq(vhd_probe(io, VHD_FORMAT_AUTO, false, &engine, NULL),
			 rc_wanted);
	vhd_io_close(&io, NULL);
	return rc_wanted ? NULL : engine;
}

/* A fixed VHD of @size with the first @len bytes of a VHDX at its front. */
static struct vhd_io *fixed_with_vhdx(uint64_t size, size_t len, uint64_t off)
{
	const struct vhd1_image_spec spec = { .type = VHD_TYPE_FIXED,
					      .size = size };
	struct vhd_io *io = vhd1_image_new(&spec);

	vhdx_image_init(&inner, NULL);
	vhd1_image_put(io, inner.bytes + off, len, off);
	vhdx_image_free(&inner);
	return io;
}

START_TEST(probe__sound_images_are_known)
{
	const struct vhd1_image_spec fixed = VHD1_FIXED, dynamic = VHD1_DYNAMIC;

	ck_assert_ptr_eq(probe(vhd1_image_new(&fixed), 0), &vhd1_engine);
	ck_assert_ptr_eq(probe(vhd1_image_new(&dynamic), 0), &vhd1_engine);
	vhdx_image_init(&inner, NULL);
	ck_assert_ptr_eq(probe(vhdx_image_io(&inner), 0), &vhdx_engine);
	vhdx_image_free(&inner);
}
END_TEST

START_TEST(probe__vhdx_signature_in_a_fixed_vhd_is_the_guests)
{
	ck_assert_ptr_eq(probe(fixed_with_vhdx(8 * MiB, 8, 0), 0),
			 &vhd1_engine);
}
END_TEST

START_TEST(probe__vhdx_header_in_a_vhd_is_the_guests)
{
	const struct vhd1_image_spec spec = VHD1_DYNAMIC;
	struct vhd_io *io = vhd1_image_new(&spec);

	ck_assert_ptr_eq(probe(fixed_with_vhdx(8 * MiB, MiB - 512, 512), 0),
			 &vhd1_engine);
	vhdx_image_init(&inner, NULL);
	vhd1_image_put(io, inner.bytes + 65536, 4096, 65536);
	vhdx_image_free(&inner);
	ck_assert_ptr_eq(probe(io, 0), &vhd1_engine);
}
END_TEST

/* A whole VHDX in a fixed VHD: neither is served by guessing. */
START_TEST(probe__what_both_ends_claim_has_to_be_said)
{
	probe(fixed_with_vhdx(8 * MiB, 4 * MiB, 0), VHD_E_FORMAT);
}
END_TEST

/* The last sector of a VHDX is the guest's as well. */
START_TEST(probe__footer_at_the_end_of_a_vhdx_is_the_guests)
{
	const struct vhd1_image_spec spec = { .type = VHD_TYPE_FIXED,
					      .size = 8 * MiB - 512 };
	struct vhd_io *io = vhd1_image_new(&spec);

	vhdx_image_init(&inner, NULL);
	vhd1_image_put(io, inner.bytes, 4 * MiB, 0);
	vhdx_image_free(&inner);
	ck_assert_ptr_eq(probe(io, 0), &vhdx_engine);
}
END_TEST

START_TEST(probe__vhdx_without_its_signature_is_a_damaged_one)
{
	vhdx_image_init(&inner, NULL);
	memset(inner.bytes, 0, 8);
	ck_assert_ptr_eq(probe(vhdx_image_io(&inner), 0), &vhdx_engine);
	vhdx_image_free(&inner);
}
END_TEST

TEST_MAIN("image/probe", probe__sound_images_are_known,
	  probe__vhdx_signature_in_a_fixed_vhd_is_the_guests,
	  probe__vhdx_header_in_a_vhd_is_the_guests,
	  probe__what_both_ends_claim_has_to_be_said,
	  probe__footer_at_the_end_of_a_vhdx_is_the_guests,
	  probe__vhdx_without_its_signature_is_a_damaged_one)
