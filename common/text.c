/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Length of the sequence that a lead byte promises, and its payload bits. */
static int lead(unsigned char c, uint32_t *bits)
{
	if (c < 0x80) {
		*bits = c;
		return 1;
	}
	if (c >= 0xc2 && c <= 0xdf) {
		*bits = c & 0x1fu;
		return 2;
	}
	if (c >= 0xe0 && c <= 0xef) {
		*bits = c & 0x0fu;
		return 3;
	}
	if (c >= 0xf0 && c <= 0xf4) {
		*bits = c & 0x07u;
		return 4;
	}
	return 0;
}

int32_t text_next(const char **text)
{
	static const uint32_t smallest[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)*text;
	uint32_t code;
	int len = lead(p[0], &code);

	for (int i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			len = 0;
		else
			code = code << 6 | (p[i] & 0x3fu);
	}
	if (len == 0 || code < smallest[len] || code > 0x10ffff ||
	    (code >= 0xd800 && code <= 0xdfff)) {
		++*text;
		return -1;
	}
	*text += len;
	return (int32_t)code;
}

static bool is_plain(int32_t code)
{
	if (code < 0x20 || (code >= 0x7f && code <= 0x9f))
		return false;
	if (code >= 0x200e && code <= 0x200f)
		return false;
	if (code >= 0x2028 && code <= 0x202e)
		return false;
	return code < 0x2066 || code > 0x2069;
}

void text_put(FILE *file, const char *text)
{
	while (*text != '\0') {
		const char *start = text;
		int32_t code = text_next(&text);

		if (is_plain(code))
			fwrite(start, 1, (size_t)(text - start), file);
		else if (code < 0x80)
			fprintf(file, "\\x%02x", (unsigned char)*start);
		else
			fprintf(file, "\\u%04" PRIx32, (uint32_t)code);
	}
}

void text_put_shell(FILE *file, const char *word)
{
	static const char safe[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789%+,-./:=@_";

	if (*word != '\0' && word[strspn(word, safe)] == '\0') {
		fputs(word, file);
		return;
	}
	fputc('\'', file);
	while (*word != '\0') {
		char part[8] = "";
		const char *start = word;

		text_next(&word);
		memcpy(part, start, (size_t)(word - start));
		if (part[0] == '\'')
			fputs("'\\''", file);
		else
			text_put(file, part);
	}
	fputc('\'', file);
}

size_t text_columns(FILE *file)
{
	struct winsize ws;

	if (ioctl(fileno(file), TIOCGWINSZ, &ws) == 0 && ws.ws_col >= 20)
		return ws.ws_col;
	return 80;
}
