/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between two flushes lies an epoch.  When power fails in it, everything before
 * it is in the file, and of its own operations any may be, in any order, torn at
 * sector borders.
 *
 * One such state can come from several moments: from each one behind the last
 * operation that left a trace, up to the flush that ends the epoch.  A state has
 * to satisfy the guest for all of them, so the latest moment says which contents
 * are flushed, and the earliest one which contents can have begun.
 *
 * A state is opened for reading.  Some are then opened for writing, which
 * replays and mends, used a little and closed; and of that trace again some
 * states are built, as power may fail while an earlier failure is mended.
 */
#include "crash/crash_hunt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "crash/crash_state.h"
#include "crash/crash_verify.h"
#include "crash/crash_work.h"
#include "support/base_rand.h"

enum {
	ALL_MAX = 8,		/* operations whose subsets are all looked at */
	AGAIN_STATES = 12,	/* of an epoch after a first cut */
	SEEN = 1 << 14,
	DEEP_OP = 100000	/* operations after a first cut: numbers from here */
};

/* Where a hunt is. */
struct hunting {
	struct crash_hunt *h;
	const struct crash_prey *prey;
	struct crash_file *before;	/* what is durable */
	struct crash_file *file;	/* a state */
	struct crash_base *durable;
	uint32_t *found;
	uint64_t *seen;
	bool again;			/* this trace mended a cut */
};

static bool hunt(struct crash_hunt *h, const struct crash_prey *prey,
		 bool again, uint64_t states);

/* Looked at in this epoch?  Remembers. */
static bool is_known(struct hunting *g, uint64_t hash)
{
	uint64_t *slot = &g->seen[hash % SEEN];

	if (*slot == hash)
		return true;
	*slot = hash;
	return false;
}

/* Cuts the mending of a state. */
static bool cut_again(struct hunting *g, struct crash_disk *d,
		      struct crash_base *base)
{
	struct crash_ops ops;
	const struct crash_prey prey = { base, &ops, d->model };
	bool ok;

	g->h->counts.again++;
	crash_ops_get(&ops, d->trace, base);
	ok = hunt(g->h, &prey, true, AGAIN_STATES);
	crash_ops_free(&ops);
	return ok;
}

static bool write_one(struct crash_disk *d, uint64_t sec)
{
	return crash_disk_busy(d, CRASH_SEC, sec * CRASH_SEC) ||
	       crash_disk_write(d, CRASH_SEC, sec * CRASH_SEC);
}

/* A little work on a mended image. */
static bool use(struct crash_disk *d, uint64_t rng)
{
	struct crash_cut all = { UINT32_MAX - 1, INT64_MAX };
	struct crash_want want = { d->model, &all };
	uint64_t n = crash_model_sectors(d->model);
	uint32_t *found;
	bool ok;

	ok = crash_disk_open(d) && crash_disk_verify(d) &&
	     crash_work(d, &rng, CRASH_MOOD_MIX, 3) && crash_disk_flush(d) &&
	     write_one(d, base_rand_below(&rng, n)) && crash_disk_verify(d);
	if (d->img && !crash_disk_close(d))
		ok = false;
	if (!ok)
		return false;
	found = crash_alloc(n, sizeof(*found));
	ok = crash_verify(d->file, d->setup, d->parent, &want, found, d->fail);
	free(found);
	return ok;
}

/* The state, opened for writing and used. */
static bool go_deep(struct hunting *g, uint64_t seed)
{
	struct crash_hunt *h = g->h;
	struct crash_base *base = crash_file_freeze(g->file);
	struct crash_file *file = crash_file_new();
	struct crash_disk d = {
		.file = file, .setup = h->setup, .parent = h->parent,
		.trace = vhd_trace_new(), .fail = &h->fail, .op = DEEP_OP,
		.model = crash_model_fork(g->prey->model,
					  h->judge ? NULL : g->found),
		.verbose = h->bounds.verbose && h->bounds.only,
	};
	bool ok;

	CRASH_NEED(d.trace);
	h->counts.deep++;
	crash_file_reset(file, base);
	ok = h->judge ? h->judge->again(h->judge->arg, file, d.trace, &h->fail)
		      : use(&d, seed);
	if (!ok)
		crash_context(&h->fail, "when it was opened for writing");
	if (ok && h->bounds.again && (h->bounds.only ||
	    h->number / h->bounds.deep % h->bounds.again == 0))
		ok = cut_again(g, &d, base);
	vhd_trace_free(d.trace);
	crash_model_free(d.model);
	crash_file_free(file);
	crash_base_free(base);
	return ok;
}

static void dump(const struct hunting *g)
{
	FILE *out = fopen(g->h->bounds.dump, "wb");
	uint64_t off, size = crash_file_size(g->file);
	uint8_t page[CRASH_PAGE];

	CRASH_NEED(out);
	for (off = 0; off < size; off += sizeof(page)) {
		size_t n = (size_t)min_u64(size - off, sizeof(page));

		crash_file_read(g->file, page, n, off);
		CRASH_NEED(fwrite(page, 1, n, out) == n);
	}
	CRASH_NEED(!fclose(out));
}

static void tell(const struct hunting *g, const struct crash_state *s,
		 const struct crash_epoch *e, size_t first)
{
	static const char *const how[] = { "", " (first sectors)",
		" (last sectors)", " (pieces)", " (sectors)" };
	size_t i;

	printf("state %" PRIu64 "%s\n", g->h->number,
	       g->again ? " after a second cut" : "");
	for (i = 0; i < e->count; i++) {
		printf("  %c %zu ", s->here[i] ? '+' : '-', first + i);
		crash_op_print(&e->op[i], stdout);
		printf("%s\n", s->here[i] ? how[s->tear[i].how] : "");
	}
}

static bool look(struct hunting *g, const struct crash_state *s,
		 const struct crash_epoch *e, size_t first, uint64_t seed)
{
	struct crash_hunt *h = g->h;
	int64_t last = crash_state_last(s);
	struct crash_cut cut = crash_model_cut(
		g->prey->model, first + e->count,
		(last < 0 ? (int64_t)first - 1 : (int64_t)first + last));
	struct crash_want want = { g->prey->model, &cut };
	char text[1500];
	bool ok;

	crash_file_reset(g->file, g->durable);
	crash_state_apply(s, e, g->file);
	if (h->bounds.verbose && h->bounds.only) {
		tell(g, s, e, first);
		if (h->bounds.dump && !g->again)
			dump(g);
	}
	ok = h->judge ? h->judge->state(h->judge->arg, g->file, &h->fail)
		      : crash_verify(g->file, h->setup, h->parent, &want,
				     g->found, &h->fail);
	if (ok && !g->again && h->bounds.deep &&
	    (h->number % h->bounds.deep == 0 || h->bounds.only))
		ok = go_deep(g, seed);
	if (ok)
		return true;
	crash_state_text(s, first, text, sizeof(text));
	crash_context(&h->fail, "%sstate %" PRIu64 ": cut in file operations "
		      "%zu to %zu; of these arrived%s: %s",
		      g->again ? "second cut, " : "", h->number, first,
		      first + e->count, s->mixed ? " (in this order)" : "",
		      text);
	return false;
}

static bool look_at(struct hunting *g, struct crash_state *s,
		    const struct crash_epoch *e, size_t first, uint64_t k)
{
	struct crash_hunt *h = g->h;

	crash_state_draw(s, e, k);
	if (is_known(g, crash_state_hash(s) ^ first << 40)) {
		h->counts.same++;
		return true;
	}
	if (g->again) {
		h->counts.again_states++;
	} else {
		h->number++;
		if (h->bounds.only && h->number != h->bounds.only)
			return true;
		h->counts.states++;
		h->counts.torn += s->torn;
	}
	return look(g, s, e, first, e->seed ^ k << 20);
}

static bool hunt_epoch(struct hunting *g, struct crash_epoch *e, size_t first)
{
	struct crash_state s;
	bool ok = true;

	crash_base_free(g->durable);
	g->durable = crash_file_freeze(g->before);
	crash_state_init(&s, e->count);
	for (uint64_t k = 0; ok && k < e->share; k++)
		ok = look_at(g, &s, e, first, k);
	crash_state_free(&s);
	if (!g->again) {
		g->h->counts.epochs++;
		g->h->counts.complete += e->all;
		g->h->counts.points += e->count + 1;
	}
	return ok;
}

/* How many states an epoch deserves. */
static uint64_t worth(size_t count)
{
	if (count <= ALL_MAX)
		return (UINT64_C(1) << count) + 6 * count;
	return 120 + 4 * count;
}

static size_t epoch_end(const struct crash_ops *ops, size_t i)
{
	while (i < ops->count && ops->op[i].kind != VHD_TRACE_FLUSH)
		i++;
	return i;
}

static uint64_t worth_of_all(const struct crash_ops *ops)
{
	uint64_t sum = 0;
	size_t i, end;

	for (i = 0; i <= ops->count; i = end + 1) {
		end = epoch_end(ops, i);
		sum += worth(end - i);
	}
	return sum;
}

/* Growing and cutting are rare, and each is another story. */
static bool is_rare(const struct crash_epoch *e)
{
	for (size_t i = 0; i < e->count; i++) {
		if (e->op[i].kind == VHD_TRACE_SIZE)
			return true;
	}
	return false;
}

/*
 * When there are not enough states for all epochs, some get all they deserve and
 * the others a few, rather than all of them a little.
 */
static uint64_t share(const struct crash_epoch *e, uint64_t sum,
		      uint64_t states)
{
	uint64_t full = worth(e->count), few = e->count ? 4 : 1;
	uint64_t rng = e->seed;

	if (states >= sum)
		return full * (states / sum);
	base_rand(&rng);
	if (is_rare(e) || base_rand_below(&rng, sum) < states)
		return full;
	return few;
}

static struct crash_epoch epoch_at(const struct hunting *g, size_t i,
				   uint64_t sum, uint64_t states)
{
	const struct crash_ops *ops = g->prey->ops;
	struct crash_epoch e = { .op = ops->op + i };

	e.count = epoch_end(ops, i) - i;
	e.seed = g->h->setup->seed * 1000003 + i * 7919 + g->again;
	e.share = g->again ? 1 + min_u64(2 * e.count, states) :
			     share(&e, sum, states);
	e.all = e.count <= ALL_MAX && e.share >= UINT64_C(1) << e.count;
	return e;
}

static bool hunt(struct crash_hunt *h, const struct crash_prey *prey,
		 bool again, uint64_t states)
{
	static const struct crash_tear whole = { CRASH_WHOLE, 0 };
	uint64_t sum = worth_of_all(prey->ops);
	struct hunting g = {
		.h = h, .prey = prey, .again = again,
		.before = crash_file_new(), .file = crash_file_new(),
		.found = crash_alloc(crash_model_sectors(prey->model),
				     sizeof(*g.found)),
		.seen = crash_alloc(SEEN, sizeof(*g.seen)),
	};
	size_t i, end;
	bool ok = true;

	crash_file_reset(g.before, prey->base);
	for (i = 0; ok && i <= prey->ops->count; i = end + 1) {
		struct crash_epoch e = epoch_at(&g, i, sum, states);

		end = i + e.count;
		ok = hunt_epoch(&g, &e, i);
		for (size_t j = i; j < end; j++)
			crash_op_apply(&prey->ops->op[j], &whole, g.before);
	}
	crash_file_free(g.file);
	crash_base_free(g.durable);
	crash_file_free(g.before);
	free(g.found);
	free(g.seen);
	return ok;
}

bool crash_hunt(struct crash_hunt *h, const struct crash_prey *prey)
{
	return hunt(h, prey, false, h->bounds.states);
}
