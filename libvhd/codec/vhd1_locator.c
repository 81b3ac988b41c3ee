/* SPDX-License-Identifier: BSD-2-Clause */
#include "codec/vhd1_locator.h"

#include <string.h>

#include "base/utf16.h"

bool vhd1_locator_known(uint32_t code)
{
	switch (code) {
	case VHD1_LOC_WI2R:
	case VHD1_LOC_WI2K:
	case VHD1_LOC_W2RU:
	case VHD1_LOC_W2KU:
	case VHD1_LOC_MAC:
	case VHD1_LOC_MACX:
		return true;
	default:
		return false;
	}
}

void vhd1_locator_code_text(uint32_t code, char out[5])
{
	int i;

	for (i = 0; i < 4; i++) {
		uint8_t c = (uint8_t)(code >> (24 - 8 * i));

		out[i] = c >= 0x20 && c < 0x7f ? (char)c : '?';
	}
	out[4] = '\0';
}

uint64_t vhd1_locator_space(const struct vhd1_locator *loc)
{
	if (loc->space < VHD1_SECTOR)
		return UINT64_C(512) * loc->space;
	return loc->space;
}

static size_t put_latin1(char *out, uint8_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	out[0] = (char)(0xc0 | c >> 6);
	out[1] = (char)(0x80 | (c & 0x3f));
	return 2;
}

/* Length without the NULs at the end, and what that says. */
static size_t strip_nuls(const uint8_t *in, size_t len, uint32_t *flaws)
{
	const uint8_t *nul = memchr(in, 0, len);

	if (!nul)
		return len;
	*flaws |= VHD1_TEXT_NUL;
	return (size_t)(nul - in);
}

/* Wi2r, Wi2k: the code page is not recorded; Latin-1 loses nothing. */
static void decode_bytes(const uint8_t *in, size_t len, char *out)
{
	size_t i, n = 0;

	for (i = 0; i < len; i++)
		n += put_latin1(out + n, in[i]);
	out[n] = '\0';
}

/* Code units that look like ASCII in one order minus those in the other. */
static bool looks_big_endian(const uint8_t *in, size_t units)
{
	size_t le = 0, be = 0, i;

	for (i = 0; i < units; i++) {
		le += in[2 * i] && !in[2 * i + 1];
		be += !in[2 * i] && in[2 * i + 1];
	}
	return be > le;
}

static void decode_utf16(const uint8_t *in, size_t len, char *out,
			 uint32_t *flaws)
{
	enum vhd_utf16_order order = VHD_UTF16_LE;
	size_t units = len / 2;

	if (len % 2)
		*flaws |= VHD1_TEXT_ODD;
	if (looks_big_endian(in, units)) {
		order = VHD_UTF16_BE;
		*flaws |= VHD1_TEXT_BIG_ENDIAN;
	}
	if (units && (in[0] | in[1] << 8) ==
	    (order == VHD_UTF16_LE ? 0xfeff : 0xfffe)) {
		in += 2;	/* a byte order mark, as Xen 0.1 wrote */
		units--;
	}
	if (units && !in[2 * units - 1] && !in[2 * units - 2])
		*flaws |= VHD1_TEXT_NUL;
	if (!vhd_utf16_decode(in, units, order, out))
		*flaws |= VHD1_TEXT_REPLACED;
}

/* Bytes of the UTF-8 character at @in; 0 when it is not one. */
static size_t utf8_len(const uint8_t *in, size_t len)
{
	size_t n, i;

	if (in[0] < 0x80)
		return 1;
	if (in[0] < 0xc2 || in[0] > 0xf4)
		return 0;
	n = in[0] < 0xe0 ? 2 : in[0] < 0xf0 ? 3 : 4;
	if (n > len)
		return 0;
	for (i = 1; i < n; i++)
		if ((in[i] & 0xc0) != 0x80)
			return 0;
	if ((in[0] == 0xe0 && in[1] < 0xa0) ||
	    (in[0] == 0xed && in[1] >= 0xa0) ||
	    (in[0] == 0xf0 && in[1] < 0x90) ||
	    (in[0] == 0xf4 && in[1] >= 0x90))
		return 0;
	return n;
}

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Undoes %41 and the like in place; "%00" and stray signs stay. */
static size_t unescape(uint8_t *s, size_t len)
{
	size_t in = 0, n = 0;

	while (in < len) {
		int hi = -1, lo = -1;

		if (s[in] == '%' && len - in > 2) {
			hi = hex_value(s[in + 1]);
			lo = hex_value(s[in + 2]);
		}
		if (hi >= 0 && lo >= 0 && hi + lo > 0) {
			s[n++] = (uint8_t)(hi << 4 | lo);
			in += 3;
		} else {
			s[n++] = s[in++];
		}
	}
	return n;
}

/* Removes "file:", "//" and "localhost" (RFC 2396; VHD-L-10). */
static size_t strip_scheme(const uint8_t *in, size_t len)
{
	static const char scheme[] = "file:";
	static const char host[] = "localhost/";
	size_t at = 0;

	if (len < sizeof(scheme) - 1 || memcmp(in, scheme, sizeof(scheme) - 1))
		return 0;
	at = sizeof(scheme) - 1;
	if (len - at < 2 || in[at] != '/' || in[at + 1] != '/')
		return at;
	at += 2;
	if (len - at >= sizeof(host) - 1 &&
	    !memcmp(in + at, host, sizeof(host) - 1))
		at += sizeof(host) - 2;		/* the slash stays */
	return at;
}

/*
 * The room behind @out is three times the payload: the bytes are put at its
 * end, un-escaped there, and copied to the front as valid UTF-8, which is never
 * ahead of where it reads because a byte becomes at most two.
 */
static void decode_url(const uint8_t *in, size_t len, char *out,
		       uint32_t *flaws)
{
	size_t at = strip_scheme(in, len);
	uint8_t *raw = (uint8_t *)out + 2 * len;
	size_t i = 0, n = 0, raw_len;

	memmove(raw, in + at, len - at);
	raw_len = unescape(raw, len - at);
	while (i < raw_len) {
		size_t step = utf8_len(raw + i, raw_len - i);

		if (step) {
			memmove(out + n, raw + i, step);
			n += step;
			i += step;
		} else {
			*flaws |= VHD1_TEXT_REPLACED;
			n += put_latin1(out + n, raw[i++]);
		}
	}
	out[n] = '\0';
}

static bool is_absolute(const char *s)
{
	char c = s[0];

	if (c == '/' || c == '\\')
		return true;
	return ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')) &&
	       s[1] == ':';
}

bool vhd1_locator_decode(uint32_t code, const uint8_t *payload, size_t len,
			 char *out, enum vhd_locator_kind *kind_out,
			 uint32_t *flaws_out)
{
	uint32_t flaws = 0;
	bool text = true;

	out[0] = '\0';
	switch (code) {
	case VHD1_LOC_WI2R:
	case VHD1_LOC_WI2K:
		decode_bytes(payload, strip_nuls(payload, len, &flaws), out);
		break;
	case VHD1_LOC_W2RU:
	case VHD1_LOC_W2KU:
		decode_utf16(payload, len, out, &flaws);
		break;
	case VHD1_LOC_MACX:
		decode_url(payload, strip_nuls(payload, len, &flaws), out,
			   &flaws);
		break;
	default:
		text = false;
	}
	if (text && !out[0]) {
		flaws |= VHD1_TEXT_EMPTY;
		text = false;
	}
	*flaws_out = flaws;
	/* Xen puts relative paths into W2ku: the text decides (VHD-L-8). */
	if (text)
		*kind_out = is_absolute(out) ? VHD_LOCATOR_ABSOLUTE
					     : VHD_LOCATOR_RELATIVE;
	return text;
}

bool vhd1_locator_encode(const char *text, uint8_t *out, size_t room,
			 size_t *len_out)
{
	size_t units;

	if (!vhd_utf16_encode(text, VHD_UTF16_LE, out, room / 2, &units))
		return false;
	*len_out = units * 2;
	return true;
}

static bool encode_url(const char *path, const char *prefix, uint8_t *out,
		       size_t room, size_t *len_out)
{
	static const char scheme[] = "file://";
	size_t a = sizeof(scheme) - 1, b = strlen(prefix), c = strlen(path);

	if (c > room || a + b + c > room)
		return false;
	memcpy(out, scheme, a);
	memcpy(out + a, prefix, b);
	memcpy(out + a + b, path, c);
	*len_out = a + b + c;
	return true;
}

static bool encode_backslashed(const char *path, const char *prefix,
			       uint8_t *out, size_t room, size_t *len_out)
{
	size_t head, len, i;

	if (!vhd1_locator_encode(prefix, out, room, &head) ||
	    !vhd1_locator_encode(path, out + head, room - head, &len))
		return false;
	len += head;
	for (i = 0; i < len; i += 2)
		if (out[i] == '/' && !out[i + 1])
			out[i] = '\\';
	*len_out = len;
	return true;
}

bool vhd1_locator_encode_relative(uint32_t code, const char *path,
				  uint8_t *out, size_t room, size_t *len_out)
{
	bool dotted = !strncmp(path, "./", 2) || !strncmp(path, "../", 3);
	const char *prefix = dotted ? "" : "./";

	if (code == VHD1_LOC_MACX)
		return encode_url(path, prefix, out, room, len_out);
	return encode_backslashed(path, prefix, out, room, len_out);
}
