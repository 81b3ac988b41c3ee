/* SPDX-License-Identifier: BSD-2-Clause */
#include "crash/crash_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "support/base_rand.h"

void crash_state_init(struct crash_state *s, size_t count)
{
	memset(s, 0, sizeof(*s));
	s->count = count;
	s->here = crash_alloc(count, sizeof(*s->here));
	s->tear = crash_alloc(count, sizeof(*s->tear));
	s->order = crash_alloc(count, sizeof(*s->order));
}

void crash_state_free(struct crash_state *s)
{
	free(s->here);
	free(s->tear);
	free(s->order);
	memset(s, 0, sizeof(*s));
}

static void clear(struct crash_state *s)
{
	for (size_t i = 0; i < s->count; i++) {
		s->here[i] = false;
		s->tear[i] = (struct crash_tear){ CRASH_WHOLE, 0 };
		s->order[i] = i;
	}
	s->torn = s->mixed = false;
}

static void take(struct crash_state *s, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		s->here[i] = true;
}

static void tear_one(struct crash_state *s, const struct crash_op *op,
		     size_t i, uint64_t *rng)
{
	uint64_t n = crash_op_sectors(op);

	if (n < 2 || !s->here[i])
		return;
	s->tear[i].how = (enum crash_tear_how)
		(CRASH_PREFIX + base_rand_below(rng, 4));
	s->tear[i].arg = s->tear[i].how <= CRASH_SUFFIX ?
			 1 + base_rand_below(rng, n - 1) : base_rand(rng);
	s->torn = true;
}

/* Operations change places, so that the last one on a sector may be any. */
static void shuffle(struct crash_state *s, uint64_t *rng)
{
	for (size_t i = s->count; i > 1; i--) {
		size_t j = (size_t)base_rand_below(rng, i);
		size_t was = s->order[i - 1];

		s->order[i - 1] = s->order[j];
		s->order[j] = was;
	}
	s->mixed = true;
}

static void draw_subset(struct crash_state *s, uint64_t *rng)
{
	size_t i, n = s->count;
	size_t one = (size_t)base_rand_below(rng, n);
	uint64_t odds;

	switch (base_rand_below(rng, 6)) {
	case 0:
		take(s, 0, n);
		return;
	case 1:
		take(s, 0, one + 1);
		return;
	case 2:
		take(s, 0, n);
		s->here[one] = false;
		return;
	case 3:
		s->here[one] = true;
		return;
	case 4:
		/* An order that most disks keep, with one that got lost. */
		take(s, 0, one + 1);
		s->here[base_rand_below(rng, one + 1)] = false;
		return;
	default:
		break;
	}
	odds = 1 + base_rand_below(rng, 7);
	for (i = 0; i < n; i++)
		s->here[i] = base_rand_below(rng, 8) < odds;
}

static void draw_random(struct crash_state *s, const struct crash_epoch *e,
			uint64_t *rng)
{
	uint64_t tears = base_rand_below(rng, 4);
	size_t i, last = 0;

	draw_subset(s, rng);
	for (i = 0; i < s->count; i++) {
		if (s->here[i])
			last = i;
	}
	if (tears == 1) {
		tear_one(s, &e->op[last], last, rng);
	} else if (tears == 2) {
		i = (size_t)base_rand_below(rng, s->count);
		tear_one(s, &e->op[i], i, rng);
	} else if (tears == 3) {
		for (i = 0; i < s->count; i++) {
			if (base_rand_below(rng, 2))
				tear_one(s, &e->op[i], i, rng);
		}
	}
	if (base_rand_below(rng, 6) == 0)
		shuffle(s, rng);
}

void crash_state_draw(struct crash_state *s, const struct crash_epoch *e,
		      uint64_t k)
{
	uint64_t rng = e->seed + k * UINT64_C(0xd6e8feb86659fd93) + 1;
	size_t n = e->count;

	clear(s);
	if (!n || k == 0)
		return;
	if (e->all && k < UINT64_C(1) << n) {
		for (size_t i = 0; i < n; i++)
			s->here[i] = k >> i & 1;
		return;
	}
	base_rand(&rng);
	if (k == 1)
		take(s, 0, n);
	else
		draw_random(s, e, &rng);
}

void crash_state_apply(const struct crash_state *s,
		       const struct crash_epoch *e, struct crash_file *f)
{
	for (size_t i = 0; i < s->count; i++) {
		size_t at = s->order[i];

		if (s->here[at])
			crash_op_apply(&e->op[at], &s->tear[at], f);
	}
}

int64_t crash_state_last(const struct crash_state *s)
{
	int64_t last = -1;

	for (size_t i = 0; i < s->count; i++) {
		if (s->here[i])
			last = (int64_t)i;
	}
	return last;
}

uint64_t crash_state_hash(const struct crash_state *s)
{
	uint64_t h = 1;

	for (size_t i = 0; i < s->count; i++) {
		size_t at = s->order[i];

		h = h * UINT64_C(0x9e3779b97f4a7c15) + 1;
		if (!s->here[at])
			continue;
		h ^= (at + 1) * UINT64_C(0xbf58476d1ce4e5b9);
		h = h * 31 + (uint64_t)s->tear[at].how;
		h = h * UINT64_C(0x94d049bb133111eb) + s->tear[at].arg;
		h ^= h >> 29;
	}
	return h;
}

void crash_state_text(const struct crash_state *s, size_t first, char *text,
		      size_t room)
{
	size_t len = 0;

	*text = '\0';
	for (size_t i = 0; i < s->count && len + 16 < room; i++) {
		size_t at = s->order[i];

		if (!s->here[at])
			continue;
		len += (size_t)snprintf(text + len, room - len, "%s%zu%s",
					len ? " " : "", first + at,
					s->tear[at].how ? "t" : "");
	}
}
