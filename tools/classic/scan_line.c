/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clients cut a line at blanks and each part at "=", so names must have neither:
 * both are printed as escapes, like what cannot be printed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "classic/scan.h"
#include "common/text.h"

/* Blanks outside of ASCII: languages of clients cut there as well. */
static bool is_blank(int32_t code)
{
	return code == 0xa0 || code == 0x1680 ||
	       (code >= 0x2000 && code <= 0x200a) || code == 0x202f ||
	       code == 0x205f || code == 0x3000;
}

static void put_name(const char *name)
{
	while (*name != '\0') {
		char part[8] = "";
		const char *start = name;
		int32_t code = text_next(&name);

		memcpy(part, start, (size_t)(name - start));
		if (code == ' ' || code == '=')
			printf("\\x%02" PRIx32, (uint32_t)code);
		else if (is_blank(code))
			printf("\\u%04" PRIx32, (uint32_t)code);
		else
			text_put(stdout, part);
	}
}

static void put_attrs(const struct scan_image *image)
{
	printf(" marker=%u keyhash=", image->marker);
	for (size_t i = 0; image->has_keyhash && i < SCAN_KEYHASH; i++)
		printf("%02x", image->keyhash[i]);
}

void scan_print_error(const char *name, int error, const char *message)
{
	fputs("vhd=", stdout);
	put_name(name);
	printf(" scan-error=%d error-message='%s'\n", -error, message);
}

void scan_print(const struct scan_opts *opts, const struct scan_image *image,
		bool unseen)
{
	if (image->error != 0) {
		scan_print_error(image->name, image->error, image->message);
		return;
	}
	fputs("vhd=", stdout);
	put_name(image->name);
	printf(" capacity=%" PRIu64 " size=%" PRIu64 " hidden=%u",
	       image->capacity, image->size, image->hidden);
	if (opts->attrs)
		put_attrs(image);
	fputs(" parent=", stdout);
	put_name(image->parent ? image->parent : "none");
	fputs(unseen ? " (not found in scan)\n" : "\n", stdout);
}
