/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The image builder of the tests against the checksums of vhdx.md: what the
 * other tests break is right to begin with.
 */
#include "support/check_main.h"
#include "support/vhdx_image.h"
#include "support/vhdx_sha256.h"

static void assert_sha256(struct vhdx_image *img, const char *want)
{
	char hex[65];

	ck_assert_uint_eq(img->len, 4 << 20);
	vhdx_sha256(img->bytes, img->len, hex);
	ck_assert_str_eq(hex, want);
	vhdx_image_free(img);
}

START_TEST(vhdx_golden__sha256_is_right)
{
	char hex[65];

	vhdx_sha256("abc", 3, hex);
	ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223"
			      "b00361a396177a9cb410ff61f20015ad");
}
END_TEST

/* 18.1 */
START_TEST(vhdx_golden__dynamic_image_is_byte_exact)
{
	struct vhdx_image img;

	vhdx_image_init(&img, NULL);
	assert_sha256(&img, "ce78bca38166f525b5ad2063475c2306"
			    "1fe65017e6fb6d12eee6050387f1b5db");
}
END_TEST

/* 18.2 */
START_TEST(vhdx_golden__differencing_image_is_byte_exact)
{
	struct vhdx_image_spec spec = {
		.block_size = 2 << 20,
		.has_parent = true,
		.file_write_guid = "21212121-2222-3333-4444-555555555555",
		.data_write_guid = "76767676-7777-8888-9999-aaaaaaaaaaaa",
	};
	struct vhdx_image img;

	vhdx_image_init(&img, &spec);
	ck_assert_uint_eq(le32_get(vhdx_image_header(&img, 0)->checksum),
			  0x18a5e525);
	ck_assert_uint_eq(le32_get(vhdx_image_header(&img, 1)->checksum),
			  0x9a5d7952);
	assert_sha256(&img, "1b4e2d0be407235314e25063fb947488"
			    "987f08e08ca0d1a59cff0a56cbaee902");
}
END_TEST

/* 13.7 */
START_TEST(vhdx_golden__dirty_image_is_byte_exact)
{
	static const uint32_t sums[3][2] = { { 0, 0x1bb21eb1 },
					     { 0x1000, 0x58c1f30a },
					     { 0x3000, 0x4601486b } };
	struct vhdx_log_hdr_disk *h;
	struct vhdx_image img;

	vhdx_image_init_dirty(&img);
	for (int i = 0; i < 3; i++) {
		h = (void *)vhdx_image_log_sector(&img, sums[i][0]);
		ck_assert_uint_eq(le32_get(h->checksum), sums[i][1]);
	}
	assert_sha256(&img, "d2cb9f2cab1cad7eb4e033af1de14dbd"
			    "a9d0bd4d1807782762c8e9885e3ddbc8");
}
END_TEST

TEST_MAIN("codec/vhdx_golden", vhdx_golden__sha256_is_right,
	  vhdx_golden__dynamic_image_is_byte_exact,
	  vhdx_golden__differencing_image_is_byte_exact,
	  vhdx_golden__dirty_image_is_byte_exact)
