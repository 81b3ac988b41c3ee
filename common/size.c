/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sizes as people write them.
 *
 * There is one reader and one writer, and they are inverse: what size_format()
 * prints, size_parse() reads back to the byte.  The reader is exact or refuses;
 * it never rounds, because a disk that is one sector short is a broken disk.
 * "GB" is refused too: half of the world means 10^9 by it.
 */
#include "common/size.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct unit {
	char letter;
	unsigned int shift;
};

static const struct unit units[] = {
	{ 'T', 40 }, { 'G', 30 }, { 'M', 20 }, { 'K', 10 },
};

enum { UNITS = sizeof(units) / sizeof(units[0]), MAX_DECIMALS = 6 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads digits into *value; false when there are none or too many. */
static bool parse_digits(const char **text, uint64_t *value)
{
	const char *p = *text;
	uint64_t v = 0;

	if (!is_digit(*p))
		return false;
	for (; is_digit(*p); p++) {
		if (__builtin_mul_overflow(v, (uint64_t)10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
			return false;
	}
	*text = p;
	*value = v;
	return true;
}

/* Reads a fraction as value / scale. */
static bool parse_fraction(const char **text, uint64_t *value, uint64_t *scale)
{
	const char *start;

	*value = 0;
	*scale = 1;
	if (**text != '.')
		return true;
	start = ++*text;
	if (!parse_digits(text, value) || *text - start > MAX_DECIMALS)
		return false;
	for (; start < *text; start++)
		*scale *= 10;
	return true;
}

static bool parse_unit(const char *text, unsigned int *shift)
{
	*shift = 0;
	if (*text == '\0')
		return true;
	if (*text == ' ')
		text++;
	if (strcmp(text, "bytes") == 0)
		return true;
	for (size_t i = 0; i < UNITS; i++) {
		if (toupper((unsigned char)text[0]) != units[i].letter)
			continue;
		*shift = units[i].shift;
		return text[1] == '\0' || strcasecmp(text + 1, "iB") == 0;
	}
	return false;
}

bool size_parse(const char *text, uint64_t *size_out)
{
	uint64_t whole, part, scale, size;
	unsigned int shift;

	if (!parse_digits(&text, &whole) ||
	    !parse_fraction(&text, &part, &scale) ||
	    !parse_unit(text, &shift))
		return false;
	/* part < 10^6 and the largest unit is 2^40: no overflow. */
	part <<= shift;
	if (part % scale != 0)
		return false;
	if (__builtin_mul_overflow(whole, UINT64_C(1) << shift, &size) ||
	    __builtin_add_overflow(size, part / scale, &size))
		return false;
	*size_out = size;
	return true;
}

const char *size_format(uint64_t size, char text[SIZE_TEXT])
{
	for (size_t i = 0; i < UNITS; i++) {
		uint64_t unit = UINT64_C(1) << units[i].shift;
		uint64_t milli = size % unit * 1000;
		int len;

		if (size < unit || milli % unit != 0)
			continue;
		len = snprintf(text, SIZE_TEXT, "%" PRIu64 ".%03" PRIu64,
			       size / unit, milli / unit);
		while (text[len - 1] == '0')
			len--;
		if (text[len - 1] == '.')
			len--;
		snprintf(text + len, (size_t)(SIZE_TEXT - len), " %ciB",
			 units[i].letter);
		return text;
	}
	snprintf(text, SIZE_TEXT, "%" PRIu64 " bytes", size);
	return text;
}

const char *size_human(uint64_t size, char text[SIZE_TEXT])
{
	for (size_t i = 0; i < UNITS; i++) {
		uint64_t unit = UINT64_C(1) << units[i].shift;
		double value = (double)size / (double)unit;

		if (size < unit)
			continue;
		if (size % unit == 0)
			return size_format(size, text);
		snprintf(text, SIZE_TEXT, "%.*f %ciB",
			 value < 10 ? 2 : value < 100 ? 1 : 0, value,
			 units[i].letter);
		return text;
	}
	snprintf(text, SIZE_TEXT, "%" PRIu64 " bytes", size);
	return text;
}
