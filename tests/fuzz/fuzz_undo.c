/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Input: a byte whose lowest bit asks for fresh checksums (of the header and of
 * each record that can be found), then the bytes of an undo file.
 *
 * What loads can be walked from both ends: parts in order, each with records of
 * what was overwritten, which ascend and lie inside the image as it was then, and
 * then of what was written, in whole sectors and no further than the image ever
 * reached; as many of each as were counted.
 */
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "base/crc32c.h"
#include "io/io_mem.h"
#include "ops/undo_file.h"

enum { PARTS_MAX = 4096, INPUT_MAX = 1 << 20 };

struct seen {
	struct undo_file *f;
	uint64_t records, all, at;
	bool span;		/* it came in this part */
};

/* The sum of what follows, where that is known; then the record's own. */
static void seal_rec(uint8_t *data, size_t len, size_t pos)
{
	struct undo_rec_disk r;
	uint64_t from = pos + sizeof(r), n;

	memcpy(&r, data + pos, sizeof(r));
	n = le64_get(r.len);
	if (le32_get(r.kind) != UNDO_DONE)
		n = vhd_undo_rec_data(le32_get(r.kind), n);
	if (le32_get(r.kind) == UNDO_DONE)
		from = pos + UNDO_SECTOR;
	if (n && range_in(from, n, len))
		r.data_crc = le32_make(vhd_crc32c(0, data + from, (size_t)n));
	r.crc = le32_make(vhd_undo_rec_crc(&r));
	memcpy(data + pos, &r, sizeof(r));
}

/* Wherever a kind stands that could begin a record. */
static void seal(uint8_t *data, size_t len)
{
	struct undo_header_disk h;
	size_t pos = sizeof(h);

	if (len < sizeof(h))
		return;
	memcpy(&h, data, sizeof(h));
	h.crc = le32_make(vhd_undo_header_crc(&h));
	memcpy(data, &h, sizeof(h));
	for (; pos + sizeof(struct undo_rec_disk) <= len; pos += 4) {
		le32 kind;

		memcpy(&kind, data + pos, sizeof(kind));
		switch (le32_get(kind)) {
		case UNDO_PART:
		case UNDO_DATA:
		case UNDO_ZERO:
		case UNDO_HOLE:
		case UNDO_SPAN:
		case UNDO_NEW:
		case UNDO_BLANK:
		case UNDO_EDGE:
		case UNDO_DONE:
			seal_rec(data, len, pos);
			break;
		default:
			break;
		}
	}
}

static void on_old(struct seen *s, const struct undo_rec *rec)
{
	FUZZ_CHECK(!s->span && rec->len);
	FUZZ_CHECK(rec->off >= s->at && rec->off % UNDO_SECTOR == 0);
	FUZZ_CHECK(rec->off + rec->len <= s->f->reach);
	if (rec->kind == UNDO_DATA)
		FUZZ_CHECK(rec->len <= UNDO_DATA_MAX &&
			   rec->data_len == rec->len);
	s->at = rec->off + rec->len;
	s->records++;
}

static void on_new(struct seen *s, const struct undo_rec *rec)
{
	if (rec->kind == UNDO_SPAN) {
		FUZZ_CHECK(!s->span && rec->off >= s->f->least);
		FUZZ_CHECK(rec->off + rec->len <= s->f->reach);
		s->span = true;
		return;
	}
	FUZZ_CHECK(rec->kind == UNDO_NEW || rec->kind == UNDO_BLANK ||
		   rec->kind == UNDO_EDGE);
	FUZZ_CHECK(s->span && rec->len && rec->len % UNDO_SECTOR == 0);
	FUZZ_CHECK(rec->off % UNDO_SECTOR == 0 &&
		   rec->off + rec->len <= align_up(s->f->reach, UNDO_SECTOR));
	if (rec->kind == UNDO_NEW)
		FUZZ_CHECK(rec->len <= UNDO_NEW_MAX &&
			   rec->data_len == rec->len / UNDO_SECTOR * 4);
}

static int on_rec(void *arg, const struct undo_rec *rec, struct vhd_error *err)
{
	struct seen *s = arg;
	(void)err;

	FUZZ_CHECK(range_in(rec->off, rec->len, UINT64_C(1) << 63));
	FUZZ_CHECK(range_in(rec->data_off, rec->data_len, s->f->size));
	if (vhd_undo_is_old(rec))
		on_old(s, rec);
	else
		on_new(s, rec);
	s->all++;
	return 0;
}

/* From the first part on; returns how many there are. */
static unsigned forwards(struct undo_file *f)
{
	struct seen s = { .f = f };
	uint64_t pos = sizeof(f->header), next;
	struct vhd_error err;
	unsigned parts = 0;

	for (; pos < f->parts_end; pos = next) {
		FUZZ_CHECK(parts++ < PARTS_MAX);
		s.at = 0;
		s.span = false;
		fuzz_no_error(vhd_undo_file_each(f, pos, on_rec, &s, &err), &err);
		fuzz_no_error(vhd_undo_file_next(f, pos, &next, &err), &err);
		FUZZ_CHECK(next > pos && s.span);
	}
	FUZZ_CHECK(s.records == f->records && s.all == f->all_records);
	return parts;
}

static void backwards(struct undo_file *f, unsigned parts)
{
	uint64_t pos = f->last_part, prev;
	struct vhd_error err;

	while (pos) {
		FUZZ_CHECK(parts--);
		fuzz_no_error(vhd_undo_file_prev(f, pos, &prev, &err), &err);
		FUZZ_CHECK(prev < pos);
		pos = prev;
	}
	FUZZ_CHECK(!parts);
}

static void load(struct vhd_io *io)
{
	static struct undo_file f;
	struct vhd_error err;
	int rc;

	fuzz_error_arm(&err);
	rc = vhd_undo_file_load(io, &f, &err);
	fuzz_error_ok(rc, &err);
	if (rc) {
		FUZZ_CHECK(rc == VHD_E_CORRUPT || rc == VHD_E_UNSUPPORTED);
		return;
	}
	FUZZ_CHECK(f.last_part && f.parts_end > f.last_part);
	FUZZ_CHECK(memchr(f.header.name, 0, sizeof(f.header.name)));
	FUZZ_CHECK(f.reach >= le64_get(f.header.length) &&
		   f.least <= le64_get(f.header.length));
	backwards(&f, forwards(&f));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct vhd_io *io = NULL;
	uint8_t *copy;

	if (len < 1 || len > INPUT_MAX)
		return 0;
	copy = malloc(len);
	FUZZ_CHECK(copy);
	memcpy(copy, data + 1, len - 1);
	if (data[0] & 1)
		seal(copy, len - 1);
	fuzz_memory_reset();
	FUZZ_CHECK(!vhd_io_open_mem(copy, len - 1, &io, NULL));
	free(copy);
	load(io);
	FUZZ_CHECK(!vhd_io_close(&io, NULL));
	return 0;
}
