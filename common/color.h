/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_COMMON_COLOR_H
#define VHD_COMMON_COLOR_H

#include <stdbool.h>
#include <stdio.h>

enum color {
	COLOR_NONE = 0,		/* back to normal */
	COLOR_BOLD,
	COLOR_DIM,
	COLOR_RED,
	COLOR_GREEN,
	COLOR_YELLOW,
	COLOR_BLUE,
	COLOR_MAGENTA,
	COLOR_CYAN
};

/* A terminal that wants colours: NO_COLOR and TERM=dumb say it does not. */
bool color_wanted(FILE *file);

/* The escape sequence of a colour; empty when @on is false. */
const char *color_code(bool on, enum color color);

#endif
