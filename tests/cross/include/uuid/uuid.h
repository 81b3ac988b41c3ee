/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEST_CROSS_UUID_H
#define TEST_CROSS_UUID_H

/* The functions of libuuid that the library calls. */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

typedef unsigned char uuid_t[16];

static inline void uuid_generate_random(uuid_t out)
{
	ssize_t n = getrandom(out, sizeof(uuid_t), 0);

	(void)n;
	out[6] = (unsigned char)((out[6] & 0x0f) | 0x40);
	out[8] = (unsigned char)((out[8] & 0x3f) | 0x80);
}

/* A dash stands before these bytes. */
static inline int uuid_dash(int i)
{
	return i == 4 || i == 6 || i == 8 || i == 10;
}

static inline void uuid_unparse_lower(const uuid_t in, char *out)
{
	for (int i = 0; i < 16; i++) {
		if (uuid_dash(i))
			*out++ = '-';
		out += snprintf(out, 3, "%02x", in[i]);
	}
}

/* -1: not 36 characters of that form. */
static inline int uuid_parse(const char *in, uuid_t out)
{
	static const char digits[] = "0123456789abcdefABCDEF";

	if (strlen(in) != 36)
		return -1;
	for (int i = 0; i < 16; i++, in += 2) {
		unsigned int byte;

		if (uuid_dash(i) && *in++ != '-')
			return -1;
		if (strspn(in, digits) < 2 || sscanf(in, "%2x", &byte) != 1)
			return -1;
		out[i] = (unsigned char)byte;
	}
	return 0;
}

#endif
