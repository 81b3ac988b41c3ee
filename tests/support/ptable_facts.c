/* SPDX-License-Identifier: BSD-2-Clause */
/* What holds for every answer, whatever the disk says. */
#include <string.h>

#include "support/ptable_disk.h"

/* Bounds of the work for one answer: 256 links, or four whole arrays. */
enum { READS_MAX = 512, BYTES_MAX = 5 << 20 };

static bool inside(uint64_t off, uint64_t len, uint64_t size)
{
	return len && len <= size && off <= size - len;
}

/* Strict UTF-8 that ends inside of the field. */
static bool name_ok(const char *name, size_t room)
{
	const unsigned char *p = (const unsigned char *)name;
	const unsigned char *end = memchr(p, 0, room);

	while (end && p < end) {
		int more = *p < 0x80 ? 0 : *p < 0xc2 ? -1 : *p < 0xe0 ? 1 :
			   *p < 0xf0 ? 2 : *p < 0xf5 ? 3 : -1;

		if (more < 0 || (*p == 0xe0 && p[1] < 0xa0) ||
		    (*p == 0xed && p[1] > 0x9f) ||
		    (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))
			return false;
		for (p++; more; more--, p++) {
			if ((*p & 0xc0) != 0x80)
				return false;
		}
	}
	return end != NULL;
}

static const char *part_broken(const struct pdisk *d, const struct ptable *t,
			       const struct part *p)
{
	static const struct vhd_guid none;
	bool gpt = t->kind == PTABLE_GPT;

	if (!inside(p->off, p->len, d->size))
		return "a partition leaves the disk";
	if (p->off % t->sector || p->len % t->sector)
		return "a partition has parts of sectors";
	if (!p->off)
		return "a partition holds its table";
	if (!name_ok(p->name, sizeof(p->name)))
		return "a name is not UTF-8";
	if (gpt != !!memcmp(&p->type, &none, sizeof(none)))
		return "a type is of the other kind of table";
	if (gpt && p->mbr_type)
		return "a GPT partition has a type of the MBR";
	return NULL;
}

static const char *ranges_broken(const struct pdisk *d, const struct ptable *t)
{
	size_t i;

	for (i = 0; i < t->range_count; i++) {
		if (!inside(t->ranges[i].off, t->ranges[i].len, d->size))
			return "a range leaves the disk";
	}
	return NULL;
}

const char *pdisk_broken(const struct pdisk *d, const struct ptable *t)
{
	const char *what;
	size_t i;

	if (d->outside)
		return "a read leaves the disk";
	if (d->reads > READS_MAX || d->bytes > BYTES_MAX)
		return "too much is read";
	if (t->count > PTABLE_MAX || (t->kind == PTABLE_NONE && t->count))
		return "the count is wrong";
	if (t->sector != 512 && t->sector != 4096)
		return "the sector is odd";
	for (i = 0; i < t->count; i++) {
		if (t->parts[i].number <= (i ? t->parts[i - 1].number : 0))
			return "numbers do not rise";
		what = part_broken(d, t, &t->parts[i]);
		if (what)
			return what;
	}
	return ranges_broken(d, t);
}

static bool same_part(const struct part *a, const struct part *b)
{
	return a->number == b->number && a->mbr_type == b->mbr_type &&
	       a->off == b->off && a->len == b->len &&
	       !memcmp(&a->type, &b->type, sizeof(a->type)) &&
	       !memcmp(&a->id, &b->id, sizeof(a->id)) &&
	       !strcmp(a->name, b->name);
}

bool pdisk_same(const struct ptable *a, const struct ptable *b)
{
	size_t i;

	if (a->kind != b->kind || a->sector != b->sector ||
	    a->backup != b->backup || a->count != b->count)
		return false;
	for (i = 0; i < a->count; i++) {
		if (!same_part(&a->parts[i], &b->parts[i]))
			return false;
	}
	return true;
}
