/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Are the crash tests able to see anything?  The library is built once more so
 * that one of the steps that its promises rest on can be left out
 * (base/barrier.h).  Each is left out in turn, in each type of image that takes
 * it, and power is cut until a promise breaks.  A step whose absence nobody
 * notices fails this test: either the hunt is blind, or the step is idle.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/barrier.h"
#include "crash/crash_run.h"

enum vhd_barrier vhd_mutant;

enum {
	V_DYN = 1 << 1, V_DIFF = 1 << 2, X_DYN = 1 << 4,
	X_DIFF = 1 << 5,
	V = V_DYN | V_DIFF, X = X_DYN | X_DIFF, BLOCKS = V | X
};

/* The mood is the one that meets the step most often. */
static const struct {
	const char *name;
	unsigned types;			/* 0: no power cut here shows it */
	enum crash_mood mood;
} mutants[VHD_BARRIER_COUNT] = {
	[VHD_BARRIER_NONE] = { "NONE", 0, CRASH_MOOD_ANY },
	[VHD_BARRIER_DATA_BEFORE_MAP] =
		{ "DATA_BEFORE_MAP", BLOCKS, CRASH_MOOD_FILL },
	[VHD_BARRIER_FLUSH_METADATA] =
		{ "FLUSH_METADATA", BLOCKS, CRASH_MOOD_MIX },
	[VHD_BARRIER_RELEASE_BEFORE_REUSE] =
		{ "RELEASE_BEFORE_REUSE", V_DYN | X, CRASH_MOOD_CHURN },
	[VHD_BARRIER_ZERO_BEFORE_REUSE] =
		{ "ZERO_BEFORE_REUSE", V_DYN | X, CRASH_MOOD_CHURN },
	[VHD_BARRIER_LOG_BEFORE_APPLY] =
		/* Seen page by page: unit/vhdx/test_vhdx_log_crash. */
		{ "LOG_BEFORE_APPLY", 0, CRASH_MOOD_RING },
	[VHD_BARRIER_APPLY_BEFORE_NEW_LOG] =
		{ "APPLY_BEFORE_NEW_LOG", X, CRASH_MOOD_LOG },
	[VHD_BARRIER_LOG_BEFORE_HEADER] =
		{ "LOG_BEFORE_HEADER", X, CRASH_MOOD_MIX },
	[VHD_BARRIER_APPLY_BEFORE_CLEAN] =
		{ "APPLY_BEFORE_CLEAN", X, CRASH_MOOD_MIX },
	[VHD_BARRIER_REPLAY_BEFORE_CLEAN] =
		{ "REPLAY_BEFORE_CLEAN", X, CRASH_MOOD_MIX },
	[VHD_BARRIER_CLEAN_BEFORE_CUT] =
		{ "CLEAN_BEFORE_CUT", X, CRASH_MOOD_CHURN },
	[VHD_BARRIER_HEADER_BEFORE_COPY] =
		{ "HEADER_BEFORE_COPY", X, CRASH_MOOD_MIX },
	[VHD_BARRIER_WIPE_STALE_BITS] =
		/* Such bits come with images of others: test_vhdx_write_map. */
		{ "WIPE_STALE_BITS", 0, CRASH_MOOD_LAZY },
	[VHD_BARRIER_FOOTER_BEFORE_GROWTH] =
		{ "FOOTER_BEFORE_GROWTH", V, CRASH_MOOD_FILL },
	[VHD_BARRIER_FOOTER_BEFORE_CUT] =
		{ "FOOTER_BEFORE_CUT", V_DYN, CRASH_MOOD_CHURN },
};

/* What a child found out; in memory that it shares. */
struct result {
	struct crash_counts counts;
	struct crash_failure fail;
	uint64_t seed;
};

static void hunt_mutant(enum vhd_barrier barrier, const struct crash_type *type,
			uint64_t states, struct result *out)
{
	struct crash_hunt h = { .bounds = { .states = 1000, .deep = 5,
					    .again = 1 } };
	uint64_t seed;

	vhd_mutant = barrier;
	for (seed = 1; h.counts.states < states; seed++) {
		struct crash_setup s = {
			.type = type, .seed = seed,
			.mood = seed % 2 ? mutants[barrier].mood : 0,
		};
		bool ok = crash_run(&h, &s);

		out->counts = h.counts;
		out->fail = h.fail;
		out->seed = seed;
		if (!ok)
			return;
	}
}

/* A mutant may do anything, so it does it in a process of its own. */
static bool caught(enum vhd_barrier barrier, const struct crash_type *type,
		   uint64_t states, struct result *out)
{
	pid_t pid;
	int status;

	memset(out, 0, sizeof(*out));
	fflush(stdout);
	pid = fork();
	CRASH_NEED(pid >= 0);
	if (!pid) {
		alarm(300);
		hunt_mutant(barrier, type, states, out);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0)
		CRASH_NEED(errno == EINTR);
	/* Time is up: nobody noticed anything. */
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		return false;
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		crash_fail(&out->fail, "the program ends by signal %d",
			   WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	return crash_failed(&out->fail);
}

static bool try_mutant(enum vhd_barrier barrier, uint64_t states,
		       struct result *out, bool verbose)
{
	bool ok = true;

	for (size_t i = 0; i < CRASH_TYPES; i++) {
		char line[101];
		bool yes;

		if (!(mutants[barrier].types & 1u << i))
			continue;
		yes = caught(barrier, &crash_types[i], states, out);
		snprintf(line, sizeof(line), "%.100s", out->fail.text);
		line[strcspn(line, "\n")] = '\0';
		printf("%-21s %-13s %-7s %3" PRIu64 " runs %7" PRIu64
		       " states  %s\n", mutants[barrier].name,
		       crash_types[i].name, yes ? "caught" : "MISSED",
		       out->counts.runs, out->counts.states +
		       out->counts.again_states,
		       verbose ? out->fail.text : line);
		ok = ok && yes;
	}
	return ok;
}

int main(int argc, char **argv)
{
	uint64_t states = argc > 1 ? strtoull(argv[1], NULL, 0) : 20000;
	const char *only = argc > 2 ? argv[2] : NULL;
	struct result *out = mmap(NULL, sizeof(*out), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bool ok = true;

	CRASH_NEED(out != MAP_FAILED);
	crash_init();
	for (int i = 1; i < VHD_BARRIER_COUNT; i++) {
		if (only && strcmp(only, mutants[i].name))
			continue;
		/* A new step needs a row. */
		CRASH_NEED(mutants[i].name);
		if (!mutants[i].types)
			printf("%-21s left to other tests\n", mutants[i].name);
		if (!try_mutant((enum vhd_barrier)i, states, out, only))
			ok = false;
	}
	munmap(out, sizeof(*out));
	return ok ? 0 : 1;
}
