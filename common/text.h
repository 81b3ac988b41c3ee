/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_COMMON_TEXT_H
#define VHD_COMMON_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * text_next - take one character off a text that claims to be UTF-8
 *
 * Returns: the code point, @text moved past it; -1 for a byte that belongs to
 *          no character, @text moved past that byte. Not for the end.
 */
int32_t text_next(const char **text);

/*
 * text_put - print a text that came from an image, a file name or a message
 *
 * Control characters, characters that turn the direction of writing, and bytes
 * that are not UTF-8 are printed as escapes: an image cannot drive a terminal.
 */
void text_put(FILE *file, const char *text);

/* text_put_shell - the same, as one word of a shell command */
void text_put_shell(FILE *file, const char *word);

/* text_columns - columns of the terminal behind @file, or 80 */
size_t text_columns(FILE *file);

#endif
