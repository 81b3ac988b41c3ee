/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mutation run: mutate [--seed S] [--count N] [--only K] [--dump FILE]
 *                          [--mend-every E] [--go-on 1]
 *
 * Makes N damaged images (mutant.h) and does with each what a reader and what
 * `check` would do (fuzz_walk.h, fuzz_verify.h), and with every one, or every
 * E-th, what `repair` would do (fuzz_mend.h), in memory.  None may crash, hang,
 * take more than its share of calls or memory, or break a promise of the
 * interface.  The number of mutants is VHD_MUTANTS when that is set.
 *
 * Mutant K of seed S is always the same.  When one fails, its number is
 * printed; --only K makes it again and says what it is, and --dump writes it as
 * an input of the drivers in tests/fuzz.  With --go-on 1 the run goes on behind a
 * mutant that fails.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "fuzz/fuzz_bases.h"
#include "fuzz/fuzz_input.h"
#include "fuzz/fuzz_mend.h"
#include "fuzz/fuzz_verify.h"
#include "fuzz/fuzz_walk.h"
#include "mutate/mutant.h"
#include "mutate/spill.h"

/* What one mutant may cost. */
enum {
	CALLS = 50000,
	BYTES = 128 << 20,		/* from the file */
	RESOLVES = 24,
	READ_BYTES = 192 << 10,		/* from the disk */
	MEND_CALLS = 400000,		/* the same for a repair, of many rounds */
	MEND_BYTES = 1 << 30,
	STUCK_SECONDS = 60
};

struct parent {
	char path[64];
	const char *list[2];
};

struct run {
	uint64_t seed, count, only;
	uint64_t mend_every;
	bool one, go_on;
	const char *dump;
	struct fuzz_file *f;
	struct fuzz_base *base[FUZZ_BASES];
	struct target target[FUZZ_BASES];
	struct parent parent[FUZZ_BASES];	/* files of those that are one */
	uint64_t next, failed;
	/* Statistics. */
	uint64_t opened, readable, sound;
	uint64_t mended, sound_after, steps, most_rounds, most_mend_calls;
	uint64_t most_calls, most_bytes, most_memory, slowest_ns, slowest;
	uint64_t calls;
};

/* For whoever has to say which mutant it was: see report_death(). */
static volatile uint64_t now_seed, now_mutant, now_limit;
static const struct run *now_run;

static void remove_parents(const struct run *run)
{
	unsigned i;

	for (i = 0; i < FUZZ_BASES; i++)
		if (run->parent[i].path[0])
			unlink(run->parent[i].path);
}

static void report_death(void)
{
	char line[160];
	int n = snprintf(line, sizeof(line), "mutant %" PRIu64 " failed; again: "
			 "mutate --seed %" PRIu64 " --only %" PRIu64 "\n",
			 now_mutant, now_seed, now_mutant);

	if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0)
		return;
	if (!now_run->go_on)
		remove_parents(now_run);
}

static void on_signal(int sig)
{
	report_death();
	signal(sig, SIG_DFL);
	raise(sig);
}

/* Every so many seconds; the same mutant twice means that it hangs. */
static void on_alarm(int sig)
{
	static uint64_t last = UINT64_MAX;

	(void)sig;
	if (last == now_mutant && now_limit) {
		static const char text[] = "a mutant takes too long\n";

		if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
			abort();
		abort();
	}
	last = now_mutant;
	alarm(STUCK_SECONDS);
}

/* Of the sanitizers, when the program is made with one. */
void __sanitizer_set_death_callback(void (*callback)(void))
	__attribute__((weak));

static void watch(void)
{
	if (__sanitizer_set_death_callback) {
		__sanitizer_set_death_callback(report_death);
	} else {
		signal(SIGSEGV, on_signal);
		signal(SIGBUS, on_signal);
		signal(SIGFPE, on_signal);
	}
	signal(SIGABRT, on_signal);
	signal(SIGALRM, on_alarm);
	alarm(STUCK_SECONDS);
}

static uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* A parent is a real file: that is the only way to name one. */
static void write_parent(struct run *run, unsigned which)
{
	struct parent *p = &run->parent[which];
	struct fuzz_file *f = run->f;

	snprintf(p->path, sizeof(p->path), "mutate-%s-XXXXXX",
		 fuzz_base_name(which));
	fuzz_file_reset(f, run->base[which]);
	spill_new(f, p->path);
	p->list[0] = p->path;
}

static bool is_sound(const struct fuzz_verify *v)
{
	return !v->open_rc && !v->check_rc && !v->found[VHD_SEV_ERROR] &&
	       !v->found[VHD_SEV_FATAL];
}

static void count(struct run *run, const struct fuzz_walk *w,
		  const struct fuzz_verify *v)
{
	run->most_calls = most(run->most_calls, run->f->calls);
	run->most_bytes = most(run->most_bytes, run->f->bytes);
	run->most_memory = most(run->most_memory, most(w->memory, v->memory));
	run->calls += run->f->calls;
	run->opened += !w->open_rc;
	run->readable += !w->open_rc && !w->read_rc;
	run->sound += is_sound(v);
}

/* What is known of the image must agree, whoever is asked. */
static void cross_check(const struct fuzz_walk *w, const struct fuzz_verify *v)
{
	bool errors = v->check_rc || v->found[VHD_SEV_ERROR] ||
		      v->found[VHD_SEV_FATAL];

	/* Alone, an image opens for reading when it opens for checking. */
	if (w->flags & VHD_OPEN_NO_PARENT && w->size_rule == VHD_SIZE_CURRENT)
		FUZZ_CHECK(w->open_rc == v->open_rc);
	/* What cannot be read is not called sound. */
	if (!v->open_rc && !w->open_rc && w->read_rc == VHD_E_CORRUPT &&
	    w->flags & VHD_OPEN_NO_PARENT && w->size_rule == VHD_SIZE_CURRENT)
		FUZZ_CHECK(errors);
}

static void count_mend(struct run *run, const struct fuzz_mend *m)
{
	run->mended += m->steps > 0;
	run->sound_after += m->sound;
	run->steps += m->steps;
	run->most_rounds = most(run->most_rounds, m->rounds);
	run->most_mend_calls = most(run->most_mend_calls, run->f->calls);
}

/* The same mutant, repaired; half of them with all consents. */
static void mend(struct run *run, struct random *r, bool sound)
{
	struct fuzz_mend m = {
		.consent = (enum fuzz_mend_consent)
			(one_in(r, 2) ? FUZZ_MEND_ALL :
			 random_below(r, FUZZ_MEND_WAYS)),
		.salt = random_next(r),
		.deep = one_in(r, 2),
		.sound_before = sound,
		.tell = run->one,
	};

	run->f->calls = 0;
	run->f->bytes = 0;
	run->f->call_limit = MEND_CALLS;
	run->f->byte_limit = MEND_BYTES;
	fuzz_mend(run->f, &m);
	FUZZ_CHECK(!fuzz_file_exhausted(run->f));
	if (run->one)
		printf("repair with consent %d: %" PRIu64 " steps in %u "
		       "rounds, %" PRIu64 " possible, %ssound after, %" PRIu64
		       " samples%s\n", (int)m.consent, m.steps, m.rounds,
		       m.possible, m.sound ? "" : "not ", m.samples,
		       m.changed ? ", changed" : "");
	count_mend(run, &m);
}

static void exercise(struct run *run, unsigned which, struct random *r)
{
	int parent = fuzz_base_parent(which);
	struct fuzz_walk w = {
		.flags = VHD_OPEN_NO_PARENT,
		.cache_bytes = 64 << 10,
		.resolve_calls = RESOLVES,
		.read_bytes = READ_BYTES,
		.salt = random_next(r),
	};
	struct fuzz_verify v;

	if (parent >= 0 && one_in(r, 4)) {
		w.flags = 0;
		w.parents = run->parent[parent].list;
	}
	if (one_in(r, 8))
		w.size_rule = (enum vhd_size_rule)(1 + random_below(r, 2));
	if (one_in(r, 8))
		run->f->short_io = 512 + random_below(r, 4096);
	run->f->call_limit = CALLS;
	run->f->byte_limit = BYTES;
	fuzz_walk(run->f, &w);
	FUZZ_CHECK(!fuzz_file_exhausted(run->f));
	fuzz_verify(run->f, one_in(r, 2), &v);
	FUZZ_CHECK(!fuzz_file_exhausted(run->f));
	cross_check(&w, &v);
	if (run->one)
		printf("opened %d, read %d, check %d, findings %" PRIu64 " %"
		       PRIu64 " %" PRIu64 " %" PRIu64 ", calls %" PRIu64
		       ", memory %" PRIu64 "\n", w.open_rc, w.read_rc,
		       v.check_rc, v.found[0], v.found[1], v.found[2],
		       v.found[3], run->f->calls,
		       w.memory > v.memory ? w.memory : v.memory);
	count(run, &w, &v);
	if (run->one || now_mutant % run->mend_every == 0)
		mend(run, r, is_sound(&v));
}

static void dump(const struct run *run)
{
	size_t len;
	uint8_t *data = fuzz_input_make(run->f, 0, &len);
	FILE *file = fopen(run->dump, "wb");

	if (!file || fwrite(data, 1, len, file) != len || fclose(file)) {
		perror(run->dump);
		exit(1);
	}
	free(data);
}

static void run_mutant(struct run *run, uint64_t number)
{
	struct random r = { run->seed * UINT64_C(0x2545f4914f6cdd1d) ^
			    number * UINT64_C(0xd6e8feb86659fd93) };
	unsigned which = (unsigned)random_below(&r, FUZZ_BASES);
	uint64_t start = clock_ns(), spent;

	now_mutant = number;
	if (run->one)
		printf("%s\n", fuzz_base_name(which));
	mutant_make(&run->target[which], &r, run->f, run->one ? stdout : NULL);
	fflush(stdout);
	if (run->dump)
		dump(run);
	exercise(run, which, &r);
	spent = clock_ns() - start;
	if (spent > run->slowest_ns) {
		run->slowest_ns = spent;
		run->slowest = number;
	}
}

static void summary(const struct run *run, uint64_t ns)
{
	double seconds = (double)ns / 1e9;

	printf("%" PRIu64 " mutants in %.1f s, %.0f per second\n", run->count,
	       seconds, (double)run->count / seconds);
	printf("opened %" PRIu64 ", read without a failure %" PRIu64
	       ", found sound %" PRIu64 "\n", run->opened, run->readable,
	       run->sound);
	printf("at most: %" PRIu64 " calls, %" PRIu64 " bytes read, %" PRIu64
	       " bytes of memory, %.1f ms (mutant %" PRIu64 "); %.1f calls on "
	       "average\n", run->most_calls, run->most_bytes, run->most_memory,
	       (double)run->slowest_ns / 1e6, run->slowest,
	       (double)run->calls / (double)run->count);
	printf("repaired %" PRIu64 " in %" PRIu64 " steps, found sound after "
	       "it %" PRIu64 "; at most %" PRIu64 " rounds, %" PRIu64
	       " calls\n", run->mended, run->steps, run->sound_after,
	       run->most_rounds, run->most_mend_calls);
}

/* Mutants from @from on, until one fails or there are no more. */
static void run_from(struct run *run, uint64_t from)
{
	for (run->next = from; run->next < run->count; run->next++)
		run_mutant(run, run->next);
}

/* In another process, with which @run is shared; a new one after a failure. */
static void run_apart(struct run *run)
{
	uint64_t from = 0;
	int status;
	pid_t child;

	now_limit = 0;
	while (from < run->count) {
		child = fork();
		FUZZ_CHECK(child >= 0);
		if (!child) {
			now_limit = 1;
			alarm(STUCK_SECONDS);
			run_from(run, from);
			_exit(0);
		}
		FUZZ_CHECK(waitpid(child, &status, 0) == child);
		run->failed += status != 0;
		from = run->next + 1;
	}
}

static void run_all(struct run *run)
{
	uint64_t start = clock_ns();

	printf("seed %" PRIu64 ", %" PRIu64 " mutants\n", run->seed,
	       run->count);
	fflush(stdout);
	if (run->go_on)
		run_apart(run);
	else
		run_from(run, 0);
	summary(run, clock_ns() - start);
	printf("%" PRIu64 " failed\n", run->failed);
}

/* The bases themselves are sound, or the run would prove nothing. */
static void check_bases(struct run *run)
{
	unsigned i;

	for (i = 0; i < FUZZ_BASES; i++) {
		struct fuzz_walk w = {
			.flags = VHD_OPEN_NO_PARENT, .resolve_calls = RESOLVES,
			.read_bytes = READ_BYTES, .salt = 1,
		};
		struct fuzz_verify v;
		bool alone = fuzz_base_parent(i) < 0;

		fuzz_file_reset(run->f, run->base[i]);
		fuzz_walk(run->f, &w);
		fuzz_verify(run->f, true, &v);
		FUZZ_CHECK(!w.open_rc && !v.open_rc && !v.check_rc);
		FUZZ_CHECK(!v.found[VHD_SEV_ERROR] && !v.found[VHD_SEV_FATAL]);
		FUZZ_CHECK(!w.read_rc || w.read_rc == VHD_E_PARENT);
		if (alone)
			continue;
		w.flags = 0;
		w.parents = run->parent[fuzz_base_parent(i)].list;
		fuzz_walk(run->f, &w);
		FUZZ_CHECK(!w.open_rc && !w.read_rc);
	}
}

static void prepare(struct run *run)
{
	unsigned i;

	run->f = fuzz_file_new();
	for (i = 0; i < FUZZ_BASES; i++) {
		int parent = fuzz_base_parent(i);

		run->base[i] = fuzz_base_make(i);
		target_init(&run->target[i], fuzz_base_name(i),
			    fuzz_base_format(i), run->base[i], run->f);
		if (parent >= 0 && !run->parent[parent].path[0])
			write_parent(run, (unsigned)parent);
	}
}

static void finish(struct run *run)
{
	unsigned i;

	remove_parents(run);
	for (i = 0; i < FUZZ_BASES; i++)
		fuzz_base_free(run->base[i]);
	fuzz_file_free(run->f);
}

static bool number(const char *text, uint64_t *out)
{
	char *end;

	*out = strtoull(text, &end, 0);
	return *text && !*end;
}

static bool parse(struct run *run, int argc, char **argv)
{
	const char *env = getenv("VHD_MUTANTS");
	int i;

	for (i = 1; i + 1 < argc; i += 2) {
		const char *name = argv[i], *value = argv[i + 1];
		bool ok = true;

		if (!strcmp(name, "--seed")) {
			ok = number(value, &run->seed);
		} else if (!strcmp(name, "--count")) {
			ok = number(value, &run->count);
		} else if (!strcmp(name, "--only")) {
			ok = number(value, &run->only);
			run->one = true;
		} else if (!strcmp(name, "--go-on")) {
			run->go_on = !strcmp(value, "1");
		} else if (!strcmp(name, "--mend-every")) {
			ok = number(value, &run->mend_every) &&
			     run->mend_every;
		} else if (!strcmp(name, "--dump")) {
			run->dump = value;
		} else {
			ok = false;
		}
		if (!ok)
			return false;
	}
	if (env && !run->one && !number(env, &run->count))
		return false;
	return i >= argc && run->count && (run->one || !run->dump);
}

/* Shared, so that a process which dies leaves its numbers behind. */
static struct run *new_run(void)
{
	struct run *run = mmap(NULL, sizeof(*run), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	FUZZ_CHECK(run != MAP_FAILED);
	run->seed = 1;
	run->count = 100000;
	run->mend_every = 1;
	return run;
}

int main(int argc, char **argv)
{
	struct run *run = new_run();
	bool ok;

	if (!parse(run, argc, argv)) {
		fprintf(stderr, "usage: mutate [--seed S] [--count N] "
			"[--go-on 1] [--only K [--dump FILE]]\n");
		return 2;
	}
	now_seed = run->seed;
	now_run = run;
	watch();
	prepare(run);
	check_bases(run);
	now_limit = 1;
	if (run->one)
		run_mutant(run, run->only);
	else
		run_all(run);
	ok = !run->failed;
	finish(run);
	munmap(run, sizeof(*run));
	return ok ? 0 : 1;
}
