/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which table a disk has, and what it took to find out.
 *
 * The first 512 bytes decide.  Without the signature 55 AA there is no table;
 * with an entry of type EE it is the GPT or nothing, hybrid or not, because the
 * MBR then only repeats some of it; else it is the MBR.
 *
 * All reading goes through scan_read(), which writes down the range.  So the
 * answer is a function of the bytes in the ranges and of the disk's size, and a
 * write elsewhere cannot change it, however odd the table is.
 */
#include "common/ptable_priv.h"

#include <string.h>

enum { RANGES_MAX = sizeof(((struct ptable *)0)->ranges) /
		    sizeof(struct ptable_range) };

bool scan_holds(const struct ptable_scan *s, uint32_t sector, uint64_t start,
		uint64_t count)
{
	uint64_t sectors = s->size / sector;

	return count <= sectors && start <= sectors - count;
}

/* Grows @r to hold the range as well. */
static void range_cover(struct ptable_range *r, uint64_t off, uint64_t end)
{
	uint64_t r_end = r->off + r->len;

	if (off < r->off)
		r->off = off;
	r->len = (end > r_end ? end : r_end) - r->off;
}

static void note_range(struct ptable *t, uint64_t off, uint64_t len)
{
	uint64_t end = off + len;
	size_t i;

	for (i = 0; i < t->range_count; i++) {
		struct ptable_range *r = &t->ranges[i];

		if (off <= r->off + r->len && r->off <= end) {
			range_cover(r, off, end);
			return;
		}
	}
	/* The callers' limits leave room; too wide a range is never wrong. */
	if (t->range_count == RANGES_MAX)
		range_cover(&t->ranges[RANGES_MAX - 1], off, end);
	else
		t->ranges[t->range_count++] = (struct ptable_range){ off, len };
}

int scan_read(struct ptable_scan *s, void *buf, size_t len, uint64_t off)
{
	note_range(s->out, off, len);
	return s->read(s->arg, buf, len, off);
}

struct part *scan_part(struct ptable_scan *s, uint32_t number, uint64_t off,
		       uint64_t len)
{
	struct ptable *t = s->out;
	struct part *p;

	if (t->count == PTABLE_MAX)
		return NULL;
	p = &t->parts[t->count++];
	*p = (struct part){ .number = number, .off = off, .len = len };
	return p;
}

static bool is_protective(const struct mbr_entry entry[MBR_ENTRIES])
{
	int i;

	for (i = 0; i < MBR_ENTRIES; i++) {
		if (entry[i].type == MBR_TYPE_PROTECTIVE)
			return true;
	}
	return false;
}

int ptable_read(ptable_read_fn read, void *arg, uint64_t size, uint32_t sector,
		struct ptable *out)
{
	struct ptable_scan s = { read, arg, size, out };
	struct mbr_entry entry[MBR_ENTRIES];
	uint8_t raw[PTABLE_MBR_LEN];
	int rc;

	if (sector != PTABLE_LARGE)
		sector = PTABLE_SMALL;
	memset(out, 0, sizeof(*out));
	out->sector = sector;
	if (size < sizeof(raw))
		return 0;
	rc = scan_read(&s, raw, sizeof(raw), 0);
	if (rc || !mbr_decode(raw, entry))
		return rc;
	if (is_protective(entry))
		return gpt_scan(&s, sector);
	return mbr_scan(&s, raw, sector);
}

bool ptable_touched(const struct ptable *table, uint64_t off, uint64_t len)
{
	size_t i;

	for (i = 0; len && i < table->range_count; i++) {
		const struct ptable_range *r = &table->ranges[i];

		if (off < r->off ? r->off - off < len : off - r->off < r->len)
			return true;
	}
	return false;
}

uint64_t ptable_end(const struct ptable *table)
{
	uint64_t end = table->box_end;
	size_t i;

	for (i = 0; i < table->count; i++) {
		const struct part *p = &table->parts[i];

		if (p->off + p->len > end)
			end = p->off + p->len;
	}
	return end;
}

const char *ptable_kind_name(enum ptable_kind kind)
{
	switch (kind) {
	case PTABLE_NONE:
		return "none";
	case PTABLE_MBR:
		return "mbr";
	case PTABLE_GPT:
		return "gpt";
	}
	return "none";
}
