/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A picture of an image file.
 *
 * The file is cut into cells of equal length, a character each.  The layout
 * walk names ranges in any order and as often as there are blocks; each adds
 * its bytes to the cells that it touches.  A range can cover many cells, but
 * then it is long, so the work is bounded by blocks + cells.
 *
 * A cell shows the kind that matters most in it: structures are tiny beside
 * data and would never be seen if the largest share won.  For data the
 * character tells how much of the cell is in use.
 */
#include <stdlib.h>
#include <string.h>

#include "common/color.h"
#include "map.h"
#include "common/size.h"
#include "common/text.h"

enum {
	KINDS = VHD_REGION_RESERVED + 1,
	ROWS_MAX = 16,
	COLUMNS_MAX = 128,
	/* No cell is made smaller than this: it would show nothing new. */
	CELL_MIN = 4096
};

struct look {
	const char *name;
	const char *ascii;
	const char *unicode;
	enum color color;
};

static const struct look looks[KINDS] = {
	[VHD_REGION_HEADER] = { "headers", "H", "H", COLOR_CYAN },
	[VHD_REGION_LOG] = { "log", "L", "L", COLOR_MAGENTA },
	[VHD_REGION_METADATA] = { "metadata", "M", "M", COLOR_CYAN },
	[VHD_REGION_BAT] = { "block table", "T", "T", COLOR_YELLOW },
	[VHD_REGION_BITMAP] = { "sector bitmaps", "b", "b", COLOR_YELLOW },
	[VHD_REGION_DATA] = { "data", "#", "\xe2\x96\x88", COLOR_GREEN },
	[VHD_REGION_RESERVED] = { "reserved", "-", "\xe2\x96\x92", COLOR_BLUE },
};

/* Data that fills a cell by less than a third, two thirds, entirely. */
static const char *const ascii_data[] = { ".", "+", "#" };
static const char *const unicode_data[] = {
	"\xe2\x96\x82", "\xe2\x96\x85", "\xe2\x96\x88"
};

/* Which kind a cell shows; what is not listed loses. */
static const enum vhd_region_kind order[] = {
	VHD_REGION_HEADER, VHD_REGION_LOG, VHD_REGION_METADATA,
	VHD_REGION_BAT, VHD_REGION_DATA, VHD_REGION_BITMAP,
	VHD_REGION_RESERVED
};

struct picture {
	uint64_t file_size;
	uint64_t cell_len;
	size_t cell_count;
	size_t columns;
	uint64_t (*cells)[KINDS];	/* bytes of each kind */
	uint64_t total[KINDS];
	bool unicode, color;
};

static bool has_unicode(void)
{
	const char *names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);

		if (value == NULL || value[0] == '\0')
			continue;
		return strcasestr(value, "UTF-8") != NULL ||
		       strcasestr(value, "utf8") != NULL;
	}
	return false;
}

static bool add_region(void *arg, enum vhd_region_kind kind, uint64_t off,
		       uint64_t len, uint64_t block)
{
	struct picture *p = arg;
	uint64_t end;

	(void)block;
	if (off >= p->file_size || (size_t)kind >= KINDS)
		return true;
	if (len > p->file_size - off)
		len = p->file_size - off;
	end = off + len;
	p->total[kind] += len;
	while (off < end) {
		uint64_t cell = off / p->cell_len;
		uint64_t next = (cell + 1) * p->cell_len;
		uint64_t stop = next < end ? next : end;

		p->cells[cell][kind] += stop - off;
		off = stop;
	}
	return true;
}

static int new_picture(struct picture *p, uint64_t file_size)
{
	size_t width = text_columns(stdout);
	uint64_t most;

	memset(p, 0, sizeof(*p));
	p->file_size = file_size;
	p->columns = width > 2 ? width - 2 : width;
	if (p->columns > COLUMNS_MAX)
		p->columns = COLUMNS_MAX;
	most = p->columns * ROWS_MAX;
	p->cell_len = (file_size + most - 1) / most;
	/* Whole 4 KiB, so that a cell is a length that can be told. */
	p->cell_len = (p->cell_len + CELL_MIN - 1) / CELL_MIN * CELL_MIN;
	if (p->cell_len == 0)
		p->cell_len = CELL_MIN;
	p->cell_count = (size_t)((file_size + p->cell_len - 1) / p->cell_len);
	p->cells = calloc(p->cell_count + 1, sizeof(*p->cells));
	p->unicode = has_unicode();
	p->color = color_wanted(stdout);
	return p->cells != NULL ? 0 : VHD_E_NOMEM;
}

static const char *data_character(const struct picture *p, uint64_t bytes)
{
	uint64_t thirds = bytes / (p->cell_len / 3);
	size_t idx = thirds > 2 ? 2 : (size_t)thirds;

	return p->unicode ? unicode_data[idx] : ascii_data[idx];
}

static void draw_cell(const struct picture *p, const uint64_t bytes[KINDS],
		      enum color *now)
{
	enum color color = COLOR_DIM;
	const char *text = p->unicode ? "\xc2\xb7" : " ";

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		const struct look *look = &looks[order[i]];

		if (bytes[order[i]] == 0)
			continue;
		text = p->unicode ? look->unicode : look->ascii;
		if (order[i] == VHD_REGION_DATA)
			text = data_character(p, bytes[order[i]]);
		color = look->color;
		break;
	}
	if (color != *now)
		printf("%s%s", color_code(p->color, COLOR_NONE),
		       color_code(p->color, color));
	*now = color;
	fputs(text, stdout);
}

static void draw(const struct picture *p)
{
	for (size_t row = 0; row < p->cell_count; row += p->columns) {
		enum color now = COLOR_NONE;

		putchar('|');
		for (size_t i = row; i < row + p->columns; i++) {
			if (i < p->cell_count)
				draw_cell(p, p->cells[i], &now);
			else
				putchar(' ');
		}
		printf("%s|\n", color_code(p->color, COLOR_NONE));
	}
}

static void draw_legend(const struct picture *p)
{
	char size[SIZE_TEXT];
	uint64_t used = 0;

	printf("a character is %s of the file\n",
	       size_format(p->cell_len, size));
	for (size_t kind = 0; kind < KINDS; kind++) {
		const struct look *look = &looks[kind];

		used += p->total[kind];
		if (p->total[kind] == 0)
			continue;
		printf("  %s%s%s %-15s %s\n", color_code(p->color, look->color),
		       p->unicode ? look->unicode : look->ascii,
		       color_code(p->color, COLOR_NONE), look->name,
		       size_human(p->total[kind], size));
	}
	if (used < p->file_size)
		printf("  %s %-15s %s\n", p->unicode ? "\xc2\xb7" : " ",
		       "not in use", size_human(p->file_size - used, size));
}

int map_picture(struct vhd_image *img, uint32_t layer, struct vhd_error *err)
{
	struct vhd_info info = { .size = sizeof(info) };
	struct picture p = { .cells = NULL };
	int rc = vhd_layer_info(img, layer, &info, err);

	if (rc != 0)
		return rc;
	rc = new_picture(&p, info.file_size);
	if (rc != 0) {
		if (err != NULL)
			*err = (struct vhd_error){ .code = rc,
						   .msg = "out of memory" };
		return rc;
	}
	rc = vhd_layer_layout(img, layer, add_region, &p, err);
	if (rc == 0) {
		draw(&p);
		draw_legend(&p);
	}
	free(p.cells);
	return rc;
}
