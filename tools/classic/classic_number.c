/* SPDX-License-Identifier: BSD-2-Clause */
#include "classic/classic.h"

#include <errno.h>
#include <stdlib.h>

bool classic_number(const char *text, uint64_t most, uint64_t *out)
{
	unsigned long long value;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno != 0 || *end != '\0' || value > most)
		return false;
	*out = value;
	return true;
}
