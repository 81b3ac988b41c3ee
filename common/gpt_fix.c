/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Moving the second copy of a GPT.
 *
 * The first copy is the one that counts: it has to be sound, and everything is
 * derived from it.  Steps, each durable before the next:
 *
 *	1. the new second copy, array and header;
 *	2. the header of the first copy, which names the new one; the size in a
 *	   protective MBR;
 *	3. the old second copy becomes zeros, so that no program takes it for a
 *	   newer truth, and the end of the disk can be cut off.
 *
 * A second copy is recognised by its checksum, its place and the disk's GUID;
 * what is not recognised, or lies where a partition is, is not touched.  All of
 * the table was written by a guest: sizes are checked before they are used.
 *
 * libfdisk could grow a table this way, but refuses one whose disk is about to
 * become smaller; and it wants a file descriptor.
 */
#include "common/gpt_fix.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/ptable_priv.h"

enum {
	OFF_CRC = 16,
	OFF_SELF = 24,
	OFF_OTHER = 32,
	OFF_LAST = 48,
	OFF_DISK_GUID = 56,
	OFF_ARRAY = 72,
	ENTRY_FIRST = 32,
	ENTRY_LAST = 40,
	MBR_TABLE = 446,
	MBR_ENTRY = 16,
	MBR_TYPE = 4,
	MBR_START = 8,
	MBR_COUNT = 12
};

/**
 * struct gpt_fix - the first copy
 *
 * @raw:           the sector of its header
 * @array:         its entries, @array_len bytes: whole sectors
 * @array_sectors: the same in sectors
 * @last_used:     last sector of a partition, or the last one in front of what
 *                 partitions may use
 */
struct gpt_fix {
	const struct gpt_disk *disk;
	struct gpt_header h;
	uint8_t raw[PTABLE_LARGE];
	uint8_t *array;
	size_t array_len;
	uint64_t array_sectors;
	uint64_t last_used;
};

/* Where everything is on a disk of a given size; sectors. */
struct gpt_end {
	uint64_t backup;	/* header */
	uint64_t array;
	uint64_t last;		/* that partitions may use */
};

static void put_le32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static void put_le64(uint8_t *p, uint64_t v)
{
	put_le32(p, (uint32_t)v);
	put_le32(p + 4, (uint32_t)(v >> 32));
}

static int read_sectors(const struct gpt_disk *d, void *buf, uint64_t start,
			uint64_t count)
{
	return d->read(d->arg, buf, (size_t)(count * d->sector),
		       start * d->sector);
}

static int write_sectors(const struct gpt_disk *d, const void *buf,
			 uint64_t start, uint64_t count)
{
	return d->write(d->arg, buf, (size_t)(count * d->sector),
			start * d->sector);
}

static bool entry_used(const struct gpt_fix *fix, uint32_t idx,
		       uint64_t *first, uint64_t *last)
{
	static const uint8_t unused[16] = { 0 };
	const uint8_t *e = fix->array + (size_t)idx * fix->h.entry_len;

	*first = get_le64(e + ENTRY_FIRST);
	*last = get_le64(e + ENTRY_LAST);
	return memcmp(e, unused, sizeof(unused)) != 0;
}

/* False when a partition is not where partitions may be. */
static bool find_last_used(struct gpt_fix *fix)
{
	fix->last_used = fix->h.first - 1;
	for (uint32_t i = 0; i < fix->h.count; i++) {
		uint64_t first, last;

		if (!entry_used(fix, i, &first, &last))
			continue;
		if (first > last || last >= fix->disk->size / fix->disk->sector)
			return false;
		if (last > fix->last_used)
			fix->last_used = last;
	}
	return true;
}

static bool array_sound(const struct gpt_fix *fix)
{
	size_t bytes = (size_t)fix->h.count * fix->h.entry_len;

	return gpt_array_crc(fix->array, bytes) == fix->h.array_crc;
}

static int load_array(struct gpt_fix *fix, bool *sound_out)
{
	const struct gpt_disk *d = fix->disk;
	uint64_t bytes = (uint64_t)fix->h.count * fix->h.entry_len;
	int rc;

	/* gpt_header_fits() has seen to it that this is 1 MiB at most. */
	fix->array_sectors = (bytes + d->sector - 1) / d->sector;
	fix->array_len = (size_t)(fix->array_sectors * d->sector);
	fix->array = malloc(fix->array_len);
	if (fix->array == NULL)
		return -ENOMEM;
	rc = read_sectors(d, fix->array, fix->h.array, fix->array_sectors);
	if (rc == 0)
		*sound_out = array_sound(fix) && find_last_used(fix);
	return rc;
}

static int load(struct gpt_fix *fix, bool *sound_out)
{
	const struct gpt_disk *d = fix->disk;
	int rc;

	*sound_out = false;
	if (d->size / d->sector < 4)
		return 0;
	rc = read_sectors(d, fix->raw, 1, 1);
	if (rc != 0 || !gpt_header_decode(fix->raw, d->sector, &fix->h) ||
	    !gpt_header_fits(d->size, d->sector, 1, &fix->h) ||
	    fix->h.first < 2 || fix->h.array < 2)
		return rc;
	return load_array(fix, sound_out);
}

int gpt_fix_load(const struct gpt_disk *disk, struct gpt_fix **fix_out)
{
	struct gpt_fix *fix = calloc(1, sizeof(*fix));
	bool sound;
	int rc;

	*fix_out = NULL;
	if (fix == NULL)
		return -ENOMEM;
	fix->disk = disk;
	rc = load(fix, &sound);
	if (rc != 0 || !sound)
		gpt_fix_free(fix);
	else
		*fix_out = fix;
	return rc;
}

void gpt_fix_free(struct gpt_fix *fix)
{
	if (fix != NULL)
		free(fix->array);
	free(fix);
}

/* What has to stay: partitions, and the first array wherever it is. */
static uint64_t first_free(const struct gpt_fix *fix)
{
	uint64_t array_end = fix->h.array + fix->array_sectors;

	return fix->last_used + 1 > array_end ? fix->last_used + 1 : array_end;
}

uint64_t gpt_fix_least(const struct gpt_fix *fix)
{
	/* At least one sector for partitions, or the header makes no sense. */
	uint64_t start = first_free(fix);

	if (start <= fix->h.first)
		start = fix->h.first + 1;
	return (start + fix->array_sectors + 1) * fix->disk->sector;
}

uint64_t gpt_fix_backup_end(const struct gpt_fix *fix)
{
	uint64_t sectors = fix->disk->size / fix->disk->sector;
	uint64_t at = fix->h.other < sectors ? fix->h.other : sectors - 1;

	return (at + 1) * fix->disk->sector;
}

static struct gpt_end end_of(const struct gpt_fix *fix, uint64_t size)
{
	struct gpt_end e;

	e.backup = size / fix->disk->sector - 1;
	e.array = e.backup - fix->array_sectors;
	e.last = e.array - 1;
	return e;
}

/* The header of a copy, sealed; @out has room for a sector. */
static void make_header(const struct gpt_fix *fix, const struct gpt_end *e,
			bool backup, uint8_t *out)
{
	memcpy(out, fix->raw, fix->disk->sector);
	put_le64(out + OFF_SELF, backup ? e->backup : 1);
	put_le64(out + OFF_OTHER, backup ? 1 : e->backup);
	put_le64(out + OFF_LAST, e->last);
	put_le64(out + OFF_ARRAY, backup ? e->array : fix->h.array);
	put_le32(out + OFF_CRC, gpt_header_crc(out, fix->h.len));
}

/* Is the second copy what it should be already? */
static int backup_right(struct gpt_fix *fix, const struct gpt_end *e,
			bool *right_out)
{
	uint8_t want[PTABLE_LARGE], have[PTABLE_LARGE];
	uint8_t *array = malloc(fix->array_len);
	size_t bytes = (size_t)fix->h.count * fix->h.entry_len;
	int rc;

	*right_out = false;
	if (array == NULL)
		return -ENOMEM;
	make_header(fix, e, true, want);
	rc = read_sectors(fix->disk, have, e->backup, 1);
	if (rc == 0)
		rc = read_sectors(fix->disk, array, e->array,
				  fix->array_sectors);
	if (rc == 0)
		*right_out = !memcmp(want, have, fix->h.len) &&
			     !memcmp(array, fix->array, bytes);
	free(array);
	return rc;
}

/*
 * The size in the MBR that protects the table.  With other partitions beside it
 * the MBR is a hybrid, and somebody's own work.  *put_out: @mbr has changed.
 */
static int make_mbr(const struct gpt_fix *fix, uint64_t size, uint8_t *mbr,
		    bool *put_out)
{
	uint64_t sectors = size / fix->disk->sector - 1;
	uint32_t want = sectors > UINT32_MAX ? UINT32_MAX : (uint32_t)sectors;
	uint8_t *found = NULL;
	int rc = fix->disk->read(fix->disk->arg, mbr, PTABLE_MBR_LEN, 0);

	*put_out = false;
	if (rc != 0)
		return rc;
	for (int i = 0; i < MBR_ENTRIES; i++) {
		uint8_t *e = mbr + MBR_TABLE + (size_t)i * MBR_ENTRY;

		if (e[MBR_TYPE] == 0)
			continue;
		if (e[MBR_TYPE] != MBR_TYPE_PROTECTIVE || found != NULL)
			return 0;
		found = e;
	}
	if (found == NULL || get_le32(found + MBR_START) != 1 ||
	    get_le32(found + MBR_COUNT) == want)
		return 0;
	put_le32(found + MBR_COUNT, want);
	*put_out = true;
	return 0;
}

static bool hits_partition(const struct gpt_fix *fix, uint64_t start,
			   uint64_t count)
{
	for (uint32_t i = 0; i < fix->h.count; i++) {
		uint64_t first, last;

		if (entry_used(fix, i, &first, &last) &&
		    start <= last && first < start + count)
			return true;
	}
	return false;
}

/* A second copy that is no longer to be one; @e is the one that is. */
static bool stale(const struct gpt_fix *fix, const struct gpt_end *e,
		  const uint8_t *raw, uint64_t at, struct gpt_header *h)
{
	const struct gpt_disk *d = fix->disk;

	if (at <= 1 || at == e->backup ||
	    !gpt_header_decode(raw, d->sector, h) ||
	    !gpt_header_fits(d->size, d->sector, at, h) ||
	    memcmp(raw + OFF_DISK_GUID, fix->raw + OFF_DISK_GUID, 16) != 0)
		return false;
	/* Only right in front of its header is an array surely its own. */
	return h->array + fix->array_sectors == at &&
	       (uint64_t)h->count * h->entry_len ==
	       (uint64_t)fix->h.count * fix->h.entry_len &&
	       h->array >= first_free(fix) &&
	       !hits_partition(fix, h->array, fix->array_sectors + 1);
}

/* Zeros what of [start, end) does not belong to the new second copy. */
static int wipe_range(const struct gpt_fix *fix, const struct gpt_end *e,
		      uint64_t start, uint64_t end, const uint8_t *zeros)
{
	uint64_t low_end = end < e->array ? end : e->array;
	uint64_t high = start > e->backup ? start : e->backup + 1;
	int rc = 0;

	if (start < low_end)
		rc = write_sectors(fix->disk, zeros, start, low_end - start);
	if (rc == 0 && high < end)
		rc = write_sectors(fix->disk, zeros, high, end - high);
	return rc;
}

/* Sector of the array of an old copy whose header is at @at; 0: there is none. */
static int find_old(const struct gpt_fix *fix, const struct gpt_end *e,
		    uint64_t at, uint64_t *array_out)
{
	uint8_t raw[PTABLE_LARGE];
	struct gpt_header h;
	int rc;

	*array_out = 0;
	if (at >= fix->disk->size / fix->disk->sector)
		return 0;
	rc = read_sectors(fix->disk, raw, at, 1);
	if (rc == 0 && stale(fix, e, raw, at, &h))
		*array_out = h.array;
	return rc;
}

static int wipe_at(const struct gpt_fix *fix, const struct gpt_end *e,
		   uint64_t at)
{
	uint64_t array;
	uint8_t *zeros;
	int rc = find_old(fix, e, at, &array);

	if (rc != 0 || array == 0)
		return rc;
	zeros = calloc(1, fix->array_len);
	if (zeros == NULL)
		return -ENOMEM;
	/* The header goes last: it is how the array is found again. */
	rc = wipe_range(fix, e, array, at, zeros);
	if (rc == 0)
		rc = fix->disk->flush(fix->disk->arg);
	if (rc == 0)
		rc = wipe_range(fix, e, at, at + 1, zeros);
	free(zeros);
	return rc;
}

/* The last sector of the disk as it is. */
static uint64_t last_sector(const struct gpt_fix *fix)
{
	return fix->disk->size / fix->disk->sector - 1;
}

/* The one that the first copy named, and one at the present end. */
static int wipe_old(const struct gpt_fix *fix, const struct gpt_end *e)
{
	int rc = wipe_at(fix, e, fix->h.other);

	if (rc == 0 && last_sector(fix) != fix->h.other)
		rc = wipe_at(fix, e, last_sector(fix));
	return rc;
}

int gpt_fix_old(struct gpt_fix *fix, uint64_t size, uint64_t *off_out,
		uint64_t *len_out)
{
	struct gpt_end e = end_of(fix, size);
	uint64_t at = last_sector(fix), array;
	int rc = find_old(fix, &e, at, &array);

	if (rc == 0 && array == 0) {
		at = fix->h.other;
		rc = find_old(fix, &e, at, &array);
	}
	*off_out = array * fix->disk->sector;
	*len_out = array != 0 ? (at + 1 - array) * fix->disk->sector : 0;
	return rc;
}

static bool size_fits(const struct gpt_fix *fix, uint64_t size)
{
	return size >= gpt_fix_least(fix) && size <= fix->disk->size;
}

int gpt_fix_needed(struct gpt_fix *fix, uint64_t size)
{
	struct gpt_end e = end_of(fix, size);
	uint8_t mbr[PTABLE_MBR_LEN];
	uint64_t off, old = 0;
	bool right, put = false;
	int rc;

	/* A disk that is larger than now has nothing at its end yet. */
	if (!size_fits(fix, size))
		return 1;
	if (fix->h.other != e.backup || fix->h.last != e.last)
		return 1;
	rc = backup_right(fix, &e, &right);
	if (rc == 0)
		rc = make_mbr(fix, size, mbr, &put);
	if (rc == 0)
		rc = gpt_fix_old(fix, size, &off, &old);
	return rc != 0 ? rc : !right || put || old != 0;
}

static int put_backup(struct gpt_fix *fix, const struct gpt_end *e)
{
	const struct gpt_disk *d = fix->disk;
	uint8_t raw[PTABLE_LARGE];
	int rc = write_sectors(d, fix->array, e->array, fix->array_sectors);

	make_header(fix, e, true, raw);
	if (rc == 0)
		rc = write_sectors(d, raw, e->backup, 1);
	return rc != 0 ? rc : d->flush(d->arg);
}

static int put_primary(struct gpt_fix *fix, const struct gpt_end *e,
		       uint64_t size)
{
	const struct gpt_disk *d = fix->disk;
	uint8_t raw[PTABLE_LARGE], mbr[PTABLE_MBR_LEN];
	bool put = false;
	int rc;

	make_header(fix, e, false, raw);
	rc = write_sectors(d, raw, 1, 1);
	if (rc == 0)
		rc = make_mbr(fix, size, mbr, &put);
	if (rc == 0 && put)
		rc = d->write(d->arg, mbr, sizeof(mbr), 0);
	return rc != 0 ? rc : d->flush(d->arg);
}

int gpt_fix_apply(struct gpt_fix *fix, uint64_t size)
{
	struct gpt_end e = end_of(fix, size);
	int rc;

	if (!size_fits(fix, size))
		return -EINVAL;
	rc = put_backup(fix, &e);
	if (rc == 0)
		rc = put_primary(fix, &e, size);
	if (rc == 0)
		rc = wipe_old(fix, &e);
	return rc != 0 ? rc : fix->disk->flush(fix->disk->arg);
}
