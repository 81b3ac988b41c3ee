/* SPDX-License-Identifier: BSD-2-Clause */
#include "crash/crash_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "base/zero.h"

#define MAGIC UINT64_C(0x504d4154534c4844)

enum kind { ZEROS, STAMP, BYTES };

struct version {
	uint32_t older;		/* index, 0 is none */
	uint32_t op;
	uint32_t ack;
	uint32_t begin;
	enum kind kind;
	uint8_t *bytes;		/* BYTES: an edge of an unaligned operation */
};

struct flush {
	uint32_t op;
	size_t end;
};

struct crash_model {
	uint64_t seed;
	uint64_t sectors;
	uint32_t *newest;		/* by sector; never 0 */
	bool *parent;			/* is it a stamp in the parent? */
	bool parent_borrowed;
	struct version *v;		/* [0] is not used, [1] is zeros */
	uint32_t count, room;
	uint32_t borrowed;		/* bytes below are another model's */
	struct flush *flush;
	size_t flush_count;
};

static uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	x ^= x >> 27;
	x *= UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* Says who wrote it, and is nowhere zero. */
static void stamp(uint64_t seed, uint32_t op, uint64_t sec,
		  uint8_t out[CRASH_SEC])
{
	uint64_t w[CRASH_SEC / 8], h = mix(seed ^ mix(sec << 32 ^ op)) | 1;

	for (size_t i = 0; i < CRASH_SEC / 8; i++)
		w[i] = (h + i * UINT64_C(0x9e3779b97f4a7c15)) | 1;
	w[0] = MAGIC;
	w[1] = seed;
	w[2] = op;
	w[3] = sec;
	memcpy(out, w, CRASH_SEC);
}

static uint32_t add(struct crash_model *m, struct version v)
{
	if (m->count == m->room) {
		m->room = m->room ? 2 * m->room : 1024;
		m->v = crash_grow(m->v, m->room, sizeof(*m->v));
	}
	m->v[m->count] = v;
	return m->count++;
}

static struct crash_model *model_new(uint64_t seed, uint64_t sectors)
{
	struct crash_model *m = crash_alloc(1, sizeof(*m));

	m->seed = seed;
	m->sectors = sectors;
	m->newest = crash_alloc(sectors, sizeof(*m->newest));
	add(m, (struct version){ 0 });
	add(m, (struct version){ .kind = ZEROS });
	return m;
}

struct crash_model *crash_model_new(uint64_t seed, uint64_t size)
{
	struct crash_model *m = model_new(seed, div_ceil(size, CRASH_SEC));

	for (uint64_t i = 0; i < m->sectors; i++)
		m->newest[i] = 1;
	m->borrowed = m->count;
	m->parent = crash_alloc(m->sectors, sizeof(*m->parent));
	return m;
}

/* Sectors with one content share it, so that a walk over them is short. */
static uint32_t settle(struct crash_model *m, const struct version *v)
{
	const struct version *last = &m->v[m->count - 1];

	if (v->kind == ZEROS)
		return 1;
	if (v->kind == STAMP && last->kind == STAMP && last->op == v->op)
		return m->count - 1;
	return add(m, (struct version){ .op = v->op, .kind = v->kind,
					.bytes = v->bytes });
}

struct crash_model *crash_model_fork(const struct crash_model *from,
				     const uint32_t *version)
{
	struct crash_model *m = model_new(from->seed, from->sectors);

	for (uint64_t i = 0; i < m->sectors; i++)
		m->newest[i] = settle(m, &from->v[version ? version[i] :
						  from->newest[i]]);
	m->borrowed = m->count;
	m->parent = from->parent;
	m->parent_borrowed = true;
	return m;
}

void crash_model_free(struct crash_model *m)
{
	if (!m)
		return;
	for (uint32_t i = m->borrowed; i < m->count; i++)
		free(m->v[i].bytes);
	free(m->v);
	if (!m->parent_borrowed)
		free(m->parent);
	free(m->newest);
	free(m->flush);
	free(m);
}

uint64_t crash_model_sectors(const struct crash_model *m)
{
	return m->sectors;
}

void crash_model_preset(struct crash_model *m, uint64_t sec)
{
	m->newest[sec] = add(m, (struct version){ .op = CRASH_OP_PARENT,
						  .kind = STAMP });
	m->parent[sec] = true;
}

static void content(const struct crash_model *m, const struct version *v,
		    uint64_t sec, uint8_t out[CRASH_SEC])
{
	switch (v->kind) {
	case ZEROS:
		memset(out, 0, CRASH_SEC);
		return;
	case STAMP:
		stamp(m->seed, v->op, sec, out);
		return;
	case BYTES:
		memcpy(out, v->bytes, CRASH_SEC);
		return;
	}
}

void crash_model_newest(const struct crash_model *m, uint64_t sec, void *buf)
{
	content(m, &m->v[m->newest[sec]], sec, buf);
}

/* A sector of a range: the part of it that the range covers. */
struct part {
	uint64_t sec;
	size_t from, len;
};

static bool next_part(struct part *p, uint64_t *off, uint64_t *len)
{
	if (!*len)
		return false;
	p->sec = *off / CRASH_SEC;
	p->from = *off % CRASH_SEC;
	p->len = (size_t)min_u64(*len, CRASH_SEC - p->from);
	*off += p->len;
	*len -= p->len;
	return true;
}

void crash_model_data(const struct crash_model *m, uint32_t op, void *buf,
		      uint64_t len, uint64_t off)
{
	uint8_t *out = buf, sector[CRASH_SEC];
	struct part p;

	while (next_part(&p, &off, &len)) {
		stamp(m->seed, op, p.sec, sector);
		memcpy(out, sector + p.from, p.len);
		out += p.len;
	}
}

static void change(struct crash_model *m, enum kind kind, uint32_t op,
		   const struct part *p, size_t begin)
{
	struct version v = {
		.older = m->newest[p->sec], .op = op, .ack = CRASH_OP_NEVER,
		.begin = (uint32_t)begin, .kind = kind,
	};
	uint8_t sector[CRASH_SEC];

	if (p->len < CRASH_SEC) {
		v.bytes = crash_alloc(1, CRASH_SEC);
		crash_model_newest(m, p->sec, v.bytes);
		content(m, &v, p->sec, sector);
		memcpy(v.bytes + p->from, sector + p->from, p->len);
		v.kind = BYTES;
	}
	m->newest[p->sec] = add(m, v);
}

void crash_model_write(struct crash_model *m, uint32_t op, uint64_t len,
		       uint64_t off, size_t begin)
{
	struct part p;

	while (next_part(&p, &off, &len))
		change(m, STAMP, op, &p, begin);
}

void crash_model_zero(struct crash_model *m, uint32_t op, uint64_t len,
		      uint64_t off, size_t begin)
{
	struct part p;

	while (next_part(&p, &off, &len))
		change(m, ZEROS, op, &p, begin);
}

void crash_model_ack(struct crash_model *m, uint32_t op, uint32_t ack,
		     uint64_t len, uint64_t off)
{
	struct part p;

	while (next_part(&p, &off, &len)) {
		uint32_t i = m->newest[p.sec];

		while (i && (m->v[i].op != op || m->v[i].ack != CRASH_OP_NEVER))
			i = m->v[i].older;
		if (i)
			m->v[i].ack = ack;
	}
}

void crash_model_flushed(struct crash_model *m, uint32_t op, size_t end)
{
	m->flush = crash_grow(m->flush, m->flush_count + 1, sizeof(*m->flush));
	m->flush[m->flush_count++] = (struct flush){ op, end };
}

struct crash_cut crash_model_cut(const struct crash_model *m, size_t before,
				 int64_t last)
{
	struct crash_cut cut = { 0, last };

	for (size_t i = 0; i < m->flush_count; i++) {
		if (m->flush[i].end <= before && m->flush[i].op > cut.covered)
			cut.covered = m->flush[i].op;
	}
	return cut;
}

/* The next content, from the newest down, that a sector may hold; 0: no more. */
static uint32_t next_possible(const struct crash_model *m, uint32_t i,
			      const struct crash_cut *cut)
{
	while (i && m->v[i].ack > cut->covered &&
	       (int64_t)m->v[i].begin > cut->last)
		i = m->v[i].older;
	return i;
}

static uint32_t after(const struct crash_model *m, uint32_t i,
		      const struct crash_cut *cut)
{
	return m->v[i].ack <= cut->covered ? 0 : m->v[i].older;
}

static bool is(const struct crash_model *m, uint32_t version,
		    uint64_t sec, const uint8_t bytes[CRASH_SEC])
{
	uint8_t sector[CRASH_SEC];

	content(m, &m->v[version], sec, sector);
	return !memcmp(sector, bytes, CRASH_SEC);
}

static bool is_zero(const struct crash_model *m, uint32_t version)
{
	const struct version *v = &m->v[version];

	return v->kind == ZEROS ||
	       (v->kind == BYTES && vhd_is_zero(v->bytes, CRASH_SEC));
}

bool crash_model_match(const struct crash_model *m, uint64_t sec,
		       const uint8_t bytes[CRASH_SEC],
		       const struct crash_cut *cut, uint32_t *version_out)
{
	uint32_t i = next_possible(m, m->newest[sec], cut);

	for (; i; i = next_possible(m, after(m, i, cut), cut)) {
		if (!is(m, i, sec, bytes))
			continue;
		*version_out = i;
		return true;
	}
	return false;
}

bool crash_model_match_zero(const struct crash_model *m, uint64_t sec,
			    const struct crash_cut *cut,
			    uint32_t *version_out)
{
	uint32_t i = next_possible(m, m->newest[sec], cut);

	for (; i; i = next_possible(m, after(m, i, cut), cut)) {
		if (!is_zero(m, i))
			continue;
		*version_out = i;
		return true;
	}
	return false;
}

static bool is_parent(const struct crash_model *m, uint32_t version,
			   uint64_t sec)
{
	const struct version *v = &m->v[version];

	if (m->parent[sec])
		return v->kind == STAMP && v->op == CRASH_OP_PARENT;
	return is_zero(m, version);
}

bool crash_model_match_parent(const struct crash_model *m, uint64_t sec,
			      const struct crash_cut *cut,
			      uint32_t *version_out)
{
	uint32_t i = next_possible(m, m->newest[sec], cut);

	for (; i; i = next_possible(m, after(m, i, cut), cut)) {
		if (!is_parent(m, i, sec))
			continue;
		*version_out = i;
		return true;
	}
	return false;
}

static void look_like(const struct crash_model *m, const uint8_t *bytes,
		      char *text, size_t room)
{
	uint64_t w[4];

	memcpy(w, bytes, sizeof(w));
	if (vhd_is_zero(bytes, CRASH_SEC))
		snprintf(text, room, "zeros");
	else if (w[0] == MAGIC && w[1] == m->seed)
		snprintf(text, room, "what operation %" PRIu64
			 " wrote to sector %" PRIu64, w[2], w[3]);
	else
		snprintf(text, room, "strange bytes %02x %02x %02x %02x ...",
			 bytes[0], bytes[1], bytes[2], bytes[3]);
}

void crash_model_explain(const struct crash_model *m, uint64_t sec,
			 const uint8_t bytes[CRASH_SEC],
			 const struct crash_cut *cut, char *text, size_t room)
{
	static const char *const names[] = { "zeros", "stamp", "mixture" };
	uint32_t i = next_possible(m, m->newest[sec], cut);
	size_t len;

	look_like(m, bytes, text, room);
	len = strlen(text);
	snprintf(text + len, room - len, "; allowed:");
	for (; i; i = next_possible(m, after(m, i, cut), cut)) {
		const struct version *v = &m->v[i];

		len = strlen(text);
		snprintf(text + len, room - len, " [%s of op %" PRIu32 "%s]",
			 names[v->kind], v->op,
			 v->ack <= cut->covered ? ", flushed" : "");
	}
}
