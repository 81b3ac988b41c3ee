/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Journals that rot, or that somebody made up.  Fields of the header and of notes
 * get other values, notes other bytes, places and neighbours, the file another end;
 * with the checksums as they were, or made right again.
 *
 * A journal is refused before anything has changed, or the image is what it was.
 * Where nothing in the journal could tell, the image at least becomes no longer.
 */
#include "crash/crash_journal.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/ckd.h"
#include "support/base_rand.h"
#include "xen/xen_journal.h"

enum { DAMAGES = 100, MORE = 4096 };

struct field {
	size_t off, len;
};

struct journal {
	uint8_t *b;
	size_t len;
	struct xen_journal_head head;
	size_t at[XEN_NOTES + 1];	/* of the notes, and the end */
	size_t count;
	bool loose;			/* nothing could tell */
};

static uint64_t get(const uint8_t *b, size_t len)
{
	uint64_t value = 0;

	while (len--)
		value = value << 8 | *b++;
	return value;
}

static void put(uint8_t *b, size_t len, uint64_t value)
{
	while (len--) {
		b[len] = (uint8_t)value;
		value >>= 8;
	}
}

/* False for one that has nothing to put back. */
static bool look(struct journal *j)
{
	size_t at = XEN_JOURNAL_HEAD;

	if (!vhd_xen_journal_decode(j->b, &j->head) ||
	    xen_journal_is_over(&j->head))
		return false;
	j->count = j->head.meta_count + j->head.data_count;
	CRASH_NEED(j->count && j->count < XEN_NOTES);
	for (size_t i = 0; i < j->count; i++) {
		j->at[i] = at;
		at += XEN_NOTE_HEAD + get(j->b + at + 12, 4);
	}
	j->at[j->count] = at;
	CRASH_NEED(at == j->head.end);
	return true;
}

static size_t size_of(const struct journal *j, size_t i)
{
	return j->at[i + 1] - j->at[i];
}

static void seal(struct journal *j, size_t i)
{
	uint8_t *b = j->b + j->at[i];
	uint32_t sum = vhd_xen_note_sum(b);

	sum = vhd_xen_byte_sum(sum, b + XEN_NOTE_HEAD,
			       size_of(j, i) - XEN_NOTE_HEAD);
	put(b + 24, 4, ~sum);
}

static void damage_field(uint8_t *b, size_t len, uint64_t *rng)
{
	uint64_t was = get(b, len);
	const uint64_t values[] = {
		0, 0, 1, 511, 512, was + 1, was - 1, was + 512, was - 512,
		was * 2, was << 32 | was, UINT32_MAX, UINT32_MAX - 511,
		INT64_MAX, INT64_MAX - 511, UINT64_MAX, UINT64_MAX - 511,
		base_rand(rng), base_rand(rng) % 64 * 512,
	};

	put(b, len, values[base_rand_below(rng, sizeof(values) / 8)]);
}

static void damage_head(struct journal *j, uint64_t *rng)
{
	static const struct field fields[] = {
		{ 0, 8 }, { 8, 8 }, { 16, 8 }, { 24, 8 }, { 32, 4 },
		{ 36, 4 }, { 40, 8 }, { 48, 8 }, { 56, 8 },
	};
	const struct field *f = &fields[base_rand_below(rng, 9)];

	damage_field(j->b + f->off, f->len, rng);
}

static void damage_note(struct journal *j, uint64_t *rng)
{
	static const struct field fields[] = {
		{ 0, 8 }, { 8, 4 }, { 12, 4 }, { 16, 8 }, { 24, 4 }, { 28, 4 },
	};
	size_t n = (size_t)base_rand_below(rng, j->count);
	const struct field *f = &fields[base_rand_below(rng, 6)];
	uint8_t *b = j->b + j->at[n] + f->off;

	if (f->off == 8 && base_rand_below(rng, 2))
		put(b, f->len, base_rand_below(rng, 10));
	else
		damage_field(b, f->len, rng);
	j->loose = base_rand_below(rng, 2);
	if (j->loose)
		seal(j, n);
}

static void damage_bytes(struct journal *j, uint64_t *rng)
{
	size_t n = (size_t)base_rand_below(rng, j->count);
	size_t len = size_of(j, n) - XEN_NOTE_HEAD;
	uint8_t *b = j->b + j->at[n] + XEN_NOTE_HEAD;
	size_t at = (size_t)base_rand_below(rng, len);

	if (base_rand_below(rng, 2))
		memset(b + align_down(at, 512), 0, 512);
	else
		b[at] ^= (uint8_t)(1 + base_rand_below(rng, 255));
	j->loose = base_rand_below(rng, 2);
	if (j->loose)
		seal(j, n);
}

/* Two notes change places; what they say does not change. */
static void damage_order(struct journal *j, uint64_t *rng)
{
	size_t n = (size_t)base_rand_below(rng, j->count), len, next;
	uint8_t *copy;

	if (n + 1 == j->count)
		return;
	len = size_of(j, n);
	next = size_of(j, n + 1);
	copy = crash_alloc(len, 1);
	memcpy(copy, j->b + j->at[n], len);
	memmove(j->b + j->at[n], j->b + j->at[n + 1], next);
	memcpy(j->b + j->at[n] + next, copy, len);
	free(copy);
}

/* One is there twice, or not at all, and the header knows. */
static void damage_count(struct journal *j, uint64_t *rng)
{
	size_t n = (size_t)base_rand_below(rng, j->count), len = size_of(j, n);
	bool twice = base_rand_below(rng, 2), data = n >= j->head.meta_count;
	size_t tail = j->len - j->at[n + 1];
	uint64_t step = twice ? len : -(uint64_t)len;

	j->loose = !twice;
	if (twice) {
		j->b = crash_grow(j->b, j->len + len, 1);
		memmove(j->b + j->at[n + 1] + len, j->b + j->at[n + 1], tail);
		memcpy(j->b + j->at[n + 1], j->b + j->at[n], len);
	} else {
		memmove(j->b + j->at[n], j->b + j->at[n + 1], tail);
	}
	j->len = twice ? j->len + len : j->len - len;
	if (data)
		j->head.data_count += twice ? 1 : UINT32_MAX;
	else
		j->head.meta_count += twice ? 1 : UINT32_MAX;
	j->head.data_off += data ? 0 : step;
	j->head.end += step;
	vhd_xen_journal_encode(&j->head, j->b);
}

static void damage_end(struct journal *j, uint64_t *rng)
{
	size_t n = (size_t)base_rand_below(rng, j->count + 1);
	size_t off = (size_t)base_rand_below(rng, 1100);

	j->len = j->at[n] > off ? j->at[n] - off : off;
}

static void damage(struct journal *j, uint64_t *rng)
{
	switch (base_rand_below(rng, 8)) {
	case 0:
	case 1:
		damage_head(j, rng);
		break;
	case 2:
	case 3:
		damage_note(j, rng);
		break;
	case 4:
		damage_bytes(j, rng);
		break;
	case 5:
		damage_order(j, rng);
		break;
	case 6:
		damage_count(j, rng);
		break;
	default:
		damage_end(j, rng);
		break;
	}
}

/* All of it, and a little of what lies behind. */
static struct journal read_journal(struct crash_base *base)
{
	struct crash_file *f = crash_file_new();
	struct journal j = { 0 };
	uint8_t raw[XEN_JOURNAL_HEAD];

	crash_file_reset(f, base);
	crash_file_read(f, raw, sizeof(raw), 0);
	if (vhd_xen_journal_decode(raw, &j.head))
		j.len = (size_t)j.head.end + MORE;
	j.len = (size_t)min_u64(max_u64(j.len, sizeof(raw)),
				crash_file_size(f));
	j.b = crash_alloc(j.len, 1);
	crash_file_read(f, j.b, j.len, 0);
	crash_file_free(f);
	return j;
}

static void judge(struct damage_scene *s, const struct journal *j,
		  struct crash_file *const f[FILES])
{
	uint64_t size = crash_file_size(f[IMAGE]);
	struct history hist = { 0 };
	struct vhd_error err = { 0 };
	int rc = tap_revert(f, &hist, &err);

	s->count++;
	if (rc) {
		s->refused++;
		if (hist.count || !err.msg[0])
			crash_fail(s->fail, "it is refused (%s), and something "
				   "has changed", err.msg);
	} else if (!j->loose && !same_bytes(f[IMAGE], s->before)) {
		crash_fail(s->fail, "it is taken, and the image is not what it "
			   "was");
	} else if (crash_file_size(f[IMAGE]) > size) {
		crash_fail(s->fail, "the image has become longer");
	}
	history_free(&hist);
}

bool journal_damages(struct damage_scene *s)
{
	struct crash_file *f[FILES] = { crash_file_new(), crash_file_new() };
	bool any = true;

	for (uint64_t i = 0; any && i < DAMAGES && !crash_failed(s->fail);
	     i++) {
		struct journal j = read_journal(s->journal);
		uint64_t rng = s->rng * 1000 + i;

		base_rand(&rng);
		any = look(&j);
		if (any) {
			damage(&j, &rng);
			/* Without counts it is one of a resize that is over. */
			j.loose |= !get(j.b + 32, 4) && !get(j.b + 36, 4);
			crash_file_reset(f[IMAGE], s->image);
			crash_file_reset(f[JOURNAL], NULL);
			crash_file_write(f[JOURNAL], j.b, j.len, 0);
			judge(s, &j, f);
			crash_context(s->fail, "damage %" PRIu64, i);
		}
		free(j.b);
	}
	for (int i = 0; i < FILES; i++)
		crash_file_free(f[i]);
	return !crash_failed(s->fail);
}
