/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: a footer of 512 bytes. */
#include "codec/vhd1_footer.h"
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_cursor.h"

/* Encoding keeps every byte but cookie and checksum, and seals. */
static void round_trip(const struct vhd1_footer *f,
		       const uint8_t raw[VHD1_FOOTER_LEN])
{
	const size_t sum = offsetof(struct vhd1_footer_disk, checksum);
	uint8_t again[VHD1_FOOTER_LEN], third[VHD1_FOOTER_LEN];
	struct vhd1_footer g;

	vhd1_footer_encode(f, again);
	FUZZ_CHECK(vhd1_footer_seal(again) == VHD1_SEAL_OK);
	FUZZ_CHECK(!memcmp(raw + 8, again + 8, sum - 8));
	FUZZ_CHECK(!memcmp(raw + sum + 4, again + sum + 4,
			   sizeof(again) - sum - 4));
	vhd1_footer_decode(again, &g);
	vhd1_footer_encode(&g, third);
	FUZZ_CHECK(!memcmp(again, third, sizeof(third)));
}

static void check_geometry(const struct vhd1_footer *f)
{
	struct vhd1_geometry g = vhd1_geometry_of(f->current_size);

	FUZZ_CHECK(vhd1_geometry_fits(g, f->current_size));
	FUZZ_CHECK(vhd1_geometry_size(g) <= VHD1_CHS_MAX);
	(void)vhd1_geometry_fits(f->geometry, f->current_size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_cursor c = { data, len };
	uint8_t raw[VHD1_FOOTER_LEN];
	struct vhd1_footer f;
	enum vhd1_seal seal;

	fuzz_memory_reset();
	fuzz_take(&c, raw, sizeof(raw));
	seal = vhd1_footer_seal(raw);
	FUZZ_CHECK(vhd1_sealed(seal) == (seal == VHD1_SEAL_OK ||
					 seal == VHD1_SEAL_OK_HIDDEN));
	vhd1_footer_decode(raw, &f);
	round_trip(&f, raw);
	check_geometry(&f);
	if (vhd1_footer_plausible(&f))
		FUZZ_CHECK(vhd1_footer_judge(&f) == VHD_RULE_NONE);
	if (vhd1_footer_judge(&f) == VHD_RULE_NONE) {
		FUZZ_CHECK(vhd1_footer_size(&f, VHD_SIZE_CURRENT) ==
			   f.current_size);
		FUZZ_CHECK(vhd1_footer_size(&f, VHD_SIZE_CHS));
		FUZZ_CHECK(vhd1_footer_size(&f, VHD_SIZE_AUTO));
	}
	FUZZ_CHECK(vhd1_time_from_unix(vhd1_time_to_unix(f.timestamp)) ==
		   f.timestamp);
	return 0;
}
