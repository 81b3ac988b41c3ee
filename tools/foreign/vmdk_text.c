/* SPDX-License-Identifier: BSD-2-Clause */
#include "foreign/vmdk_text.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* As much as a disk of 8 EiB has. */
#define MOST_SECTORS ((uint64_t)1 << 54)

static const char *skip_blanks(const char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

static const char *next_line(const char *p)
{
	p += strcspn(p, "\n");
	return *p == '\n' ? p + 1 : p;
}

/* What follows "@key =" on a line, quotes off; false when no line has it. */
static bool value_of(const char *text, const char *key, char *value,
		     size_t room)
{
	size_t len = strlen(key), n;

	for (const char *p = text; *p != '\0'; p = next_line(p)) {
		const char *line = skip_blanks(p);

		if (strncasecmp(line, key, len) != 0)
			continue;
		line = skip_blanks(line + len);
		if (*line != '=')
			continue;
		line = skip_blanks(line + 1);
		if (*line == '"')
			line++;
		n = strcspn(line, "\"\r\n");
		if (n >= room)
			n = room - 1;
		memcpy(value, line, n);
		value[n] = '\0';
		return true;
	}
	return false;
}

bool vmdk_text_parent(const char *text, char *name, size_t room)
{
	char id[16];

	name[0] = '\0';
	if (value_of(text, "parentFileNameHint", name, room))
		return true;
	return value_of(text, "parentCID", id, sizeof(id)) &&
	       strncasecmp(id, "ffffffff", 8) != 0;
}

void vmdk_text_type(const char *text, char *type, size_t room)
{
	if (!value_of(text, "createType", type, room))
		type[0] = '\0';
}

/* A word of @room - 1 letters at most; NULL when it is longer or not there. */
static const char *take_word(const char *p, char *word, size_t room)
{
	size_t n = 0;

	p = skip_blanks(p);
	while (isalnum((unsigned char)p[n]))
		n++;
	if (n == 0 || n >= room)
		return NULL;
	memcpy(word, p, n);
	word[n] = '\0';
	return p + n;
}

static const char *take_number(const char *p, uint64_t *value_out)
{
	char *end;

	p = skip_blanks(p);
	if (!isdigit((unsigned char)*p))
		return NULL;
	*value_out = strtoull(p, &end, 10);
	return *value_out <= MOST_SECTORS ? end : NULL;
}

static const char *take_name(const char *p, char *name, size_t room)
{
	size_t n;

	p = skip_blanks(p);
	if (*p++ != '"')
		return NULL;
	n = strcspn(p, "\"\r\n");
	if (p[n] != '"' || n == 0 || n >= room)
		return NULL;
	memcpy(name, p, n);
	name[n] = '\0';
	return p + n + 1;
}

static bool take_extent(const char *p, struct vmdk_extent *e)
{
	uint64_t start = 0;

	p = take_number(p, &e->sectors);
	if (p != NULL)
		p = take_word(p, e->type, sizeof(e->type));
	if (p != NULL)
		p = take_name(p, e->name, sizeof(e->name));
	if (p == NULL)
		return false;
	e->start = take_number(p, &start) != NULL ? start : 0;
	return true;
}

static bool is_access(const char *word)
{
	return strcmp(word, "RW") == 0 || strcmp(word, "RDONLY") == 0 ||
	       strcmp(word, "NOACCESS") == 0;
}

int vmdk_text_extents(const char *text, struct vmdk_extent *extents,
		      const char **why_out)
{
	int count = 0;

	for (const char *p = text; *p != '\0'; p = next_line(p)) {
		char word[16];
		const char *rest = take_word(p, word, sizeof(word));

		if (rest == NULL || !is_access(word))
			continue;
		*why_out = "a line about one of its files makes no sense";
		if (strcmp(word, "NOACCESS") == 0 || count == VMDK_EXTENTS ||
		    !take_extent(rest, &extents[count]))
			return -1;
		count++;
	}
	*why_out = "it names no file with the bytes of the disk";
	return count > 0 ? count : -1;
}
