/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz_mend.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/ckd.h"
#include "engine/engine.h"
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_guest.h"
#include "image/probe.h"
#include "io/io_patch.h"
#include "ops/check.h"
#include "ops/mend.h"

/* 2020-01-01, as in fuzz_verify.c. */
#define NOW INT64_C(1577836800)

enum { ROUNDS_MAX = 64, STEPS_MAX = 4096, TOLD_MAX = 200000 };

struct told {
	const struct vhd_rule *rule;
	uint64_t off, hash;
};

struct run {
	struct fuzz_mend *m;
	struct fuzz_file *f;
	const struct vhd_engine *engine;
	struct vhd_patch *patch;
	struct vhd_grants grants;
	bool full;
	bool may_change;		/* a step was granted that may */
	uint64_t granted;		/* in this round */
	uint64_t told_now;
	/* Steps that were granted in earlier rounds, and in this one. */
	struct told told[STEPS_MAX];
	unsigned told_count, told_before;
};

/*
 * What the owner consents to is that guest bytes change: with any word, or with
 * one of those that are named.  All other repairs are only about what no guest
 * sees.
 */
static const struct {
	const char *rule;
	const char *words;	/* NULL: any */
} changers[] = {
	/* One of two owners gives up its block. */
	{ "VHD1_BLOCK_OVERLAP", "first second" },
	{ "VHDX_BLOCK_OVERLAP", "first second" },
	/* Another size than opening has chosen. */
	{ "VHD1_FOOTERS_DIFFER", "first second" },
	/* Sectors that read as the parent's or as zeros read as what is there. */
	{ "VHD1_DATA_UNDER_CLEAR_BIT", NULL },
};

bool fuzz_mend_changes(const struct vhd_rule *rule, const char *word)
{
	size_t i;

	for (i = 0; i < sizeof(changers) / sizeof(changers[0]); i++) {
		if (strcmp(changers[i].rule, rule->name))
			continue;
		return !changers[i].words ||
		       (*word && strstr(changers[i].words, word));
	}
	return false;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	a = (a ^ b) * UINT64_C(0x9e3779b97f4a7c15);
	return a ^ a >> 31;
}

static uint64_t hash_text(const char *text)
{
	uint64_t h = 1;

	while (*text)
		h = mix(h, (uint8_t)*text++);
	return h;
}

/* The rules with choices, as docs/check.md lists them. */
static const struct {
	const char *rule;
	const char *words[4];
} choices[] = {
	{ "VHD1_BLOCK_OVERLAP", { "", "copy", "first", "second" } },
	{ "VHDX_BLOCK_OVERLAP", { "", "copy", "first", "second" } },
	{ "VHDX_BITMAP_MISSING", { "", "file", "parent", NULL } },
	{ "VHD1_FOOTERS_DIFFER", { "", "first", "second", NULL } },
	{ "VHD1_DATA_UNDER_CLEAR_BIT", { "", "set", "zero", NULL } },
};

static const char *some_choice(const struct vhd_rule *rule, uint64_t random)
{
	size_t i;

	for (i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		if (!strcmp(choices[i].rule, rule->name))
			return choices[i].words[random % 4];
	}
	return random & 1 ? "" : NULL;
}

/* Half of the rules that need consent, and of those with choices any. */
static void grant_some(struct vhd_grants *g, uint64_t salt)
{
	const struct vhd_rule *rules = vhd_rules(NULL);
	size_t i;

	vhd_grants_init(g);
	for (i = 0; i < VHD_RULE_COUNT; i++) {
		if (rules[i].repair == VHD_REPAIR_ASK)
			g->choice[i] = some_choice(&rules[i], mix(salt, i) >> 7);
	}
}

static void grant(struct vhd_grants *g, const struct fuzz_mend *m)
{
	switch (m->consent) {
	case FUZZ_MEND_ALL:
		vhd_grants_all(g);
		return;
	case FUZZ_MEND_SOME:
		grant_some(g, m->salt);
		return;
	case FUZZ_MEND_AUTO:
	case FUZZ_MEND_WAYS:
		vhd_grants_init(g);
		return;
	}
}

static const char *on_choice(void *arg, const struct vhd_rule *rule)
{
	const struct run *r = arg;

	return r->grants.choice[rule - vhd_rules(NULL)];
}

/* M3 */
static void remember(struct run *r, const struct vhd_rule *rule, uint64_t off,
		     const char *msg)
{
	uint64_t hash = hash_text(msg);
	unsigned i;

	for (i = 0; i < r->told_before; i++) {
		const struct told *t = &r->told[i];

		if (t->rule != rule || t->off != off || t->hash != hash)
			continue;
		fprintf(stderr, "again: %s at 0x%" PRIx64 ": %s\n", rule->name,
			off, msg);
		fuzz_fail(__FILE__, __LINE__,
			  "a step cures what it was made for");
	}
	if (r->told_count < STEPS_MAX)
		r->told[r->told_count++] = (struct told){ rule, off, hash };
}

static bool on_step(void *arg, const struct vhd_rule *rule, bool granted,
		    uint64_t off, const char *msg)
{
	struct run *r = arg;

	FUZZ_CHECK(rule && *rule->id && fuzz_sentence(msg));
	FUZZ_CHECK(++r->told_now <= TOLD_MAX);
	/* M2 */
	FUZZ_CHECK(rule->repair != VHD_REPAIR_NONE || !granted);
	FUZZ_CHECK(!granted || on_choice(r, rule));
	if (granted && vhd_patch_bytes(r->patch) > VHD_MEND_BUDGET)
		r->full = true;
	if (r->full)
		return false;
	if (r->m->tell)
		printf("round %u: %s%s at 0x%" PRIx64 ": %s\n", r->m->rounds,
		       granted ? "" : "(possible) ", rule->name, off, msg);
	if (!granted) {
		r->m->possible++;
		return true;
	}
	r->granted++;
	r->m->steps++;
	r->may_change = r->may_change ||
			fuzz_mend_changes(rule, on_choice(r, rule));
	remember(r, rule, off, msg);
	return true;
}

static int on_copy(void *arg, uint64_t from, uint64_t to, uint64_t len,
		   struct vhd_error *err)
{
	struct run *r = arg;

	return vhd_patch_copy(r->patch, from, to, len, err);
}

static struct vhd_io *view_of(struct run *r)
{
	struct vhd_io *io = NULL;
	struct vhd_error err;

	fuzz_no_error(vhd_patch_view(r->patch, &io, &err), &err);
	FUZZ_CHECK(io);
	return io;
}

static void run_round(struct run *r)
{
	struct vhd_engine_repair req = {
		.io = view_of(r),
		.now = NOW,
		.mender = { on_choice, on_step, r },
		.copy = on_copy,
		.copy_arg = r,
	};
	struct vhd_error err;
	int rc;

	r->granted = 0;
	r->told_now = 0;
	r->told_before = r->told_count;
	/* What it keeps is the patch, which has a budget. */
	fuzz_memory_unsummed();
	fuzz_error_arm(&err);
	rc = r->engine->repair(&req, &err);
	fuzz_error_ok(rc, &err);
	FUZZ_CHECK(!fuzz_file_exhausted(r->f));
	fuzz_no_error(rc, &err);
	fuzz_no_error(vhd_io_flush(req.io, &err), &err);
	vhd_io_close(&req.io, NULL);
	r->m->rounds++;
}

/* A table whose last entries are given up, by consent, shows as lost. */
static bool is_truth(const struct vhd_rule *rule)
{
	return !strcmp(rule->name, "VHD1_TABLE_LOST") ||
	       !strcmp(rule->name, "VHDX_TABLE_LOST");
}

static void on_finding(void *arg, const struct vhd_finding *finding)
{
	struct fuzz_mend *m = arg;

	FUZZ_CHECK(fuzz_sentence(finding->msg));
	m->bared = m->bared || is_truth(finding->rule);
	if (m->tell)
		printf("remains: %s at 0x%" PRIx64 ": %s\n",
		       finding->rule->name, finding->off, finding->msg);
}

static void check_after(struct run *r)
{
	struct fuzz_mend *m = r->m;
	struct vhd_open_opts open = {
		.size = sizeof(open), .cache_bytes = 64 << 10,
	};
	struct vhd_check_opts opts = {
		.size = sizeof(opts), .now = NOW, .open = &open,
		.flags = m->deep ? VHD_CHECK_DEEP : 0,
		.finding = on_finding, .finding_arg = m,
	};
	struct vhd_check_result result;
	struct vhd_error err;
	int rc;

	FUZZ_CHECK(vhd_patch_bytes(r->patch) <= 2 * VHD_MEND_BUDGET);
	fuzz_memory_reset();
	if (m->deep)
		fuzz_memory_unsummed();
	fuzz_error_arm(&err);
	rc = vhd_check_io(view_of(r), &opts, &result, &err);
	fuzz_error_ok(rc, &err);
	if (rc && m->tell)
		printf("check: %s\n", err.msg);
	memcpy(m->found, result.count, sizeof(m->found));
	m->sound = !rc && !m->found[VHD_SEV_ERROR] &&
		   !m->found[VHD_SEV_FATAL];
}

/* M4 and the first half of M5. */
static void compare(struct run *r, const struct guest *before)
{
	uint64_t off;
	const char *what = guest_compare(view_of(r), before, &off);

	if (fuzz_file_exhausted(r->f))
		return;
	r->m->samples = before->count;
	r->m->changed = what;
	if (!what || (r->may_change && strcmp(what, GUEST_SHUT)))
		return;
	fprintf(stderr, "byte 0x%" PRIx64 " of the disk: %s\n", off, what);
	fuzz_fail(__FILE__, __LINE__, "guest bytes stay as they are");
}

/* The rest of M5. */
static void read_after(struct run *r)
{
	struct guest after;

	if (!r->m->sound)
		return;
	guest_take(view_of(r), r->m->salt, &after);
	if (fuzz_file_exhausted(r->f))
		return;
	FUZZ_CHECK(!after.open_rc);
	FUZZ_CHECK(!after.unreadable);
}

static void judge(struct run *r)
{
	struct vhd_io *view;

	if (!r->m->sound || !r->m->judge)
		return;
	view = view_of(r);
	r->m->judge(r->m->judge_arg, view);
	vhd_io_close(&view, NULL);
}

static void mend(struct run *r, struct vhd_io *io)
{
	struct fuzz_mend *m = r->m;
	struct vhd_error err;

	fuzz_no_error(vhd_patch_new(io, &r->patch, &err), &err);
	grant(&r->grants, m);
	do {
		run_round(r);
		/* M1 */
		FUZZ_CHECK(m->rounds < ROUNDS_MAX);
	} while (r->granted && !r->full);
	if (!m->steps)
		FUZZ_CHECK(!vhd_patch_dirty(r->patch));
}

static struct vhd_io *file_of(struct fuzz_file *f)
{
	struct vhd_io *io = NULL;
	struct vhd_error err;

	fuzz_no_error(vhd_io_new(f->flat ? &fuzz_file_flat_ops :
				 &fuzz_file_ops, f, "fuzz", &io, &err), &err);
	return io;
}

static void reset(struct fuzz_mend *m)
{
	m->rounds = 0;
	m->steps = 0;
	m->possible = 0;
	m->samples = 0;
	m->sound = false;
	m->bared = false;
	m->changed = false;
	memset(m->found, 0, sizeof(m->found));
}

void fuzz_mend(struct fuzz_file *f, struct fuzz_mend *m)
{
	static struct run r;
	struct guest before;
	struct vhd_io *io;
	struct vhd_error err;

	reset(m);
	r = (struct run){ .m = m, .f = f };
	guest_take(file_of(f), m->salt, &before);
	m->open_rc = before.open_rc;
	io = file_of(f);
	fuzz_error_arm(&err);
	fuzz_error_ok(vhd_probe(io, VHD_FORMAT_AUTO, false, &r.engine, &err),
		      &err);
	if (r.engine && r.engine->repair) {
		mend(&r, io);
		check_after(&r);
		compare(&r, &before);
		if (m->sound_before && !r.full && !m->bared)
			FUZZ_CHECK(m->sound || fuzz_file_exhausted(f));
		read_after(&r);
		judge(&r);
		vhd_patch_free(r.patch);
	}
	FUZZ_CHECK(!vhd_io_close(&io, NULL));
}
