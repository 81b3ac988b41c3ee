/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/guid.h"
#include "base/bytes.h"
#include "base/fail.h"

#include <string.h>
#include <uuid/uuid.h>

/*
 * The place in the mixed-endian form of each byte of the text: groups of 4, 2
 * and 2 bytes turned round, the rest as it stands (VHDX-GEN-02).  It is its own
 * inverse.
 */
static const uint8_t mixed[16] = {
	3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15
};

void vhd_guid_from_mixed(const uint8_t bytes[16], struct vhd_guid *out)
{
	struct vhd_guid g;

	for (size_t i = 0; i < 16; i++)
		g.b[i] = bytes[mixed[i]];
	*out = g;
}

void vhd_guid_to_mixed(const struct vhd_guid *guid, uint8_t bytes[16])
{
	struct vhd_guid g = *guid;

	for (size_t i = 0; i < 16; i++)
		bytes[i] = g.b[mixed[i]];
}

bool vhd_guid_equal(const struct vhd_guid *a, const struct vhd_guid *b)
{
	return !memcmp(a->b, b->b, sizeof(a->b));
}

bool vhd_guid_is_zero(const struct vhd_guid *g)
{
	static const struct vhd_guid zero;

	return vhd_guid_equal(g, &zero);
}

/* RFC 9562: version 4 in the seventh byte, variant 10 in the ninth. */
static void mark_v4(struct vhd_guid *g)
{
	g->b[6] = (uint8_t)((g->b[6] & 0x0f) | 0x40);
	g->b[8] = (uint8_t)((g->b[8] & 0x3f) | 0x80);
}

bool vhd_guid_random(struct vhd_guid *out)
{
	uuid_generate_random(out->b);
	return !vhd_guid_is_zero(out);
}

int vhd_guid_fresh(struct vhd_guid *out, struct vhd_error *err)
{
	if (vhd_guid_random(out))
		return 0;
	return vhd_fail(err, VHD_E_IO,
			"the system gives no random numbers for a GUID");
}

/* A bijection in which each bit of the input stirs half of the output's. */
static uint64_t stir(uint64_t x)
{
	x ^= x >> 31;
	x *= UINT64_C(0xd6e8feb86659fd93);
	x ^= x >> 29;
	x *= UINT64_C(0xa0761d6478bd642f);
	x ^= x >> 32;
	return x;
}

/* Reproducible, not secret: whoever knows the seed knows them all. */
void vhd_guid_derive(const struct vhd_guid *seed, uint32_t n,
		     struct vhd_guid *out)
{
	be64 half[2];
	uint64_t hi;
	uint64_t lo;
	struct vhd_guid g = *seed;

	if (n) {
		memcpy(half, seed->b, sizeof(half));
		hi = stir(be64_get(half[0]) + n);
		lo = stir(be64_get(half[1]) ^ hi);
		hi = stir(hi + lo);
		half[0] = be64_make(hi);
		half[1] = be64_make(lo);
		memcpy(g.b, half, sizeof(half));
		mark_v4(&g);
	}
	*out = g;
}

void vhd_guid_format(const struct vhd_guid *guid, char text[VHD_GUID_TEXT])
{
	uuid_unparse_lower(guid->b, text);
}

bool vhd_guid_parse(const char *text, struct vhd_guid *guid_out)
{
	char bare[VHD_GUID_TEXT];
	size_t len = strlen(text);
	struct vhd_guid g;

	/* Windows' form has braces, both or none. */
	if (len == VHD_GUID_TEXT + 1 && text[0] == '{' && text[len - 1] == '}')
		text++;
	else if (len != VHD_GUID_TEXT - 1)
		return false;
	memcpy(bare, text, VHD_GUID_TEXT - 1);
	bare[VHD_GUID_TEXT - 1] = '\0';
	if (uuid_parse(bare, g.b))
		return false;
	*guid_out = g;
	return true;
}
