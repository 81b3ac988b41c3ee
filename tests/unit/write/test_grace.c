/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One thread, where every answer is known, and many, where cells stand for
 * space in a file: under the thread sanitizer giving a cell away too early is a
 * data race.  Check's assertions are not for threads: these count what is wrong.
 */
#include "support/base_rand.h"
#include "support/check_main.h"
#include "write/grace.h"

#include <pthread.h>
#include <sched.h>

START_TEST(grace__a_stamp_passes_at_once_when_nobody_is_inside)
{
	struct vhd_grace g;

	vhd_grace_init(&g);
	for (int i = 0; i < 10; i++)
		ck_assert(vhd_grace_passed(&g, vhd_grace_stamp(&g)));
}
END_TEST

START_TEST(grace__a_stamp_waits_for_who_entered_before_it)
{
	struct vhd_grace g;
	struct vhd_grace_token t;
	uint64_t stamp;

	vhd_grace_init(&g);
	for (int i = 0; i < 10; i++) {
		t = vhd_grace_enter(&g);
		stamp = vhd_grace_stamp(&g);
		for (int k = 0; k < 5; k++)
			ck_assert(!vhd_grace_passed(&g, stamp));
		vhd_grace_leave(&g, t);
		ck_assert(vhd_grace_passed(&g, stamp));
		/* And goes on having passed. */
		t = vhd_grace_enter(&g);
		ck_assert(vhd_grace_passed(&g, stamp));
		vhd_grace_leave(&g, t);
	}
}
END_TEST

/* Once somebody was seen to delay it, who comes later does not any more. */
START_TEST(grace__a_stamp_does_not_wait_for_who_entered_after_it)
{
	struct vhd_grace g;
	struct vhd_grace_token before, after;
	uint64_t stamp;

	vhd_grace_init(&g);
	before = vhd_grace_enter(&g);
	stamp = vhd_grace_stamp(&g);
	ck_assert(!vhd_grace_passed(&g, stamp));
	after = vhd_grace_enter(&g);
	ck_assert(!vhd_grace_passed(&g, stamp));
	vhd_grace_leave(&g, before);
	ck_assert(vhd_grace_passed(&g, stamp));
	vhd_grace_leave(&g, after);
}
END_TEST

START_TEST(grace__everybody_before_a_stamp_counts)
{
	enum { N = 40 };
	struct vhd_grace_token t[N];
	uint64_t stamps[N];
	struct vhd_grace g;

	vhd_grace_init(&g);
	for (int i = 0; i < N; i++) {
		t[i] = vhd_grace_enter(&g);
		stamps[i] = vhd_grace_stamp(&g);
		ck_assert(!vhd_grace_passed(&g, stamps[i]));
	}
	/* From the last to the first: the first holds all of them up. */
	for (int i = N - 1; i >= 0; i--) {
		for (int k = 0; k < N; k++)
			ck_assert(!vhd_grace_passed(&g, stamps[k]));
		vhd_grace_leave(&g, t[i]);
	}
	for (int k = 0; k < N; k++)
		ck_assert(vhd_grace_passed(&g, stamps[k]));
}
END_TEST

static void *enter_here(void *arg)
{
	struct vhd_grace_token *t = malloc(sizeof(*t));

	*t = vhd_grace_enter(arg);
	return t;
}

START_TEST(grace__another_thread_may_leave)
{
	struct vhd_grace g;
	pthread_t thread;
	uint64_t stamp;
	void *token;

	vhd_grace_init(&g);
	ck_assert_int_eq(pthread_create(&thread, NULL, enter_here, &g), 0);
	pthread_join(thread, &token);
	stamp = vhd_grace_stamp(&g);
	ck_assert(!vhd_grace_passed(&g, stamp));
	vhd_grace_leave(&g, *(struct vhd_grace_token *)token);
	ck_assert(vhd_grace_passed(&g, stamp));
	free(token);
}
END_TEST

/*
 * Entering asks for its thread after it has read the phase: here that is the
 * moment when phases pass.  (Linked with --wrap=pthread_self.)
 */
pthread_t __real_pthread_self(void);
pthread_t __wrap_pthread_self(void);

static struct vhd_grace *_Atomic overtake;
static uint64_t overtake_stamp;

pthread_t __wrap_pthread_self(void)
{
	struct vhd_grace *g = atomic_load(&overtake);

	if (g) {
		atomic_store(&overtake, NULL);
		vhd_grace_passed(g, overtake_stamp);
	}
	return __real_pthread_self();
}

static uint64_t counted(struct vhd_grace *g, uint64_t phase)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < VHD_GRACE_SHARDS; i++)
		sum += atomic_load(&g->shard[i].users[phase & 1]);
	return sum;
}

START_TEST(grace__who_is_overtaken_while_entering_counts_in_the_new_phase)
{
	struct vhd_grace_token before, late;
	struct vhd_grace g;

	vhd_grace_init(&g);
	for (int i = 0; i < 4; i++) {
		before = vhd_grace_enter(&g);
		overtake_stamp = vhd_grace_stamp(&g);
		atomic_store(&overtake, &g);
		late = vhd_grace_enter(&g);
		/* One phase has passed: the next waits for the first one. */
		ck_assert_ptr_null(atomic_load(&overtake));
		ck_assert_uint_eq(vhd_grace_stamp(&g), overtake_stamp + 1);
		ck_assert_uint_eq(counted(&g, overtake_stamp), 1);
		ck_assert_uint_eq(counted(&g, overtake_stamp + 1), 1);
		vhd_grace_leave(&g, before);
		vhd_grace_leave(&g, late);
	}
}
END_TEST

START_TEST(grace__random_work_agrees_with_a_list_of_who_is_inside)
{
	enum { N = 12 };
	struct vhd_grace_token t[N];
	int since[N] = { 0 };		/* 0: outside */
	uint64_t stamp = 0, state = (uint64_t)_i + 1;
	int stamped = 0;
	struct vhd_grace g;

	vhd_grace_init(&g);
	for (int now = 1; now < 20000; now++) {
		size_t i = base_rand_below(&state, N);
		bool alone = true;

		if (since[i])
			vhd_grace_leave(&g, t[i]);
		else
			t[i] = vhd_grace_enter(&g);
		since[i] = since[i] ? 0 : now;
		if (base_rand_below(&state, 10) == 0 || !stamped) {
			stamp = vhd_grace_stamp(&g);
			stamped = now;
		}
		for (i = 0; i < N; i++)
			alone &= !since[i] || since[i] > stamped;
		ck_assert(!vhd_grace_passed(&g, stamp) || alone);
	}
}
END_TEST

/*
 * Space of a file: a cell is somebody's, is taken from him and is given to the
 * next.  Workers look up the owner's cell and stay a while; the giver overwrites
 * cells that nobody can be in any more.
 */
enum { WORKERS = 6, CELLS = 8, MOVES = 4000 };

struct cell {
	uint64_t life;		/* plain memory, on purpose */
	_Atomic int users;	/* who would notice without a sanitizer */
};

struct town {
	struct vhd_grace grace;
	struct cell cells[CELLS];
	_Atomic size_t current;	/* what a lookup finds */
	_Atomic bool stop;
	_Atomic size_t wrong;
	_Atomic size_t visits;
};

struct worker {
	struct town *town;
	uint64_t seed;
};

/* How long nobody knows: mostly not at all. */
static void linger(uint64_t *seed)
{
	uint64_t n = base_rand_below(seed, 40);

	for (uint64_t i = n < 36 ? 0 : n - 30; i; i--)
		sched_yield();
}

static void *visit(void *arg)
{
	struct worker *w = arg;
	struct town *town = w->town;

	while (!atomic_load(&town->stop)) {
		struct vhd_grace_token t = vhd_grace_enter(&town->grace);
		struct cell *c = &town->cells[atomic_load_explicit(
			&town->current, memory_order_acquire)];
		uint64_t life;

		atomic_fetch_add_explicit(&c->users, 1, memory_order_relaxed);
		life = c->life;
		linger(&w->seed);
		if (c->life != life)
			atomic_fetch_add(&town->wrong, 1);
		atomic_fetch_sub_explicit(&c->users, 1, memory_order_relaxed);
		vhd_grace_leave(&town->grace, t);
		atomic_fetch_add_explicit(&town->visits, 1,
					  memory_order_relaxed);
	}
	return NULL;
}

/* Waits, as the library never does; false when that takes too long. */
static bool wait_passed(struct vhd_grace *g, uint64_t stamp)
{
	for (unsigned long i = 0; i < 2ul * 1000 * 1000; i++) {
		if (vhd_grace_passed(g, stamp))
			return true;
		sched_yield();
	}
	return false;
}

/* Moves on to the next cell when its last loss is @delay moves old. */
static void move_about(struct town *town, size_t delay)
{
	uint64_t stamps[CELLS] = { 0 };
	size_t now = 0;

	for (size_t i = 0; i < MOVES; i++) {
		size_t next = (now + 1) % CELLS;
		size_t due = (now + CELLS - delay) % CELLS;

		/* The cell that comes next was given up before @due was. */
		if (!wait_passed(&town->grace, stamps[due])) {
			atomic_fetch_add(&town->wrong, 1);
			return;
		}
		if (atomic_load_explicit(&town->cells[next].users,
					 memory_order_relaxed))
			atomic_fetch_add(&town->wrong, 1);
		town->cells[next].life++;
		atomic_store_explicit(&town->current, next,
				      memory_order_release);
		stamps[now] = vhd_grace_stamp(&town->grace);
		now = next;
	}
}

/*
 * With @delay CELLS - 1 the one that is waited for is the one that is reused;
 * with less there is one that was stamped later.
 */
static void live(size_t delay, size_t workers)
{
	static struct town town;
	struct worker w[WORKERS];
	pthread_t threads[WORKERS];

	vhd_grace_init(&town.grace);
	for (size_t i = 0; i < workers; i++) {
		w[i] = (struct worker){ &town, i + 1 };
		ck_assert_int_eq(pthread_create(&threads[i], NULL, visit,
						&w[i]), 0);
	}
	while (!atomic_load(&town.visits))
		sched_yield();
	move_about(&town, delay);
	atomic_store(&town.stop, true);
	for (size_t i = 0; i < workers; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(town.wrong, 0);
	ck_assert(vhd_grace_passed(&town.grace, vhd_grace_stamp(&town.grace)));
}

START_TEST(grace__no_cell_changes_owner_while_somebody_is_in_it)
{
	live(CELLS - 1, _i ? WORKERS : 1);
}
END_TEST

START_TEST(grace__a_later_stamp_that_passed_covers_the_earlier_ones)
{
	live(1, WORKERS);
}
END_TEST

TEST_MAIN_ROWS("write/grace",
	       ONCE(grace__a_stamp_passes_at_once_when_nobody_is_inside),
	       ONCE(grace__a_stamp_waits_for_who_entered_before_it),
	       ONCE(grace__a_stamp_does_not_wait_for_who_entered_after_it),
	       ONCE(grace__everybody_before_a_stamp_counts),
	       ONCE(grace__another_thread_may_leave),
	       ONCE(grace__who_is_overtaken_while_entering_counts_in_the_new_phase),
	       LOOP(grace__random_work_agrees_with_a_list_of_who_is_inside, 3),
	       LOOP(grace__no_cell_changes_owner_while_somebody_is_in_it, 2),
	       ONCE(grace__a_later_stamp_that_passed_covers_the_earlier_ones))
