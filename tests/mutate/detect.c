/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How much of what is wrong does `check` find?
 *
 *	detect [--seed S] [--count N] [--least PERCENT] [--only K] [--list 1]
 *
 * Sound images of both formats (fuzz_bases.h) are changed in one field each
 * (target.c), to a value drawn at random, with right checksums.  Only changes
 * count that a reader notices: the disk has another size, other bytes, or does
 * not open any more.  N of these are made, and each is checked, plain and deep.
 * It is found when a rule is reported that the sound image does not report, or
 * one more often than there; "error" counts only findings that make an image
 * unsound.
 *
 * Guest data is no field: no check can know what a guest has written.  At the
 * end the fields are listed whose changes were missed; docs/fuzzing.md says
 * which of them no program can find.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ckd.h"
#include "base/zero.h"
#include "base/rules.h"
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_bases.h"
#include "fuzz/fuzz_reseal.h"
#include "mutate/mutant.h"
#include "mutate/spill.h"
#include "vhd/ops.h"

/* 2021-06-02: a day after the images were made. */
#define NOW INT64_C(1622592000)

enum { KINDS_MAX = 1024, BATCH = 64, EXTENTS = 20000, PIECE = 64 << 10 };
#define READ_MAX (UINT64_C(64) << 20)

/* What a reader sees. */
struct seen {
	int rc;
	uint64_t size;
	uint64_t hash;
};

/* What a check finds: how often each rule. */
struct found {
	int rc;
	uint32_t count[VHD_RULE_COUNT];
};

enum { PLAIN, DEEP, MODES };

struct kind {
	char name[80];
	uint32_t tried;
	uint32_t found[MODES];
	uint32_t errors[MODES];
};

struct detect {
	uint64_t seed, count, only;
	bool one, list;
	double least;
	struct fuzz_file *f;
	struct fuzz_base *base[FUZZ_BASES];
	struct target target[FUZZ_BASES];
	char parent[FUZZ_BASES][32];
	char path[32];
	struct seen seen[FUZZ_BASES];
	struct found found[FUZZ_BASES][MODES];
	struct kind kind[KINDS_MAX];
	unsigned kinds;
	struct kind all;
};

static void open_opts(const struct detect *d, unsigned which,
		      struct vhd_open_opts *opts, const char *list[2])
{
	int parent = fuzz_base_parent(which);

	*opts = (struct vhd_open_opts)VHD_OPEN_OPTS_INIT;
	opts->flags = VHD_OPEN_NO_LOCK;
	if (parent < 0)
		return;
	list[0] = d->parent[parent];
	list[1] = NULL;
	opts->parents = list;
}

static void mix(uint64_t *hash, uint64_t v)
{
	*hash = (*hash ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	*hash ^= *hash >> 29;
}

/* Sectors that are not zero, with their places. */
static int hash_data(struct vhd_image *img, uint64_t off, uint64_t len,
		     struct seen *s)
{
	static uint8_t buf[PIECE];
	uint64_t done = 0;
	size_t n, i, j;
	int rc;

	for (; done < len; done += n) {
		n = (size_t)min_u64(len - done, PIECE);
		rc = vhd_pread(img, buf, n, off + done, NULL);
		if (rc)
			return rc;
		for (i = 0; i < n; i += 512) {
			size_t part = n - i < 512 ? n - i : 512;
			uint64_t word;

			if (vhd_is_zero(buf + i, part))
				continue;
			mix(&s->hash, off + done + i);
			for (j = 0; j + 8 <= part; j += 8) {
				memcpy(&word, buf + i + j, 8);
				mix(&s->hash, word);
			}
		}
	}
	return 0;
}

static int hash_disk(struct vhd_image *img, struct seen *s)
{
	struct vhd_extent ext[BATCH];
	uint64_t off = 0, left = READ_MAX, extents = 0;
	size_t n, i;
	int rc;

	while (off < s->size && left && extents < EXTENTS) {
		rc = vhd_resolve(img, off, s->size - off, ext, BATCH, &n, NULL);
		if (rc)
			return rc;
		for (i = 0; i < n && left; i++) {
			uint64_t len = min_u64(ext[i].len, left);

			off += ext[i].len;
			if (ext[i].kind != VHD_EXTENT_DATA)
				continue;
			rc = hash_data(img, ext[i].off, len, s);
			if (rc)
				return rc;
			left -= len;
		}
		extents += n;
	}
	return 0;
}

static void look(const struct detect *d, unsigned which, struct seen *s)
{
	struct vhd_open_opts opts;
	struct vhd_image *img = NULL;
	const char *list[2];

	*s = (struct seen){ .hash = 1 };
	open_opts(d, which, &opts, list);
	fuzz_memory_reset();
	s->rc = vhd_open(d->path, &opts, &img, NULL);
	if (!s->rc) {
		s->size = vhd_size(img);
		s->rc = hash_disk(img, s);
		vhd_close(&img, NULL);
	}
	/* How it fails is nothing that a guest sees. */
	if (s->rc)
		*s = (struct seen){ .rc = -1 };
}

static void on_finding(void *arg, const struct vhd_finding *finding)
{
	struct found *found = arg;
	int i;

	for (i = 0; i < VHD_RULE_COUNT; i++) {
		if (vhd_rule_get((enum vhd_rule_idx)i) == finding->rule)
			found->count[i]++;
	}
}

static void check(const struct detect *d, unsigned which, int mode,
		  struct found *found)
{
	struct vhd_check_opts opts = VHD_CHECK_OPTS_INIT;
	struct vhd_check_result result;
	struct vhd_open_opts open;
	const char *list[2];

	memset(found, 0, sizeof(*found));
	open_opts(d, which, &open, list);
	opts.flags = mode == DEEP ? VHD_CHECK_DEEP : 0;
	opts.now = NOW;
	opts.open = &open;
	opts.finding = on_finding;
	opts.finding_arg = found;
	fuzz_memory_reset();
	found->rc = vhd_check(d->path, &opts, &result, NULL);
}

/* What @found has and @base has not: the gravest of it; -1: nothing. */
static int news(const struct found *found, const struct found *base,
		bool print)
{
	int i, worst = -1;

	if (found->rc && !base->rc)
		worst = VHD_SEV_FATAL;
	for (i = 0; i < VHD_RULE_COUNT; i++) {
		const struct vhd_rule *rule = vhd_rule_get((enum vhd_rule_idx)i);

		if (found->count[i] <= base->count[i])
			continue;
		if (print)
			printf("\t%s\n", rule->name);
		if ((int)rule->severity > worst)
			worst = (int)rule->severity;
	}
	return worst;
}

static const char *field_name(const struct structure *s, size_t idx)
{
	static char name[32];

	if (s->field_count == 1)
		return "";
	snprintf(name, sizeof(name), " +%u", (unsigned)s->field[idx].off);
	return name;
}

static uint64_t get(const struct detect *d, uint64_t at, size_t len, bool be)
{
	uint8_t raw[8];
	uint64_t v = 0;
	size_t i;

	fuzz_file_get(d->f, raw, len, at);
	for (i = 0; i < len; i++)
		v = v << 8 | raw[be ? i : len - 1 - i];
	return v;
}

static void put(struct detect *d, uint64_t at, size_t len, bool be, uint64_t v)
{
	uint8_t raw[8];
	size_t i;

	for (i = 0; i < len; i++, v >>= 8)
		raw[be ? len - 1 - i : i] = (uint8_t)v;
	fuzz_file_put(d->f, raw, len, at);
}

/* Any value, a near one, or one with another bit. */
static uint64_t another(struct random *r, uint64_t old, size_t len)
{
	uint64_t mask = len == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * len) - 1;
	uint64_t v = old;

	while (v == old) {
		switch (random_below(r, 4)) {
		case 0:
			v = old ^ UINT64_C(1) << random_below(r, 8 * len);
			break;
		case 1:
			v = old + random_below(r, 33) - 16;
			break;
		default:
			v = random_next(r);
			break;
		}
		v &= mask;
	}
	return v;
}

static bool is_payload(const struct structure *s)
{
	return !strcmp(s->name, TARGET_PAYLOAD);
}

/* Changes a field of base @which; @name is what kind of change it is. */
static void change(struct detect *d, unsigned which, struct random *r,
		   char name[80])
{
	const struct target *t = &d->target[which];
	const struct structure *s;
	uint64_t n, at, old, v;
	size_t field, len;

	do {
		s = &t->part[random_below(r, t->count)];
	} while (is_payload(s));
	field = random_below(r, s->field_count);
	n = s->len / s->stride;
	at = s->off + random_below(r, n ? n : 1) * s->stride +
	     s->field[field].off;
	len = min_u64(s->field[field].len, 8);
	old = get(d, at, len, s->big_endian);
	v = another(r, old, len);
	put(d, at, len, s->big_endian, v);
	fuzz_reseal(d->f);
	snprintf(name, 80, "%s, %s%s", t->name, s->name, field_name(s, field));
	if (d->one)
		printf("%s at 0x%" PRIx64 ": 0x%" PRIx64 " -> 0x%" PRIx64 "\n",
		       name, at, old, v);
}

static struct kind *kind_of(struct detect *d, const char *name)
{
	unsigned i;

	for (i = 0; i < d->kinds; i++) {
		if (!strcmp(d->kind[i].name, name))
			return &d->kind[i];
	}
	FUZZ_CHECK(d->kinds < KINDS_MAX);
	snprintf(d->kind[i].name, sizeof(d->kind[i].name), "%s", name);
	d->kinds++;
	return &d->kind[i];
}

static void note(struct kind *k, const int worst[MODES])
{
	int mode;

	k->tried++;
	for (mode = 0; mode < MODES; mode++) {
		k->found[mode] += worst[mode] >= 0;
		k->errors[mode] += worst[mode] >= VHD_SEV_ERROR;
	}
}

/* True when a reader notices. */
static bool run_one(struct detect *d, uint64_t number)
{
	struct random r = { d->seed * UINT64_C(0x2545f4914f6cdd1d) ^
			    number * UINT64_C(0xd6e8feb86659fd93) };
	unsigned which = (unsigned)random_below(&r, FUZZ_BASES);
	struct found found;
	struct seen seen;
	int worst[MODES], mode;
	char name[80];

	fuzz_file_reset(d->f, d->base[which]);
	change(d, which, &r, name);
	spill(d->f, d->path);
	look(d, which, &seen);
	if (d->one)
		printf("reader: %d, size %" PRIu64 ", hash %" PRIx64
		       ", before %" PRIu64 ", %" PRIx64 "\n", seen.rc,
		       seen.size, seen.hash, d->seen[which].size,
		       d->seen[which].hash);
	if (!memcmp(&seen, &d->seen[which], sizeof(seen)))
		return false;
	for (mode = 0; mode < MODES; mode++) {
		check(d, which, mode, &found);
		if (d->one)
			printf("%s:\n", mode == DEEP ? "deep" : "check");
		worst[mode] = news(&found, &d->found[which][mode], d->one);
	}
	note(&d->all, worst);
	note(kind_of(d, name), worst);
	if (d->list && worst[PLAIN] < 0)
		printf("missed%s: --only %" PRIu64 "  %s\n",
		       worst[DEEP] < 0 ? "" : " (found deep)", number, name);
	return true;
}

static void prepare(struct detect *d)
{
	unsigned i;
	int mode;

	d->f = fuzz_file_new();
	snprintf(d->path, sizeof(d->path), "detect-XXXXXX");
	spill_new(d->f, d->path);
	for (i = 0; i < FUZZ_BASES; i++) {
		int parent = fuzz_base_parent(i);

		d->base[i] = fuzz_base_make(i);
		target_init(&d->target[i], fuzz_base_name(i),
			    fuzz_base_format(i), d->base[i], d->f);
		if (parent >= 0 && !d->parent[parent][0]) {
			fuzz_file_reset(d->f, d->base[parent]);
			snprintf(d->parent[parent], sizeof(d->parent[parent]),
				 "detect-parent-XXXXXX");
			spill_new(d->f, d->parent[parent]);
		}
	}
	for (i = 0; i < FUZZ_BASES; i++) {
		fuzz_file_reset(d->f, d->base[i]);
		spill(d->f, d->path);
		look(d, i, &d->seen[i]);
		for (mode = 0; mode < MODES; mode++)
			check(d, i, mode, &d->found[i][mode]);
	}
}

static void finish(struct detect *d)
{
	unsigned i;

	unlink(d->path);
	for (i = 0; i < FUZZ_BASES; i++) {
		if (d->parent[i][0])
			unlink(d->parent[i]);
		fuzz_base_free(d->base[i]);
	}
	fuzz_file_free(d->f);
}

static int by_missed(const void *a, const void *b)
{
	const struct kind *x = a, *y = b;
	uint32_t left = x->tried - x->found[DEEP];
	uint32_t right = y->tried - y->found[DEEP];

	if (left != right)
		return left < right ? 1 : -1;
	return strcmp(x->name, y->name);
}

static double percent(uint32_t part, uint32_t whole)
{
	return whole ? 100.0 * part / whole : 0;
}

static void report(struct detect *d, uint64_t tried)
{
	const struct kind *a = &d->all;
	unsigned i;

	printf("seed %" PRIu64 ": of %" PRIu64 " changes %" PRIu32
	       " show to a reader\n", d->seed, tried, a->tried);
	printf("check found %" PRIu32 " (%.2f %%), as errors %" PRIu32
	       " (%.2f %%)\n", a->found[PLAIN],
	       percent(a->found[PLAIN], a->tried), a->errors[PLAIN],
	       percent(a->errors[PLAIN], a->tried));
	printf("check --deep found %" PRIu32 " (%.2f %%), as errors %" PRIu32
	       " (%.2f %%)\n", a->found[DEEP],
	       percent(a->found[DEEP], a->tried), a->errors[DEEP],
	       percent(a->errors[DEEP], a->tried));
	qsort(d->kind, d->kinds, sizeof(d->kind[0]), by_missed);
	for (i = 0; i < d->kinds; i++) {
		const struct kind *k = &d->kind[i];

		if (!d->list && k->found[PLAIN] == k->tried)
			continue;
		printf("  missed %" PRIu32 ", deep %" PRIu32 ", of %" PRIu32
		       ": %s\n", k->tried - k->found[PLAIN],
		       k->tried - k->found[DEEP], k->tried, k->name);
	}
}

static bool parse(struct detect *d, int argc, char **argv)
{
	int i;

	for (i = 1; i + 1 < argc; i += 2) {
		const char *name = argv[i], *value = argv[i + 1];
		char *end;

		if (!strcmp(name, "--seed")) {
			d->seed = strtoull(value, &end, 0);
		} else if (!strcmp(name, "--count")) {
			d->count = strtoull(value, &end, 0);
		} else if (!strcmp(name, "--least")) {
			d->least = strtod(value, &end);
		} else if (!strcmp(name, "--only")) {
			d->only = strtoull(value, &end, 0);
			d->one = true;
		} else if (!strcmp(name, "--list")) {
			d->list = strtoull(value, &end, 0);
		} else {
			return false;
		}
		if (!*value || *end)
			return false;
	}
	return i == argc && d->count;
}

int main(int argc, char **argv)
{
	static struct detect d = { .seed = 1, .count = 2000 };
	uint64_t tried = 0, kept = 0;
	bool ok;

	if (!parse(&d, argc, argv)) {
		fprintf(stderr, "usage: detect [--seed S] [--count N] "
			"[--least PERCENT] [--only K] [--list 0|1]\n");
		return 2;
	}
	prepare(&d);
	if (d.one)
		run_one(&d, d.only);
	else
		while (kept < d.count)
			kept += run_one(&d, tried++);
	if (!d.one)
		report(&d, tried);
	ok = d.one || percent(d.all.found[PLAIN], d.all.tried) >= d.least;
	finish(&d);
	if (!ok)
		fprintf(stderr, "less than %.1f %% were found\n", d.least);
	return ok ? 0 : 1;
}
