/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cuts the power at every point of a merge (VHDX-MRG-02 to VHDX-MRG-06,
 * VHD-D-11) and looks at what is left of both files: sound, and a chain that
 * shows what it did, or an ancestor that has taken its place.  Of some states
 * the merge is then called again, and cut again.
 *
 * The child changes first and is durable before the ancestor is touched, so the
 * states of one file are looked at beside the one state of the other.
 *
 *	crash_merge --type vhdx-dynamic --seed 1 --runs 20 --states 300
 *	crash_merge --coalesce yes --seed 1 --runs 20
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "crash/crash_pair.h"
#include "crash/crash_state.h"

enum { ALL_MAX = 7, AGAIN = 10, DEEP = 5, CUT_AGAIN = 4 };

struct hunt {
	struct crash_pair pair;
	uint64_t seed;
	uint64_t states;		/* of a run, about */
	uint64_t number, deep, again;
};

/* One of the two files in its states, the other as it is. */
struct prey {
	struct crash_file *fixed;
	struct crash_base *base;
	struct crash_ops ops;
	bool low;			/* it is the ancestor's file */
};

static bool cut(struct hunt *h, const struct prey *prey, uint64_t states,
		bool again);

static bool cut_file(struct hunt *h, struct crash_base *base,
		     struct vhd_trace *trace, struct crash_file *fixed,
		     bool low, uint64_t states, bool again)
{
	struct prey prey = { .fixed = fixed, .base = base, .low = low };
	bool ok;

	crash_ops_get(&prey.ops, trace, base);
	ok = cut(h, &prey, states, again);
	crash_ops_free(&prey.ops);
	return ok;
}

/* What is left of a file when power fails after the merge. */
static void keep_flushed(struct crash_file *f, struct vhd_trace *trace,
			 struct crash_base *base)
{
	struct crash_ops ops;

	crash_ops_get(&ops, trace, base);
	crash_file_reset(f, base);
	crash_ops_flushed(&ops, f);
	crash_ops_free(&ops);
}

static bool is_durable(struct hunt *h, struct crash_base *low_base,
		       struct vhd_trace *low_trace, struct crash_base *top_base,
		       struct vhd_trace *top_trace)
{
	struct crash_two two = { crash_file_new(), crash_file_new() };
	bool ok;

	keep_flushed(two.low, low_trace, low_base);
	keep_flushed(two.top, top_trace, top_base);
	ok = crash_pair_verify(&h->pair, &two, true);
	crash_context(&h->pair.fail, "when the merge had returned");
	crash_file_free(two.low);
	crash_file_free(two.top);
	return ok;
}

/* Merges what the files hold, and cuts that. */
static bool merge_and_cut(struct hunt *h, struct crash_file *low,
			  struct crash_file *top, uint64_t states, bool again)
{
	struct crash_base *low_base = crash_file_freeze(low);
	struct crash_base *top_base = crash_file_freeze(top);
	struct crash_two two = { crash_file_new(), crash_file_new() };
	struct crash_file *was = crash_file_new();
	struct vhd_trace *low_trace = vhd_trace_new();
	struct vhd_trace *top_trace = vhd_trace_new();
	bool ok;

	CRASH_NEED(low_trace && top_trace);
	crash_file_reset(two.low, low_base);
	crash_file_reset(two.top, top_base);
	crash_file_reset(was, low_base);
	ok = crash_pair_merge(&h->pair, &two, top_trace, low_trace) &&
	     crash_pair_verify(&h->pair, &two, true) &&
	     is_durable(h, low_base, low_trace, top_base, top_trace);
	if (ok && states)
		ok = cut_file(h, top_base, top_trace, was, false, states / 4,
			      again) &&
		     cut_file(h, low_base, low_trace, two.top, true, states,
			      again);
	vhd_trace_free(low_trace);
	vhd_trace_free(top_trace);
	crash_file_free(was);
	crash_file_free(two.low);
	crash_file_free(two.top);
	crash_base_free(low_base);
	crash_base_free(top_base);
	return ok;
}

static bool look(struct hunt *h, const struct prey *prey,
		 struct crash_file *state, bool again)
{
	struct crash_two two = { state, prey->fixed };
	uint64_t states = 0;

	if (!prey->low) {
		two.low = prey->fixed;
		two.top = state;
	}
	h->number++;
	if (!crash_pair_verify(&h->pair, &two, false))
		return false;
	if (again || h->number % DEEP)
		return true;
	h->deep++;
	if (h->number / DEEP % CUT_AGAIN == 0) {
		h->again++;
		states = AGAIN;
	}
	if (merge_and_cut(h, two.low, two.top, states, true))
		return true;
	crash_context(&h->pair.fail, "when it was merged again");
	return false;
}

static bool cut_epoch(struct hunt *h, const struct prey *prey,
		      const struct crash_epoch *e, size_t first,
		      struct crash_file *before, bool again)
{
	struct crash_base *durable = crash_file_freeze(before);
	struct crash_file *file = crash_file_new();
	struct crash_state s;
	char text[1000];
	bool ok = true;

	crash_state_init(&s, e->count);
	for (uint64_t k = 0; ok && k < e->share; k++) {
		crash_state_draw(&s, e, k);
		crash_file_reset(file, durable);
		crash_state_apply(&s, e, file);
		ok = look(h, prey, file, again);
	}
	if (!ok) {
		crash_state_text(&s, first, text, sizeof(text));
		crash_context(&h->pair.fail, "%s of the %s, cut in operations "
			      "%zu to %zu; of these arrived: %s",
			      again ? "second cut" : "state",
			      prey->low ? "ancestor" : "child", first,
			      first + e->count, text);
	}
	crash_state_free(&s);
	crash_file_free(file);
	crash_base_free(durable);
	return ok;
}

static size_t epoch_end(const struct crash_ops *ops, size_t i)
{
	while (i < ops->count && ops->op[i].kind != VHD_TRACE_FLUSH)
		i++;
	return i;
}

static uint64_t worth(size_t count, bool again)
{
	if (again)
		return 1 + min_u64(count, 2);
	if (count <= ALL_MAX)
		return (UINT64_C(1) << count) + 2 * count;
	return 40 + 2 * count;
}

static bool cut(struct hunt *h, const struct prey *prey, uint64_t states,
		bool again)
{
	static const struct crash_tear whole = { CRASH_WHOLE, 0 };
	struct crash_file *before = crash_file_new();
	uint64_t sum = 1;
	size_t i, end;
	bool ok = true;

	for (i = 0; i <= prey->ops.count; i = end + 1) {
		end = epoch_end(&prey->ops, i);
		sum += worth(end - i, again);
	}
	crash_file_reset(before, prey->base);
	for (i = 0; ok && i <= prey->ops.count; i = end + 1) {
		struct crash_epoch e = { .op = prey->ops.op + i };

		end = epoch_end(&prey->ops, i);
		e.count = end - i;
		e.seed = h->seed * 1000003 + i * 7919 + again;
		e.share = worth(e.count, again);
		if (sum > states)
			e.share = max_u64(e.share * states / sum, 2);
		e.share = min_u64(e.share, e.count ? e.share : 1);
		e.all = e.count <= ALL_MAX &&
			e.share >= UINT64_C(1) << e.count;
		ok = cut_epoch(h, prey, &e, i, before, again);
		for (size_t j = i; j < end; j++)
			crash_op_apply(&prey->ops.op[j], &whole, before);
	}
	crash_file_free(before);
	return ok;
}

static bool run(struct hunt *h, const struct crash_type *type)
{
	struct crash_two two;
	bool ok;

	crash_pair_make(&h->pair, type, h->seed, &two);
	ok = crash_pair_verify(&h->pair, &two, false) &&
	     merge_and_cut(h, two.low, two.top, h->states, false);
	if (!ok)
		printf("FAIL: %s, seed %" PRIu64 ", blocks %" PRIu64 " and %"
		       PRIu64 ", disks %" PRIu64 " and %" PRIu64 ", state %"
		       PRIu64 "\n\t%s\n", type->name, h->seed,
		       h->pair.low.block, h->pair.top.block, h->pair.low.size,
		       h->pair.size, h->number, h->pair.fail.text);
	crash_pair_drop(&h->pair, &two);
	return ok;
}

static uint64_t number(int argc, char **argv, const char *name,
		       uint64_t other)
{
	for (int i = 1; i + 1 < argc; i++) {
		if (!strcmp(argv[i], name))
			return strtoull(argv[i + 1], NULL, 0);
	}
	return other;
}

static const char *word(int argc, char **argv, const char *name)
{
	for (int i = 1; i + 1 < argc; i++) {
		if (!strcmp(argv[i], name))
			return argv[i + 1];
	}
	return NULL;
}

int main(int argc, char **argv)
{
	const char *only = word(argc, argv, "--type");
	uint64_t seed = number(argc, argv, "--seed", 1);
	uint64_t runs = number(argc, argv, "--runs", 8);
	bool ok = true;

	crash_init();
	for (size_t i = 0; ok && i < CRASH_TYPES; i++) {
		struct hunt h = {
			.states = number(argc, argv, "--states", 300),
			.pair.coalesce = word(argc, argv, "--coalesce"),
		};

		if (only && strcmp(only, crash_types[i].name))
			continue;
		if (h.pair.coalesce &&
		    crash_types[i].format != VHD_FORMAT_VHD)
			continue;
		for (uint64_t r = 0; ok && r < runs; r++) {
			h.seed = seed + r;
			ok = run(&h, &crash_types[i]);
		}
		printf("%s: %" PRIu64 " runs, %" PRIu64 " states, %" PRIu64
		       " merged again, %" PRIu64 " of them cut again\n",
		       crash_types[i].name, runs, h.number, h.deep, h.again);
	}
	return ok ? 0 : 1;
}
