/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UTF-16 as both formats store names, and UTF-8 as everyone else does.
 *
 * Decoding never fails, because an image may hold any code units (VHDX-FTI-04)
 * and a name that cannot be used can still be shown; whoever means to open a
 * file asks whether anything was replaced.  Encoding is strict: what we write
 * is well-formed, or is not written.
 */
#include "base/utf16.h"

static const uint32_t replacement = 0xfffd;

static bool is_high(uint32_t unit)
{
	return (unit & ~0x3ffu) == 0xd800;
}

static bool is_low(uint32_t unit)
{
	return (unit & ~0x3ffu) == 0xdc00;
}

static uint32_t unit_get(const uint8_t *in, size_t idx,
			 enum vhd_utf16_order order)
{
	const uint8_t *b = in + 2 * idx;

	return order == VHD_UTF16_LE ? (uint32_t)(b[0] | b[1] << 8)
				     : (uint32_t)(b[0] << 8 | b[1]);
}

static void unit_put(uint8_t *out, size_t idx, enum vhd_utf16_order order,
		     uint32_t unit)
{
	uint8_t *b = out + 2 * idx;
	bool le = order == VHD_UTF16_LE;

	b[le] = (uint8_t)(unit >> 8);
	b[!le] = (uint8_t)unit;
}

static char *utf8_put(char *out, uint32_t c)
{
	if (c < 0x80) {
		*out++ = (char)c;
	} else if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
		*out++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*out++ = (char)(0xe0 | c >> 12);
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*out++ = (char)(0x80 | (c & 0x3f));
	} else {
		*out++ = (char)(0xf0 | c >> 18);
		*out++ = (char)(0x80 | (c >> 12 & 0x3f));
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*out++ = (char)(0x80 | (c & 0x3f));
	}
	return out;
}

bool vhd_utf16_decode(const uint8_t *in, size_t units,
		      enum vhd_utf16_order order, char *out)
{
	bool clean = true;

	for (size_t i = 0; i < units; i++) {
		uint32_t c = unit_get(in, i, order);

		if (!c)
			break;
		if (is_high(c) && i + 1 < units &&
		    is_low(unit_get(in, i + 1, order))) {
			i++;
			c = 0x10000 + ((c & 0x3ff) << 10) +
			    (unit_get(in, i, order) & 0x3ff);
		} else if (is_high(c) || is_low(c)) {
			c = replacement;
			clean = false;
		}
		out = utf8_put(out, c);
	}
	*out = '\0';
	return clean;
}

/*
 * Takes one character off *@in, which does not stand at the NUL.  False when
 * the bytes are not the one valid form of a character: continuation bytes
 * missing or alone, forms longer than needed, surrogates, past U+10FFFF.
 */
static bool utf8_get(const unsigned char **in, uint32_t *c_out)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	const unsigned char *s = *in;
	uint32_t c = *s++;
	size_t more;

	if (c < 0x80)
		more = 0;
	else if ((c & 0xe0) == 0xc0)
		more = 1;
	else if ((c & 0xf0) == 0xe0)
		more = 2;
	else if ((c & 0xf8) == 0xf0)
		more = 3;
	else
		return false;
	if (more)
		c &= 0x3fu >> more;
	for (size_t i = 0; i < more; i++) {
		/* A NUL is no continuation byte, so this stops at the end. */
		if ((*s & 0xc0) != 0x80)
			return false;
		c = c << 6 | (*s++ & 0x3f);
	}
	if (c < least[more] || c > 0x10ffff || is_high(c) || is_low(c))
		return false;
	*in = s;
	*c_out = c;
	return true;
}

bool vhd_utf16_encode(const char *in, enum vhd_utf16_order order, uint8_t *out,
		      size_t max_units, size_t *units_out)
{
	const unsigned char *s = (const unsigned char *)in;
	size_t n = 0;

	while (*s) {
		uint32_t c;

		if (!utf8_get(&s, &c))
			return false;
		if (max_units - n < (c < 0x10000 ? 1u : 2u))
			return false;
		if (c < 0x10000) {
			unit_put(out, n++, order, c);
		} else {
			c -= 0x10000;
			unit_put(out, n++, order, 0xd800 | c >> 10);
			unit_put(out, n++, order, 0xdc00 | (c & 0x3ff));
		}
	}
	*units_out = n;
	return true;
}
