/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trees of images:
 *
 *	base.vhdx             dynamic       64 GiB   9.8 GiB  3 days
 *	├─ web.avhdx          differencing  64 GiB   1.2 GiB  2 days
 *	│  └─ web-test.avhdx  differencing  64 GiB    36 MiB  5 minutes
 *	└─ db.avhdx           differencing  64 GiB   4.1 GiB  1 hour
 *
 * A folder may hold thousands, and a chain hundreds: nothing here calls itself,
 * and branches that are deeper than a line can show are numbered.
 */
#include "chain_tree.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/color.h"
#include "common/size.h"
#include "common/text.h"

enum { DEPTH_MAX = 24, NAME_MAX_COLUMNS = 60, SIZE_COLUMNS = 9 };

static const size_t none = SIZE_MAX;

struct tree {
	const struct vhd_family *fam;
	size_t count;
	size_t *first, *next;		/* child, and sibling behind it; or none */
	size_t *depth;
	bool *more;			/* siblings follow, at each depth */
	size_t width;			/* of the column of names */
	bool bare;			/* all are in one folder */
	bool color;
	int64_t now;
};

static const struct vhd_member *member(const struct tree *t, size_t i)
{
	return vhd_family_get(t->fam, i);
}

static size_t folder_len(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? (size_t)(slash - path) : 0;
}

static bool in_one_folder(const struct tree *t)
{
	for (size_t i = 1; i < t->count; i++) {
		const char *a = member(t, 0)->path, *b = member(t, i)->path;
		size_t len = folder_len(a);

		if (len != folder_len(b) || strncmp(a, b, len) != 0)
			return false;
	}
	return true;
}

static const char *name_of(const struct tree *t, size_t i)
{
	const char *path = member(t, i)->path;
	size_t len = folder_len(path);

	return t->bare && path[len] == '/' ? path + len + 1 : path;
}

/* As text_put() would take, roughly: escapes are rare. */
static size_t columns(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static size_t indent_of(const struct tree *t, size_t i)
{
	size_t depth = t->depth[i];

	return 3 * (depth < DEPTH_MAX ? depth : DEPTH_MAX) +
	       (depth > DEPTH_MAX ? 8 : 0);
}

/* Children in the order of their paths: the last is put in first. */
static void hang(struct tree *t)
{
	for (size_t i = 0; i < t->count; i++)
		t->first[i] = t->next[i] = none;
	for (size_t i = t->count; i-- > 0;) {
		int64_t up = member(t, i)->parent;

		if (up < 0)
			continue;
		t->next[i] = t->first[up];
		t->first[up] = i;
	}
}

/* The one printed behind @i, below or beside or above it; none at the end. */
static size_t step(const struct tree *t, size_t i)
{
	if (t->first[i] != none)
		return t->first[i];
	while (i != none && t->next[i] == none)
		i = member(t, i)->parent >= 0 ?
		    (size_t)member(t, i)->parent : none;
	return i != none ? t->next[i] : none;
}

static void measure(struct tree *t)
{
	for (size_t root = 0; root < t->count; root++) {
		if (member(t, root)->parent >= 0)
			continue;
		for (size_t i = root; i != none; i = step(t, i)) {
			int64_t up = member(t, i)->parent;
			size_t len;

			t->depth[i] = up >= 0 ? t->depth[up] + 1 : 0;
			len = indent_of(t, i) + columns(name_of(t, i));
			if (len > t->width)
				t->width = len;
		}
	}
	if (t->width > NAME_MAX_COLUMNS)
		t->width = NAME_MAX_COLUMNS;
}

static void age_text(int64_t seconds, char text[32])
{
	static const struct { int64_t len; const char *name; } units[] = {
		{ INT64_C(365) * 86400, "year" }, { 86400, "day" },
		{ 3600, "hour" }, { 60, "minute" }, { 1, "second" },
	};
	size_t i = 0;

	if (seconds < 1) {
		snprintf(text, 32, "now");
		return;
	}
	while (seconds < units[i].len)
		i++;
	snprintf(text, 32, "%" PRId64 " %s%s", seconds / units[i].len,
		 units[i].name, seconds / units[i].len > 1 ? "s" : "");
}

static void print_branches(const struct tree *t, size_t i, bool end)
{
	size_t depth = t->depth[i];
	size_t shown = depth < DEPTH_MAX ? depth : DEPTH_MAX;

	fputs(color_code(t->color, COLOR_DIM), stdout);
	for (size_t d = 1; d <= shown; d++) {
		if (d == depth && end)
			fputs(t->more[d] ? "├─ " : "└─ ", stdout);
		else
			fputs(t->more[d] ? "│  " : "   ", stdout);
	}
	if (depth > DEPTH_MAX && end)
		printf("(%5zu) ", depth);
	else if (depth > DEPTH_MAX)
		fputs("        ", stdout);
	fputs(color_code(t->color, COLOR_NONE), stdout);
}

static void print_facts(const struct tree *t, const struct vhd_member *m)
{
	char size[SIZE_TEXT], used[SIZE_TEXT], age[32];
	uint64_t usage = m->info.disk_usage != VHD_NO_OFFSET ?
			 m->info.disk_usage : m->info.file_size;

	age_text(t->now - m->mtime, age);
	printf("%-12s %*s %*s  %s",
	       m->info.format == VHD_FORMAT_RAW ? "raw" :
	       vhd_type_name(m->info.type), SIZE_COLUMNS,
	       size_human(m->info.virtual_size, size), SIZE_COLUMNS,
	       size_human(usage, used), age);
	if (m->info.format == VHD_FORMAT_VHD && m->info.vhd.hidden)
		fputs("  hidden", stdout);
}

static void print_why(const struct tree *t, size_t i)
{
	const struct vhd_member *m = member(t, i);
	bool mild = m->parent >= 0;

	print_branches(t, i, false);
	fputs(color_code(t->color, mild ? COLOR_YELLOW : COLOR_RED), stdout);
	fputs(t->first[i] != none ? "│  ! " : "   ! ", stdout);
	text_put(stdout, m->why);
	fputs(color_code(t->color, COLOR_NONE), stdout);
	fputc('\n', stdout);
}

static void print_one(struct tree *t, size_t i)
{
	const struct vhd_member *m = member(t, i);
	size_t len = indent_of(t, i) + columns(name_of(t, i));

	if (t->depth[i] <= DEPTH_MAX)
		t->more[t->depth[i]] = t->next[i] != none;
	print_branches(t, i, true);
	if (t->depth[i] == 0)
		fputs(color_code(t->color, COLOR_BOLD), stdout);
	text_put(stdout, name_of(t, i));
	fputs(color_code(t->color, COLOR_NONE), stdout);
	if (m->info.format != VHD_FORMAT_AUTO) {
		printf("%*s  ", len < t->width ? (int)(t->width - len) : 0, "");
		print_facts(t, m);
	}
	fputc('\n', stdout);
	if (m->why != NULL)
		print_why(t, i);
}

bool chain_tree_print(const struct vhd_family *fam, int64_t now)
{
	struct tree t = { .fam = fam, .count = vhd_family_count(fam),
			  .now = now, .color = color_wanted(stdout) };
	size_t room = t.count + 1;
	bool ok;

	t.first = calloc(room, sizeof(*t.first));
	t.next = calloc(room, sizeof(*t.next));
	t.depth = calloc(room, sizeof(*t.depth));
	t.more = calloc(DEPTH_MAX + 1, sizeof(*t.more));
	ok = t.first != NULL && t.next != NULL && t.depth != NULL &&
	     t.more != NULL;
	if (ok) {
		t.bare = in_one_folder(&t);
		hang(&t);
		measure(&t);
		for (size_t i = 0; i < t.count; i++) {
			if (member(&t, i)->parent >= 0)
				continue;
			for (size_t k = i; k != none; k = step(&t, k))
				print_one(&t, k);
		}
	}
	free(t.first);
	free(t.next);
	free(t.depth);
	free(t.more);
	return ok;
}
