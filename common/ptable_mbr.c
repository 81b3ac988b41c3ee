/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The MBR and its chain of logical partitions.
 *
 * The table has four entries.  An entry of an extended type is a container: its
 * first sector is a link (an EBR), laid out like an MBR, whose entries are
 * logical partitions, counted from the link, and the next link, counted from
 * the start of the container.  Links may lie in any order, but each counts
 * once, inside its container, so that a loop ends the chain.
 *
 * As in Linux, a partition with sectors takes a number even when it cannot be
 * right, a container is not a partition, and a boot flag that is neither 0 nor
 * 80 means that the sector holds code of a file system instead of a table.
 * Unlike there, a partition that does not fit on the disk is left out instead
 * of being cut: a file system that lost its tail is no use to anybody.
 */
#include "common/ptable_priv.h"

#include <string.h>

enum {
	ENTRIES_OFF = 446,
	ENTRY_LEN = 16,
	LOGICAL_FIRST = 5,
	LINKS_MAX = PTABLE_MAX
};

/* The links that were visited, of all containers, and where counting is. */
struct links {
	uint32_t number;
	size_t count;
	uint64_t sec[LINKS_MAX];
};

static void entry_decode(const uint8_t *raw, struct mbr_entry *e)
{
	e->boot = raw[0];
	e->type = raw[4];
	e->start = get_le32(raw + 8);
	e->count = get_le32(raw + 12);
}

bool mbr_decode(const uint8_t *raw, struct mbr_entry entry[MBR_ENTRIES])
{
	int i;

	if (raw[510] != 0x55 || raw[511] != 0xaa)
		return false;
	for (i = 0; i < MBR_ENTRIES; i++)
		entry_decode(raw + ENTRIES_OFF + i * ENTRY_LEN, &entry[i]);
	return true;
}

static bool is_extended(const struct mbr_entry *e)
{
	return e->type == 0x05 || e->type == 0x0f || e->type == 0x85;
}

/* Sector 0 holds the table itself. */
static bool fits(const struct ptable_scan *s, uint32_t sector,
		 const struct mbr_entry *e)
{
	return e->start && e->count && scan_holds(s, sector, e->start, e->count);
}

/* Is every entry that has sectors on the disk, and is there one? */
static bool all_fit(const struct ptable_scan *s, uint32_t sector,
		    const struct mbr_entry entry[MBR_ENTRIES])
{
	bool any = false;
	int i;

	for (i = 0; i < MBR_ENTRIES; i++) {
		if (!entry[i].count)
			continue;
		any = true;
		if (!fits(s, sector, &entry[i]))
			return false;
	}
	return any;
}

/*
 * Does a file system start here?  It has to look like one to more than a name:
 * boot loaders leave the first bytes of what was there before as they are.
 */
static bool is_volume(const uint8_t *raw)
{
	static const char names[][9] = { "NTFS    ", "EXFAT   ", "-FVE-FS-" };
	uint32_t bytes = raw[11] | (uint32_t)raw[12] << 8;
	uint32_t reserved = raw[14] | (uint32_t)raw[15] << 8;
	size_t i;

	if (raw[0] != 0xeb && raw[0] != 0xe9)
		return false;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!memcmp(raw + 3, names[i], 8))
			return true;
	}
	/* FAT: sector and cluster size, FATs, and the kind of medium */
	return bytes >= 512 && bytes <= 4096 && !(bytes & (bytes - 1)) &&
	       raw[13] && !(raw[13] & (raw[13] - 1)) && reserved && raw[16] &&
	       (raw[21] == 0xf0 || raw[21] >= 0xf8);
}

static void add(struct ptable_scan *s, uint32_t number, uint8_t type,
		uint64_t start, uint32_t count)
{
	uint32_t sector = s->out->sector;
	struct part *p = NULL;

	if (start && scan_holds(s, sector, start, count))
		p = scan_part(s, number, start * sector,
			      (uint64_t)count * sector);
	if (p)
		p->mbr_type = type;
}

static bool visited(const struct links *l, uint64_t sec)
{
	size_t i;

	for (i = 0; i < l->count; i++) {
		if (l->sec[i] == sec)
			return true;
	}
	return false;
}

/*
 * The logical partitions of the link at @sec, which describes @len sectors.
 * The third and fourth entry hold rubbish on some disks: what they say counts
 * only inside the link's own part and the container.
 */
static void add_logical(struct ptable_scan *s, struct links *l,
			const struct mbr_entry *box, uint64_t sec, uint64_t len,
			const struct mbr_entry entry[MBR_ENTRIES])
{
	int i;

	for (i = 0; i < MBR_ENTRIES; i++) {
		const struct mbr_entry *e = &entry[i];
		uint64_t start = sec + e->start;
		uint64_t end = start + e->count;

		if (!e->count || is_extended(e))
			continue;
		if (i >= 2 && (end - sec > len || start < box->start ||
			       end > (uint64_t)box->start + box->count))
			continue;
		/* A link does not lie inside its own partition. */
		add(s, l->number++, e->type, e->start ? start : 0, e->count);
	}
}

/* The entry that leads on; NULL at the end of the chain. */
static const struct mbr_entry *next_link(const struct mbr_entry *entry)
{
	int i;

	for (i = 0; i < MBR_ENTRIES; i++) {
		if (entry[i].count && is_extended(&entry[i]))
			return &entry[i];
	}
	return NULL;
}

static int chain_scan(struct ptable_scan *s, struct links *l,
		      const struct mbr_entry *box)
{
	uint64_t sec = box->start, len = box->count;
	uint32_t sector = s->out->sector;
	struct mbr_entry entry[MBR_ENTRIES];
	const struct mbr_entry *next;
	uint8_t raw[PTABLE_MBR_LEN];
	int rc;

	while (sec && l->count < LINKS_MAX && !visited(l, sec) &&
	       scan_holds(s, sector, sec, 1)) {
		l->sec[l->count++] = sec;
		rc = scan_read(s, raw, sizeof(raw), sec * sector);
		if (rc)
			return rc;
		if (!mbr_decode(raw, entry))
			return 0;
		add_logical(s, l, box, sec, len, entry);
		next = next_link(entry);
		if (!next || next->start >= box->count)
			return 0;
		sec = (uint64_t)box->start + next->start;
		len = next->count;
	}
	return 0;
}

/* A container that is too long ends with the disk. */
static void note_box(struct ptable_scan *s, const struct mbr_entry *box)
{
	uint64_t end = ((uint64_t)box->start + box->count) * s->out->sector;

	if (end > s->size)
		end = s->size;
	if (end > s->out->box_end)
		s->out->box_end = end;
}

static bool is_table(const struct ptable_scan *s, const uint8_t *raw,
		     const struct mbr_entry entry[MBR_ENTRIES])
{
	bool empty = true;
	int i;

	for (i = 0; i < MBR_ENTRIES; i++) {
		if (entry[i].boot & 0x7f)
			return false;
	}
	for (i = 0; i < MBR_ENTRIES; i++) {
		if (fits(s, PTABLE_SMALL, &entry[i]))
			return true;
		empty = empty && !entry[i].count;
	}
	return empty && !is_volume(raw);
}

int mbr_scan(struct ptable_scan *s, const uint8_t *raw, uint32_t sector)
{
	struct mbr_entry entry[MBR_ENTRIES];
	struct links l = { .number = LOGICAL_FIRST };
	uint32_t i;
	int rc;

	if (!mbr_decode(raw, entry) || !is_table(s, raw, entry))
		return 0;
	/* What fits in the larger size fits in the smaller one as well. */
	if (sector == PTABLE_LARGE && !all_fit(s, PTABLE_LARGE, entry) &&
	    all_fit(s, PTABLE_SMALL, entry))
		sector = PTABLE_SMALL;
	s->out->kind = PTABLE_MBR;
	s->out->sector = sector;
	for (i = 0; i < MBR_ENTRIES; i++) {
		if (entry[i].count && !is_extended(&entry[i]))
			add(s, i + 1, entry[i].type, entry[i].start,
			    entry[i].count);
	}
	for (i = 0; i < MBR_ENTRIES; i++) {
		if (!entry[i].count || !is_extended(&entry[i]))
			continue;
		note_box(s, &entry[i]);
		rc = chain_scan(s, &l, &entry[i]);
		if (rc)
			return rc;
	}
	return 0;
}
