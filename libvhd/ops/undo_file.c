/* SPDX-License-Identifier: BSD-2-Clause */
#include "ops/undo_file.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/crc32c.h"
#include "base/fail.h"
#include "base/zero.h"

#define CHUNK (64 * KiB)

uint32_t vhd_undo_header_crc(const struct undo_header_disk *h)
{
	struct undo_header_disk copy = *h;

	copy.crc = le32_make(0);
	return vhd_crc32c(0, &copy, sizeof(copy));
}

uint32_t vhd_undo_rec_crc(const struct undo_rec_disk *r)
{
	struct undo_rec_disk copy = *r;

	copy.crc = le32_make(0);
	return vhd_crc32c(0, &copy, sizeof(copy));
}

static int fail_corrupt(const struct undo_file *f, uint64_t off,
			const char *what, struct vhd_error *err)
{
	int rc = vhd_fail(err, VHD_E_CORRUPT,
			  "the undo file is damaged: its %s at 0x%" PRIx64
			  " is not valid", what, off);

	if (err)
		err->off = off;
	return vhd_err_file(err, rc, vhd_io_name(f->io));
}

static int load_header(struct undo_file *f, struct vhd_error *err)
{
	struct undo_header_disk *h = &f->header;
	int rc;

	if (f->size < sizeof(*h))
		return vhd_fail(err, VHD_E_CORRUPT,
				"this file of %" PRIu64 " bytes is no undo "
				"file", f->size);
	rc = vhd_io_read(f->io, h, sizeof(*h), 0, err);
	if (rc)
		return rc;
	if (memcmp(h->magic, UNDO_MAGIC, sizeof(h->magic)))
		return vhd_fail(err, VHD_E_CORRUPT, "this is no undo file");
	if (le32_get(h->crc) != vhd_undo_header_crc(h) ||
	    le64_get(h->length) > INT64_MAX ||
	    le32_get(h->witness_count) > UNDO_WITNESS_MAX ||
	    le32_get(h->name_len) >= UNDO_NAME_MAX)
		return fail_corrupt(f, 0, "header", err);
	if (le32_get(h->version) != UNDO_VERSION)
		return vhd_fail(err, VHD_E_UNSUPPORTED,
				"the undo file is of version %u; this program "
				"knows version %u",
				(unsigned int)le32_get(h->version),
				(unsigned int)UNDO_VERSION);
	h->name[UNDO_NAME_MAX - 1] = '\0';
	return 0;
}

/* A record with a valid checksum of its own, from @pos. */
static int get_rec(struct undo_file *f, uint64_t pos, struct undo_rec_disk *r,
		   const char *what, struct vhd_error *err)
{
	int rc;

	if (!range_in(pos, sizeof(*r), f->size))
		return fail_corrupt(f, pos, what, err);
	rc = vhd_io_read(f->io, r, sizeof(*r), pos, err);
	if (!rc && le32_get(r->crc) != vhd_undo_rec_crc(r))
		rc = fail_corrupt(f, pos, what, err);
	return rc;
}

static int crc_of(struct undo_file *f, uint64_t off, uint64_t len,
		  uint32_t *crc_out, struct vhd_error *err)
{
	uint8_t *buf = vhd_alloc(CHUNK);
	uint32_t crc = 0;
	int rc = 0;

	if (!buf)
		return vhd_fail_nomem(err);
	while (!rc && len) {
		size_t n = (size_t)min_u64(len, CHUNK);

		rc = vhd_io_read(f->io, buf, n, off, err);
		if (!rc)
			crc = vhd_crc32c(crc, buf, n);
		off += n;
		len -= n;
	}
	vhd_free(buf);
	*crc_out = crc;
	return rc;
}

/* The part at @pos: its record, and where its records begin and end. */
struct part {
	uint64_t image_len;
	uint64_t begin, end;
	uint64_t prev;
};

static int get_part(struct undo_file *f, uint64_t pos, struct part *p,
		    struct vhd_error *err)
{
	struct undo_rec_disk r;
	int rc = get_rec(f, pos, &r, "part", err);

	if (rc)
		return rc;
	p->image_len = le64_get(r.off);
	p->prev = le64_get(r.prev);
	p->begin = pos + UNDO_SECTOR;
	if (le32_get(r.kind) != UNDO_PART || p->image_len > INT64_MAX ||
	    p->begin > f->size || le64_get(r.len) > f->size - p->begin)
		return fail_corrupt(f, pos, "part", err);
	p->end = p->begin + le64_get(r.len);
	return 0;
}

uint64_t vhd_undo_rec_data(uint32_t kind, uint64_t len)
{
	if (kind == UNDO_DATA)
		return len;
	return kind == UNDO_NEW ? len / UNDO_SECTOR * sizeof(le32) : 0;
}

/* A kind that stands in a part, and no longer than it may be. */
static bool is_rec(const struct undo_rec *rec)
{
	switch (rec->kind) {
	case UNDO_DATA:
		return rec->len <= UNDO_DATA_MAX;
	case UNDO_NEW:
		return rec->len <= UNDO_NEW_MAX;
	case UNDO_EDGE:
		return rec->len == UNDO_SECTOR;
	case UNDO_ZERO:
	case UNDO_HOLE:
	case UNDO_SPAN:
	case UNDO_BLANK:
		return true;
	case UNDO_PART:
	case UNDO_DONE:
		break;
	}
	return false;
}

/* Reads the record at @pos, which lies before @end, and says what follows. */
static int next_rec(struct undo_file *f, uint64_t *pos, uint64_t end,
		    struct undo_rec *out, struct vhd_error *err)
{
	struct undo_rec_disk r;
	uint64_t at = *pos;
	int rc;

	if (end - at < sizeof(r))
		return fail_corrupt(f, at, "record", err);
	rc = get_rec(f, at, &r, "record", err);
	if (rc)
		return rc;
	*out = (struct undo_rec){
		.kind = (enum undo_kind)le32_get(r.kind),
		.off = le64_get(r.off),
		.len = le64_get(r.len),
		.data_off = at + sizeof(r),
		.data_len = vhd_undo_rec_data(le32_get(r.kind),
					      le64_get(r.len)),
		.crc = le32_get(r.data_crc),
	};
	*pos = at + sizeof(r);
	if (!is_rec(out) || out->data_len > end - *pos)
		return fail_corrupt(f, at, "record", err);
	*pos += out->data_len;
	return 0;
}

int vhd_undo_file_each(struct undo_file *f, uint64_t pos, undo_rec_fn fn,
		   void *arg, struct vhd_error *err)
{
	struct undo_rec rec = { .len = 0 };
	struct part p = { .end = 0 };
	int rc = get_part(f, pos, &p, err);

	pos = p.begin;
	while (!rc && pos < p.end) {
		rc = next_rec(f, &pos, p.end, &rec, err);
		if (!rc)
			rc = fn(arg, &rec, err);
	}
	return rc;
}

int vhd_undo_file_prev(struct undo_file *f, uint64_t pos, uint64_t *prev_out,
		   struct vhd_error *err)
{
	struct part p = { .end = 0 };
	int rc = get_part(f, pos, &p, err);

	if (!rc)
		*prev_out = p.prev;
	return rc;
}

int vhd_undo_file_next(struct undo_file *f, uint64_t pos, uint64_t *next_out,
		   struct vhd_error *err)
{
	struct part p = { .end = 0 };
	int rc = get_part(f, pos, &p, err);

	if (!rc)
		*next_out = align_up(p.end, UNDO_SECTOR);
	return rc;
}

/* Loading. */

struct load {
	struct undo_file *f;
	uint64_t image_len;	/* of the part */
	uint64_t at;		/* where the record before ends */
	bool span;		/* it was there, and ends here: */
	uint64_t most;
};

/* Ascending, and inside the image. */
static bool old_fits(struct load *l, const struct undo_rec *rec)
{
	if (l->span || !rec->len || rec->off < l->at ||
	    !range_in(rec->off, rec->len, l->image_len) ||
	    rec->off % UNDO_SECTOR)
		return false;
	l->at = rec->off + rec->len;
	l->f->records++;
	return l->at % UNDO_SECTOR == 0 || l->at == l->image_len;
}

/* From the shortest to the longest that the image becomes. */
static bool span_fits(struct load *l, const struct undo_rec *rec)
{
	if (l->span || !range_in(rec->off, rec->len, INT64_MAX) ||
	    rec->off > l->image_len || rec->off + rec->len < l->image_len)
		return false;
	l->span = true;
	l->most = rec->off + rec->len;
	l->f->least = min_u64(l->f->least, rec->off);
	l->f->reach = max_u64(l->f->reach, l->most);
	return true;
}

static bool new_fits(const struct load *l, const struct undo_rec *rec)
{
	return l->span && rec->len && rec->off % UNDO_SECTOR == 0 &&
	       rec->len % UNDO_SECTOR == 0 &&
	       range_in(rec->off, rec->len, align_up(l->most, UNDO_SECTOR));
}

static int check_rec(void *arg, const struct undo_rec *rec,
		     struct vhd_error *err)
{
	struct load *l = arg;
	uint32_t crc = rec->crc;
	bool fits;
	int rc = 0;

	if (vhd_undo_is_old(rec))
		fits = old_fits(l, rec);
	else
		fits = rec->kind == UNDO_SPAN ? span_fits(l, rec) :
						new_fits(l, rec);
	if (!fits)
		return fail_corrupt(l->f, rec->data_off, "record", err);
	l->f->all_records++;
	if (rec->data_len)
		rc = crc_of(l->f, rec->data_off, rec->data_len, &crc, err);
	if (!rc && crc != rec->crc)
		rc = fail_corrupt(l->f, rec->data_off, "data", err);
	return rc;
}

static int load_part(struct undo_file *f, uint64_t pos, struct vhd_error *err)
{
	struct load l = { .f = f };
	struct part p = { .end = 0 };
	int rc = get_part(f, pos, &p, err);

	if (rc)
		return rc;
	if (p.prev != f->last_part ||
	    (!f->last_part && p.image_len != le64_get(f->header.length)))
		return fail_corrupt(f, pos, "part", err);
	l.image_len = p.image_len;
	rc = vhd_undo_file_each(f, pos, check_rec, &l, err);
	if (!rc && !l.span)
		rc = fail_corrupt(f, pos, "part", err);
	f->last_part = pos;
	f->parts_end = align_up(p.end, UNDO_SECTOR);
	return rc;
}

static int load_end(struct undo_file *f, const struct undo_rec_disk *r,
		    uint64_t pos, struct vhd_error *err)
{
	uint64_t len = le64_get(r->len), begin = pos + UNDO_SECTOR;
	uint32_t crc = 0;
	int rc;

	if (le64_get(r->off) > INT64_MAX || !range_in(begin, len, f->size) ||
	    len / 4 != f->records + UNDO_DIGESTS || len % 4)
		return fail_corrupt(f, pos, "end", err);
	rc = crc_of(f, begin, len, &crc, err);
	if (!rc && crc != le32_get(r->data_crc))
		rc = fail_corrupt(f, begin, "list of checksums", err);
	f->done = true;
	f->final_len = le64_get(r->off);
	f->reach = max_u64(f->reach, f->final_len);
	return rc;
}

/* What begins at @pos: a part, the end, or what was never finished (U1). */
static int load_one(struct undo_file *f, uint64_t pos, bool *more_out,
		    struct vhd_error *err)
{
	uint8_t sector[UNDO_SECTOR];
	struct undo_rec_disk r;
	int rc;

	*more_out = false;
	if (!range_in(pos, sizeof(sector), f->size))
		return 0;
	rc = vhd_io_read(f->io, sector, sizeof(sector), pos, err);
	if (rc || vhd_is_zero(sector, sizeof(sector)))
		return rc;
	rc = get_rec(f, pos, &r, "part", err);
	if (rc)
		return rc;
	if (le32_get(r.kind) == UNDO_DONE)
		return load_end(f, &r, pos, err);
	*more_out = true;
	return load_part(f, pos, err);
}

int vhd_undo_file_load(struct vhd_io *io, struct undo_file *f,
		   struct vhd_error *err)
{
	bool more = true;
	int rc;

	memset(f, 0, sizeof(*f));
	f->io = io;
	f->least = UINT64_MAX;
	rc = vhd_io_size(io, &f->size, err);
	if (!rc)
		rc = load_header(f, err);
	f->parts_end = sizeof(f->header);
	while (!rc && more)
		rc = load_one(f, f->parts_end, &more, err);
	if (!rc && !f->last_part)
		rc = fail_corrupt(f, f->parts_end, "first part", err);
	return vhd_err_file(err, rc, vhd_io_name(io));
}
