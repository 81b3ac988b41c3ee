/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Labels and identities as text.  A label is the guest's: what is printed has
 * neither control characters nor broken UTF-8.
 */
#include "common/fs/fs_priv.h"

#include <stdio.h>
#include <string.h>

/* Appends one character if all of it fits. */
static bool put_char(char *to, size_t size, size_t *at, uint32_t c)
{
	uint8_t raw[4];
	size_t n = 0, i;

	if (c < 0x20 || c == 0x7f || (c >= 0x80 && c < 0xa0))
		c = '?';
	if (c < 0x80) {
		raw[n++] = (uint8_t)c;
	} else if (c < 0x800) {
		raw[n++] = (uint8_t)(0xc0 | c >> 6);
	} else if (c < 0x10000) {
		raw[n++] = (uint8_t)(0xe0 | c >> 12);
		raw[n++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
	} else {
		raw[n++] = (uint8_t)(0xf0 | c >> 18);
		raw[n++] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
		raw[n++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
	}
	if (c >= 0x80)
		raw[n++] = (uint8_t)(0x80 | (c & 0x3f));
	if (*at + n + 1 > size)
		return false;
	for (i = 0; i < n; i++)
		to[(*at)++] = (char)raw[i];
	to[*at] = '\0';
	return true;
}

/* The character at @raw; bytes it has in @used, 1 when it is broken. */
static uint32_t utf8_get(const uint8_t *raw, size_t len, size_t *used)
{
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = raw[0] < 0x80 ? 1 : raw[0] >= 0xf0 ? 4 :
		   raw[0] >= 0xe0 ? 3 : raw[0] >= 0xc0 ? 2 : 0;
	uint32_t c;
	size_t i;

	*used = 1;
	if (n == 1)
		return raw[0];
	if (!n || n > len || raw[0] > 0xf4)
		return '?';
	c = raw[0] & (0xffu >> (n + 1));
	for (i = 1; i < n; i++) {
		if ((raw[i] & 0xc0) != 0x80)
			return '?';
		c = c << 6 | (raw[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return '?';
	*used = n;
	return c;
}

void put_text(char *to, size_t size, const uint8_t *raw, size_t len)
{
	size_t at = 0, i = 0, used;

	to[0] = '\0';
	while (i < len && raw[i]) {
		uint32_t c = utf8_get(raw + i, len - i, &used);

		if (!put_char(to, size, &at, c))
			return;
		i += used;
	}
}

void put_text16(char *to, size_t size, const uint8_t *raw, size_t units)
{
	size_t at = 0, i;

	to[0] = '\0';
	for (i = 0; i < units; i++) {
		uint32_t c = le16(raw + 2 * i), next = 0;

		if (!c)
			return;
		if (i + 1 < units)
			next = le16(raw + 2 * i + 2);
		if (c >= 0xd800 && c < 0xdc00 && next >= 0xdc00 &&
		    next < 0xe000) {
			c = 0x10000 + ((c - 0xd800) << 10) + (next - 0xdc00);
			i++;
		} else if (c >= 0xd800 && c < 0xe000) {
			c = 0xfffd;
		}
		if (!put_char(to, size, &at, c))
			return;
	}
}

void put_uuid(char *to, size_t size, const uint8_t *raw)
{
	static const uint8_t none[16] = { 0 };
	size_t at = 0, i;

	to[0] = '\0';
	if (!memcmp(raw, none, sizeof(none)) || size < 37)
		return;
	for (i = 0; i < 16; i++) {
		bool dash = i == 4 || i == 6 || i == 8 || i == 10;

		at += (size_t)snprintf(to + at, size - at, "%s%02x",
				       dash ? "-" : "", raw[i]);
	}
}
