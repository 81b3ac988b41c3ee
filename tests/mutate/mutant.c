/* SPDX-License-Identifier: BSD-2-Clause */
#include "mutate/mutant.h"

#include <inttypes.h>
#include <string.h>

#include "base/ckd.h"
#include "fuzz/fuzz_reseal.h"

enum { RUN_MAX = 256 };

struct making {
	const struct target *t;
	struct random *r;
	struct fuzz_file *f;
	FILE *why;
};

static void tell(const struct making *m, const char *what,
		 const struct structure *s, uint64_t at, uint64_t n)
{
	if (m->why)
		fprintf(m->why, "\t%s, %s + %" PRIu64 " (0x%" PRIx64 "): 0x%"
			PRIx64 "\n", what, s ? s->name : "file",
			s ? at - s->off : at, at, n);
}

static const struct structure *any_part(const struct making *m)
{
	return &m->t->part[random_below(m->r, m->t->count)];
}

/* A number that is worth trying. */
static uint64_t interesting(const struct making *m)
{
	static const uint64_t plain[] = {
		0, 1, 2, 3, 4, 5, 6, 7, 8, 63, 64, 127, 128, 255, 256, 511,
		512, 1023, 1024, 2046, 2047, 2048, 4095, 4096, 32767, 65535,
		65536, INT32_MAX, UINT32_MAX, UINT32_MAX - 1, INT64_MAX,
		UINT64_MAX, UINT64_MAX - 511, UINT64_MAX - 0xfffff,
		UINT64_C(1) << 62, UINT64_C(1) << 63,
	};
	uint64_t v;

	switch (random_below(m->r, 5)) {
	case 0:
		return plain[random_below(m->r,
					  sizeof(plain) / sizeof(plain[0]))];
	case 1:
		v = UINT64_C(1) << random_below(m->r, 64);
		return v + random_below(m->r, 3) - 1;
	case 2:
		return random_next(m->r) >> random_below(m->r, 64);
	case 3:
		/* Aligned to sectors, pages or MiB, inside the file or near. */
		v = random_below(m->r, m->t->base->size * 2);
		v = align_down(v, UINT64_C(512) <<
				  random_below(m->r, 2) * 11);
		return one_in(m->r, 2) ? v : v / 512;
	default:
		v = m->t->value[random_below(m->r, m->t->value_count)];
		v += (random_below(m->r, 5) - 2) *
		     (UINT64_C(1) << random_below(m->r, 21));
		return one_in(m->r, 4) ? v / 512 : v;
	}
}

static uint64_t field_get(const struct making *m, const struct structure *s,
			  uint64_t at, size_t len)
{
	uint8_t raw[8];
	uint64_t v = 0;
	size_t i;

	fuzz_file_get(m->f, raw, len, at);
	for (i = 0; i < len; i++)
		v = v << 8 | raw[s->big_endian ? i : len - 1 - i];
	return v;
}

static void field_put(const struct making *m, const struct structure *s,
		      uint64_t at, size_t len, uint64_t v)
{
	uint8_t raw[8];
	size_t i;

	for (i = 0; i < len; i++, v >>= 8)
		raw[s->big_endian ? len - 1 - i : i] = (uint8_t)v;
	fuzz_file_put(m->f, raw, len, at);
}

/* Some field of some element; the length is 8 at most. */
static uint64_t any_field(const struct making *m, const struct structure *s,
			  size_t *len_out)
{
	const struct field *fd =
		&s->field[random_below(m->r, s->field_count)];
	uint64_t n = s->len / s->stride;

	*len_out = (size_t)min_u64(fd->len, 8);
	return s->off + random_below(m->r, n ? n : 1) * s->stride + fd->off;
}

static void change_field(const struct making *m)
{
	const struct structure *s = any_part(m), *other;
	size_t len, other_len;
	uint64_t at = any_field(m, s, &len), v, from;

	switch (random_below(m->r, 4)) {
	case 0:
		v = field_get(m, s, at, len) + random_below(m->r, 33) - 16;
		break;
	case 1:
		v = field_get(m, s, at, len) ^
		    UINT64_C(1) << random_below(m->r, 8 * len);
		break;
	case 2:
		other = any_part(m);
		from = any_field(m, other, &other_len);
		v = field_get(m, other, from, other_len);
		break;
	default:
		v = interesting(m);
		break;
	}
	tell(m, "field", s, at, v);
	field_put(m, s, at, len, v);
}

/* A range of @s, at most RUN_MAX bytes. */
static uint64_t any_range(const struct making *m, const struct structure *s,
			  size_t *len_out)
{
	uint64_t len = 1 + random_below(m->r, min_u64(s->len, RUN_MAX));

	*len_out = (size_t)len;
	return s->off + random_below(m->r, s->len - len + 1);
}

static void flip_bits(const struct making *m)
{
	const struct structure *s = any_part(m);
	uint64_t n = 1 + random_below(m->r, 8);

	while (n--) {
		uint64_t at = s->off + random_below(m->r, s->len);
		uint8_t b;

		fuzz_file_get(m->f, &b, 1, at);
		b = (uint8_t)(b ^ 1u << random_below(m->r, 8));
		tell(m, "bit", s, at, b);
		fuzz_file_put(m->f, &b, 1, at);
	}
}

static void fill_range(const struct making *m)
{
	static const uint8_t usual[] = { 0x00, 0xff, 0x01, 0x80, 0x41 };
	const struct structure *s = any_part(m);
	uint8_t buf[RUN_MAX];
	size_t len, i;
	uint64_t at = any_range(m, s, &len);
	uint8_t byte = usual[random_below(m->r, sizeof(usual))];
	bool noise = one_in(m->r, 3);

	for (i = 0; i < len; i++)
		buf[i] = noise ? (uint8_t)random_next(m->r) : byte;
	tell(m, noise ? "noise" : "fill", s, at, len);
	fuzz_file_put(m->f, buf, len, at);
}

/* Moves bytes from one structure into another, or swaps two ranges of one. */
static void copy_range(const struct making *m)
{
	const struct structure *s = any_part(m);
	const struct structure *from = one_in(m->r, 2) ? any_part(m) : s;
	uint8_t a[RUN_MAX], b[RUN_MAX];
	size_t len, from_len;
	uint64_t at = any_range(m, s, &len);
	uint64_t src = any_range(m, from, &from_len);

	if (one_in(m->r, 2)) {
		/* Whole elements, the most likely thing to be taken for good. */
		at = s->off + align_down(at - s->off, s->stride);
		src = from->off + align_down(src - from->off, from->stride);
		len = (size_t)min_u64(s->stride, RUN_MAX);
	}
	fuzz_file_get(m->f, a, len, src);
	fuzz_file_get(m->f, b, len, at);
	tell(m, "copy from", s, at, src);
	fuzz_file_put(m->f, a, len, at);
	if (from == s && one_in(m->r, 2))
		fuzz_file_put(m->f, b, len, src);
}

static void change_size(const struct making *m)
{
	uint64_t size = m->f->size;

	switch (random_below(m->r, 6)) {
	case 0:
		size = random_below(m->r, size + 1);
		break;
	case 1:
		size = align_down(random_below(m->r, size + 1), 512);
		break;
	case 2:
		size -= min_u64(size, 1 + random_below(m->r, 1024));
		break;
	case 3:
		size += 1 + random_below(m->r, 4096);
		break;
	case 4:
		size += (1 + random_below(m->r, 64)) * MiB;
		break;
	default:
		size = interesting(m);
		break;
	}
	size &= INT64_MAX;
	tell(m, "size", NULL, m->f->size, size);
	m->f->size = size;
}

/* Structures as they were, at a place where nobody put them. */
static void move_tail(const struct making *m)
{
	uint8_t footer[512];

	fuzz_file_get(m->f, footer, sizeof(footer), m->f->size - 512);
	change_size(m);
	if (m->f->size >= 512)
		fuzz_file_put(m->f, footer, sizeof(footer), m->f->size - 512);
}

static void change(const struct making *m)
{
	uint64_t n = random_below(m->r, 100);

	if (n < 60)
		change_field(m);
	else if (n < 70)
		flip_bits(m);
	else if (n < 80)
		fill_range(m);
	else if (n < 92)
		copy_range(m);
	else if (n < 96 || m->f->size < 512)
		change_size(m);
	else
		move_tail(m);
}

void mutant_make(const struct target *t, struct random *r, struct fuzz_file *f,
		 FILE *why)
{
	struct making m = { t, r, f, why };
	unsigned n = 1;

	fuzz_file_reset(f, t->base);
	while (n < 4 && one_in(r, 3))
		n++;
	while (n--)
		change(&m);
	if (!one_in(r, 5)) {
		if (why)
			fprintf(why, "\tchecksums renewed\n");
		fuzz_reseal(f);
	}
}
