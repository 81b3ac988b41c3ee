/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/color.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool color_wanted(FILE *file)
{
	const char *no = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if (no != NULL && no[0] != '\0')
		return false;
	if (term == NULL || strcmp(term, "dumb") == 0)
		return false;
	return isatty(fileno(file)) == 1;
}

const char *color_code(bool on, enum color color)
{
	static const char *const codes[] = {
		[COLOR_NONE] = "\033[0m",
		[COLOR_BOLD] = "\033[1m",
		[COLOR_DIM] = "\033[2m",
		[COLOR_RED] = "\033[31m",
		[COLOR_GREEN] = "\033[32m",
		[COLOR_YELLOW] = "\033[33m",
		[COLOR_BLUE] = "\033[34m",
		[COLOR_MAGENTA] = "\033[35m",
		[COLOR_CYAN] = "\033[36m",
	};

	return on ? codes[color] : "";
}
