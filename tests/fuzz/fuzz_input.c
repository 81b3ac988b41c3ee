/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz_input.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/ckd.h"
#include "base/zero.h"
#include "fuzz/fuzz.h"

/*
 * A file of which all is data may take a call for each of its pages, and a
 * transfer in small parts one for each of them; what is tested is not how long
 * that takes.
 */
#define FUZZ_FLAT_MAX (64 * MiB)
#define FUZZ_SHORT_MIN 256u

/* So many zeros in a row end a piece: they cost as much as a new one. */
enum { GAP = 16 };

struct head_disk {
	uint8_t	flags;
	uint8_t	count;
	le16	short_io;
	le64	size;
};
_Static_assert(sizeof(struct head_disk) == FUZZ_INPUT_HEAD, "head size");

struct piece_disk {
	le64	off;
	le32	len;
};
_Static_assert(sizeof(struct piece_disk) == FUZZ_INPUT_PIECE, "piece size");

uint32_t fuzz_input_load(const uint8_t *data, size_t len, struct fuzz_file *f)
{
	struct head_disk head = { 0 };
	size_t count, at, i;

	fuzz_file_reset(f, NULL);
	memcpy(&head, data, min_u64(len, sizeof(head)));
	f->size = le64_get(head.size) & INT64_MAX;
	f->short_io = le16_get(head.short_io);
	if (f->short_io)
		f->short_io = (size_t)max_u64(f->short_io, FUZZ_SHORT_MIN);
	count = min_u64(head.count, FUZZ_INPUT_PIECES);
	at = FUZZ_INPUT_HEAD + count * FUZZ_INPUT_PIECE;
	for (i = 0; i < count && at < len; i++) {
		struct piece_disk piece;
		size_t n;

		memcpy(&piece, data + FUZZ_INPUT_HEAD + i * sizeof(piece),
		       sizeof(piece));
		n = (size_t)min_u64(le32_get(piece.len), len - at);
		fuzz_file_put(f, data + at, n, le64_get(piece.off));
		at += n;
	}
	f->flat = head.flags & FUZZ_INPUT_FLAT && f->size <= FUZZ_FLAT_MAX;
	return head.flags;
}

struct pieces {
	uint32_t count;
	uint32_t flags;
	struct piece_disk piece[FUZZ_INPUT_PIECES];
	uint8_t *bytes;
	size_t len, room;
};

static void add_piece(struct pieces *p, uint64_t off, const uint8_t *bytes,
		      size_t len)
{
	struct piece_disk *last;

	if (p->count) {
		last = &p->piece[p->count - 1];
		if (le64_get(last->off) + le32_get(last->len) == off) {
			last->len = le32_make(le32_get(last->len) +
					      (uint32_t)len);
			goto append;
		}
	}
	if (p->count == FUZZ_INPUT_PIECES)
		return;
	p->piece[p->count++] = (struct piece_disk){
		le64_make(off), le32_make((uint32_t)len)
	};
append:
	if (p->len + len > p->room) {
		p->room = (p->len + len) * 2;
		p->bytes = realloc(p->bytes, p->room);
		FUZZ_CHECK(p->bytes);
	}
	memcpy(p->bytes + p->len, bytes, len);
	p->len += len;
}

/* The pieces of one page. */
static void add_page(struct pieces *p, uint64_t off,
		     const uint8_t page[FUZZ_PAGE])
{
	size_t at = 0, start, zeros;

	while (at < FUZZ_PAGE) {
		if (!page[at]) {
			at++;
			continue;
		}
		for (start = at, zeros = 0; at < FUZZ_PAGE && zeros < GAP; at++)
			zeros = page[at] ? 0 : zeros + 1;
		add_piece(p, off + start, page + start, at - start - zeros);
	}
}

uint8_t *fuzz_input_make(const struct fuzz_file *f, uint32_t flags,
			 size_t *len_out)
{
	struct pieces p = { .flags = flags };
	uint8_t page[FUZZ_PAGE];
	uint64_t off = fuzz_file_next(f, 0);
	struct head_disk head;
	uint8_t *out;
	size_t table;

	for (; off != UINT64_MAX; off = fuzz_file_next(f, off + FUZZ_PAGE)) {
		fuzz_file_get(f, page, sizeof(page), off);
		add_page(&p, off, page);
	}
	head = (struct head_disk){
		.flags = (uint8_t)flags, .count = (uint8_t)p.count,
		.short_io = le16_make((uint16_t)f->short_io),
		.size = le64_make(f->size),
	};
	table = p.count * sizeof(p.piece[0]);
	out = malloc(sizeof(head) + table + p.len + 1);
	FUZZ_CHECK(out);
	memcpy(out, &head, sizeof(head));
	memcpy(out + sizeof(head), p.piece, table);
	if (p.len)
		memcpy(out + sizeof(head) + table, p.bytes, p.len);
	free(p.bytes);
	*len_out = sizeof(head) + table + p.len;
	return out;
}
