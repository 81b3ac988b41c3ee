/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many threads over a budget that is far too small, so that every lookup races
 * with evictions.  What this is worth shows under the thread sanitizer.  Check's
 * assertions are not for threads: these count what is wrong.
 */
#include "base/ckd.h"
#include "cache/pcache.h"
#include "support/base_rand.h"
#include "support/cache_backing.h"
#include "support/check_main.h"

#include <pthread.h>
#include <sched.h>

enum { THREADS = 6, ROUNDS = 6000 };

static struct backing file;

struct work {
	struct vhd_pcache *pc;
	uint64_t seed;
	uint64_t pages;		/* the range to read from */
	size_t hold;		/* pages to keep pinned at once */
	_Atomic bool *stop;	/* for readers beside a writer */
	size_t wrong;
	size_t errors;
};

static void run_threads(void *(*fn)(void *), struct work *work, size_t count)
{
	pthread_t threads[THREADS + 1];

	for (size_t i = 0; i < count; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, fn,
						&work[i]), 0);
	for (size_t i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
}

static bool page_right(const struct vhd_page *page, uint64_t off, size_t from)
{
	const uint8_t *bytes = vhd_page_bytes(page);

	for (size_t i = from; i < VHD_PAGE_SIZE; i += 61) {
		if (bytes[i] != backing_byte(off, i))
			return false;
	}
	return true;
}

/* Keeps @hold pages pinned and looks at each when it comes and when it goes. */
static void *read_pages(void *arg)
{
	struct work *w = arg;
	struct vhd_page *held[32] = { NULL };
	uint64_t offs[32] = { 0 };

	for (size_t i = 0; i < ROUNDS + w->hold; i++) {
		size_t k = i % w->hold;

		if (held[k]) {
			w->wrong += !page_right(held[k], offs[k], i % 61);
			vhd_pcache_put(w->pc, held[k]);
			held[k] = NULL;
		}
		if (i >= ROUNDS)
			continue;
		offs[k] = base_rand_below(&w->seed, w->pages) * PAGE;
		if (vhd_pcache_get(w->pc, offs[k], &held[k], NULL))
			w->errors++;
		else
			w->wrong += !page_right(held[k], offs[k], i % 61);
	}
	return NULL;
}

static void expect_clean(const struct work *work, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		ck_assert_uint_eq(work[i].wrong, 0);
		ck_assert_uint_eq(work[i].errors, 0);
	}
}

static void read_with(uint64_t pages, size_t hold)
{
	struct work work[THREADS] = { { 0 } };
	struct vhd_pcache *pc;

	backing_init(&file);
	pc = backing_cache(&file, 64 * KiB);
	for (size_t i = 0; i < THREADS; i++) {
		work[i].pc = pc;
		work[i].seed = i + 1;
		work[i].pages = pages;
		work[i].hold = hold;
	}
	run_threads(read_pages, work, THREADS);
	expect_clean(work, THREADS);
	vhd_pcache_free(pc);
}

START_TEST(pcache_threads__random_pages_through_a_tiny_budget_are_right)
{
	read_with(2000, 1);
}
END_TEST

START_TEST(pcache_threads__a_few_hot_pages_are_right)
{
	read_with(20, 2);
}
END_TEST

START_TEST(pcache_threads__more_pins_than_slots_are_right)
{
	read_with(200, 32);
}
END_TEST

/* All want the same page at the same time; it is fetched once. */
static int slow_fetch(void *arg, uint64_t off, uint8_t *page,
		      struct vhd_error *err)
{
	for (int i = 0; i < 100; i++)
		sched_yield();
	return backing_fetch(arg, off, page, err);
}

static void *read_upwards(void *arg)
{
	struct work *w = arg;

	for (uint64_t off = 0; off < w->pages * PAGE; off += PAGE) {
		struct vhd_page *page;

		if (vhd_pcache_get(w->pc, off, &page, NULL)) {
			w->errors++;
			continue;
		}
		w->wrong += !page_right(page, off, 0);
		vhd_pcache_put(w->pc, page);
	}
	return NULL;
}

START_TEST(pcache_threads__a_page_that_many_want_is_fetched_once)
{
	static const struct vhd_pcache_ops ops = { .fetch = slow_fetch };
	struct work work[THREADS] = { { 0 } };
	struct vhd_pcache *pc = NULL;

	backing_init(&file);
	ck_assert_int_eq(vhd_pcache_new(&ops, &file, 4 * MiB, &pc, NULL), 0);
	for (size_t i = 0; i < THREADS; i++) {
		work[i].pc = pc;
		work[i].pages = 200;
	}
	run_threads(read_upwards, work, THREADS);
	expect_clean(work, THREADS);
	ck_assert_uint_eq(file.fetches, 200);
	vhd_pcache_free(pc);
}
END_TEST

/* Fails now and then; whoever waited for the load tries for himself. */
static int moody_fetch(void *arg, uint64_t off, uint8_t *page,
		       struct vhd_error *err)
{
	static _Atomic unsigned int calls;

	if (atomic_fetch_add(&calls, 1) % 3 == 0)
		return vhd_fail(err, VHD_E_IO, "not now");
	return backing_fetch(arg, off, page, err);
}

START_TEST(pcache_threads__failed_fetches_leave_no_wrong_page)
{
	static const struct vhd_pcache_ops ops = { .fetch = moody_fetch };
	struct work work[THREADS] = { { 0 } };
	struct vhd_pcache *pc = NULL;
	size_t errors = 0;

	backing_init(&file);
	ck_assert_int_eq(vhd_pcache_new(&ops, &file, 1, &pc, NULL), 0);
	for (size_t i = 0; i < THREADS; i++) {
		work[i].pc = pc;
		work[i].seed = i + 1;
		work[i].pages = 60;
		work[i].hold = 3;
	}
	run_threads(read_pages, work, THREADS);
	for (size_t i = 0; i < THREADS; i++) {
		ck_assert_uint_eq(work[i].wrong, 0);
		errors += work[i].errors;
	}
	ck_assert_uint_gt(errors, 0);
	vhd_pcache_free(pc);
}
END_TEST

/*
 * Readers beside a writer.  The writer numbers its rounds and puts the number
 * into both halves of each 8-byte entry: a reader must see halves of one round,
 * and no entry may go back in time.
 */
enum { TABLE_PAGES = 80, ENTRIES = TABLE_PAGES * 512 };

/* Both ways to read beside a writer. */
static int read_entry(struct vhd_pcache *pc, uint64_t off, bool by_page,
		      uint64_t *x)
{
	struct vhd_page *page;
	int rc;

	if (!by_page)
		return vhd_pcache_read(pc, off, x, 8, NULL);
	rc = vhd_pcache_get(pc, off, &page, NULL);
	if (rc)
		return rc;
	vhd_page_read(page, off % VHD_PAGE_SIZE, x, 8);
	vhd_pcache_put(pc, page);
	return 0;
}

static void *read_entries(void *arg)
{
	static _Thread_local uint32_t last[ENTRIES];
	struct work *w = arg;

	while (!atomic_load(w->stop)) {
		uint64_t idx = base_rand_below(&w->seed, ENTRIES / 64) * 64;
		uint64_t x = 0;

		if (read_entry(w->pc, idx * 8, idx & 64, &x)) {
			w->errors++;
			continue;
		}
		w->wrong += (uint32_t)x != (uint32_t)(x >> 32);
		w->wrong += (uint32_t)x < last[idx];
		last[idx] = (uint32_t)x;
	}
	return NULL;
}

static void *write_entries(void *arg)
{
	struct work *w = arg;

	for (uint64_t round = 1; round <= 20000; round++) {
		uint64_t idx = base_rand_below(&w->seed, ENTRIES / 64) * 64;
		uint64_t x = round << 32 | round;

		if (vhd_pcache_write(w->pc, idx * 8, &x, 8, NULL))
			w->errors++;
		if (round % 97 == 0 && vhd_pcache_commit(w->pc, NULL))
			w->errors++;
	}
	atomic_store(w->stop, true);
	return NULL;
}

static void *one_of_each(void *arg)
{
	struct work *w = arg;

	return w->pages ? write_entries(w) : read_entries(w);
}

/* The file as the kernel would give it: a page is never half written. */
static pthread_mutex_t file_lock = PTHREAD_MUTEX_INITIALIZER;

static int locked_fetch(void *arg, uint64_t off, uint8_t *page,
			struct vhd_error *err)
{
	int rc;

	pthread_mutex_lock(&file_lock);
	rc = backing_fetch(arg, off, page, err);
	pthread_mutex_unlock(&file_lock);
	return rc;
}

static int locked_store(void *arg, uint64_t off, const uint8_t *page,
			uint32_t mask, struct vhd_error *err)
{
	int rc;

	pthread_mutex_lock(&file_lock);
	rc = backing_store(arg, off, page, mask, err);
	pthread_mutex_unlock(&file_lock);
	return rc;
}

START_TEST(pcache_threads__readers_see_whole_entries_beside_a_writer)
{
	static const struct vhd_pcache_ops ops = { .fetch = locked_fetch,
						   .store = locked_store };
	_Atomic bool stop = false;
	struct work work[THREADS] = { { 0 } };
	struct vhd_pcache *pc = NULL;

	memset(&file, 0, sizeof(file));
	ck_assert_int_eq(vhd_pcache_new(&ops, &file, 128 * KiB, &pc, NULL), 0);
	for (size_t i = 0; i < THREADS; i++) {
		work[i].pc = pc;
		work[i].seed = i + 1;
		work[i].stop = &stop;
		work[i].pages = i == 0;
	}
	run_threads(one_of_each, work, THREADS);
	expect_clean(work, THREADS);
	ck_assert_int_eq(vhd_pcache_commit(pc, NULL), 0);
	vhd_pcache_free(pc);
}
END_TEST

TEST_MAIN("cache/pcache_threads",
	  pcache_threads__random_pages_through_a_tiny_budget_are_right,
	  pcache_threads__a_few_hot_pages_are_right,
	  pcache_threads__more_pins_than_slots_are_right,
	  pcache_threads__a_page_that_many_want_is_fetched_once,
	  pcache_threads__failed_fetches_leave_no_wrong_page,
	  pcache_threads__readers_see_whole_entries_beside_a_writer)
