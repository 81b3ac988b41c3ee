/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is each sector of what would be restored or cut off as the undo file says? (U3)
 *
 * The places of all records, sorted, are gone through from the beginning of the
 * image to its end: between two borders of places the same ones, the open ones,
 * say what may be there, and one of them has to be right.  Holes of the image
 * need no time where zeros may be.
 */

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/crc32c.h"
#include "base/fail.h"
#include "base/zero.h"
#include "ops/undo_priv.h"

enum { CHUNK = 64 * 1024, CHUNK_SECTORS = CHUNK / UNDO_SECTOR };

struct place {
	uint64_t off, end;	/* whole sectors */
	uint64_t data_off, data_len;
	enum undo_kind kind;
};

struct sweep {
	struct undo *u;
	struct place *places;
	size_t count, next;	/* those before next were begun */
	const struct place **open;
	size_t open_count;
	/* A chunk of the image, and what is known of it. */
	uint8_t *have, *want;
	bool right[CHUNK_SECTORS];
};

static int add_place(void *arg, const struct undo_rec *rec,
		     struct vhd_error *err)
{
	struct sweep *s = arg;
	(void)err;

	if (!rec->len || s->count == s->u->file.all_records)
		return 0;
	s->places[s->count++] = (struct place){
		.off = align_down(rec->off, UNDO_SECTOR),
		.end = align_up(rec->off + rec->len, UNDO_SECTOR),
		.data_off = rec->data_off,
		.data_len = rec->data_len,
		.kind = rec->kind,
	};
	return 0;
}

static int by_offset(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return (x->off > y->off) - (x->off < y->off);
}

static int list_places(struct sweep *s, struct vhd_error *err)
{
	struct undo_file *f = &s->u->file;
	uint64_t pos = sizeof(f->header);
	int rc = 0;

	while (!rc && pos < f->parts_end) {
		rc = vhd_undo_file_each(f, pos, add_place, s, err);
		if (!rc)
			rc = vhd_undo_file_next(f, pos, &pos, err);
	}
	if (!rc)
		qsort(s->places, s->count, sizeof(*s->places), by_offset);
	return rc;
}

/* What the record has for a chunk at @off: bytes, and zeros behind them. */
static int get_data(struct sweep *s, const struct place *p, uint64_t off,
		    size_t len, struct vhd_error *err)
{
	uint64_t skip = off - p->off;
	size_t n = 0;

	if (skip < p->data_len)
		n = (size_t)min_u64(len, p->data_len - skip);
	memset(s->want, 0, len);
	return vhd_io_read(s->u->file.io, s->want, n, p->data_off + skip, err);
}

static int compare_data(struct sweep *s, const struct place *p, uint64_t off,
			size_t len, struct vhd_error *err)
{
	int rc = get_data(s, p, off, len, err);

	for (size_t at = 0; !rc && at < len; at += UNDO_SECTOR) {
		if (!memcmp(s->have + at, s->want + at, UNDO_SECTOR))
			s->right[at / UNDO_SECTOR] = true;
	}
	return rc;
}

static int compare_crcs(struct sweep *s, const struct place *p, uint64_t off,
			size_t len, struct vhd_error *err)
{
	uint64_t skip = (off - p->off) / UNDO_SECTOR * sizeof(le32);
	size_t n = len / UNDO_SECTOR;
	le32 crcs[CHUNK_SECTORS];
	int rc = vhd_io_read(s->u->file.io, crcs, n * sizeof(le32),
			     p->data_off + skip, err);

	for (size_t i = 0; !rc && i < n; i++) {
		if (!s->right[i] &&
		    le32_get(crcs[i]) == vhd_crc32c(0, s->have + i *
						    UNDO_SECTOR, UNDO_SECTOR))
			s->right[i] = true;
	}
	return rc;
}

static int compare(struct sweep *s, const struct place *p, uint64_t off,
		   size_t len, struct vhd_error *err)
{
	if (p->kind == UNDO_DATA)
		return compare_data(s, p, off, len, err);
	if (p->kind == UNDO_NEW)
		return compare_crcs(s, p, off, len, err);
	for (size_t at = 0; at < len; at += UNDO_SECTOR) {
		if (p->kind == UNDO_EDGE ||
		    vhd_is_zero(s->have + at, UNDO_SECTOR))
			s->right[at / UNDO_SECTOR] = true;
	}
	return 0;
}

static size_t first_wrong(const struct sweep *s, size_t sectors)
{
	size_t i = 0;

	while (i < sectors && s->right[i])
		i++;
	return i;
}

static int check_chunk(struct sweep *s, uint64_t off, size_t len,
		       struct vhd_error *err)
{
	size_t sectors = len / UNDO_SECTOR, wrong = 0;
	int rc = vhd_io_read_padded(s->u->image, s->have, len, off, err);

	memset(s->right, 0, sizeof(s->right));
	for (size_t i = 0; !rc && i < s->open_count && wrong < sectors; i++) {
		rc = compare(s, s->open[i], off, len, err);
		wrong = first_wrong(s, sectors);
	}
	if (!rc && wrong < sectors)
		rc = vhd_undo_fail_changed(s->u, off + wrong * UNDO_SECTOR,
					   err);
	return rc;
}

static bool zeros_are_right(const struct sweep *s)
{
	for (size_t i = 0; i < s->open_count; i++) {
		if (s->open[i]->kind != UNDO_DATA &&
		    s->open[i]->kind != UNDO_NEW)
			return true;
	}
	return false;
}

/* A range over which the same places are open. */
static int check_range(struct sweep *s, uint64_t off, uint64_t end,
		       struct vhd_error *err)
{
	bool skip = zeros_are_right(s);
	int rc = 0;

	while (!rc && off < end) {
		uint64_t start = off, stop = end;

		if (skip)
			rc = vhd_io_next_data(s->u->image, off, end, &start,
					      &stop, err);
		if (start < end)
			start = align_down(start, UNDO_SECTOR);
		stop = min_u64(align_up(stop, UNDO_SECTOR), end);
		while (!rc && start < stop) {
			size_t n = (size_t)min_u64(stop - start, CHUNK);

			rc = check_chunk(s, start, n, err);
			start += n;
		}
		off = stop;
	}
	return rc;
}

/* Opens and closes places at @off; returns where that has to be done next. */
static uint64_t turn(struct sweep *s, uint64_t off)
{
	uint64_t next = UINT64_MAX;
	size_t kept = 0;

	while (s->next < s->count && s->places[s->next].off <= off)
		s->open[s->open_count++] = &s->places[s->next++];
	for (size_t i = 0; i < s->open_count; i++) {
		if (s->open[i]->end <= off)
			continue;
		next = min_u64(next, s->open[i]->end);
		s->open[kept++] = s->open[i];
	}
	s->open_count = kept;
	return s->next < s->count ? min_u64(next, s->places[s->next].off) :
				    next;
}

static int run(struct sweep *s, struct vhd_error *err)
{
	uint64_t off = 0, next;
	int rc = list_places(s, err);

	while (!rc) {
		next = turn(s, off);
		if (next == UINT64_MAX)
			break;
		if (s->open_count)
			rc = check_range(s, off, next, err);
		off = next;
	}
	return rc;
}

int vhd_undo_sweep(struct undo *u, struct vhd_error *err)
{
	struct sweep s = { .u = u };
	size_t n = (size_t)u->file.all_records;
	int rc = 0;

	s.places = vhd_alloc_array(n, sizeof(*s.places));
	s.open = vhd_alloc_array(n, sizeof(*s.open));
	s.have = vhd_alloc(CHUNK);
	s.want = vhd_alloc(CHUNK);
	if (!s.places || !s.open || !s.have || !s.want)
		rc = vhd_fail_nomem(err);
	if (!rc)
		rc = run(&s, err);
	vhd_free(s.places);
	vhd_free(s.open);
	vhd_free(s.have);
	vhd_free(s.want);
	return rc;
}
