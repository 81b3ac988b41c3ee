/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Readers beside a writer and a committer, with a cache so small that pages come
 * back from wherever they wait.  A block is either steady, and its byte only
 * ever grows, or it comes and goes, and then it shows its own byte or zero.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "base/ckd.h"
#include "support/base_rand.h"
#include "support/check_main.h"
#include "support/vhdx_writing.h"
#include "vhdx/vhdx_engine.h"

enum { BLOCKS = 60, ROUNDS = 60, READERS = 2 };

static struct vhdx_image img;
static struct vhdx_writing t;
static _Atomic uint8_t acked[BLOCKS];	/* written at least so much */
static _Atomic bool over;
static _Atomic unsigned wrong;

static bool is_steady(unsigned i)
{
	return i % 3 != 0;
}

static uint64_t off_of(unsigned i)
{
	return i * 3 * GiB + 7 * 4096;
}

static bool is_right(unsigned i, uint8_t least, uint8_t byte)
{
	bool untouched = byte == 0 || byte == VHDX_WRITING_PARENT;

	if (is_steady(i))
		return untouched ? !least : byte >= least;
	return untouched || byte == 100 + i;
}

static void look_at(unsigned i)
{
	struct vhd_grace_token token = vhd_writer_enter(t.w);
	uint8_t least = atomic_load(&acked[i]);
	uint8_t byte = vhdx_writing_byte(&t, off_of(i));
	uint8_t next = vhdx_writing_byte(&t, off_of(i) + 4096);

	vhd_writer_leave(t.w, token);
	if (!is_right(i, least, byte) ||
	    (next != 0 && next != VHDX_WRITING_PARENT))
		wrong++;
}

static void *reader(void *arg)
{
	uint64_t seed = (uint64_t)(uintptr_t)arg;

	while (!atomic_load(&over))
		look_at((unsigned)base_rand_below(&seed, BLOCKS));
	return NULL;
}

static void *committer(void *arg)
{
	unsigned n = 0;

	(void)arg;
	while (!atomic_load(&over)) {
		vhdx_writing_commit(&t, n++ % 4 ? VHD_COMMIT_LAZY
						: VHD_COMMIT_SYNC);
		vhdx_engine.info(t.x, &(struct vhd_info){
			.size = sizeof(struct vhd_info) });
	}
	return NULL;
}

static void write_round(unsigned round)
{
	for (unsigned i = 0; i < BLOCKS; i++) {
		uint8_t byte = is_steady(i) ? (uint8_t)(round + 1)
					    : (uint8_t)(100 + i);
		bool done;

		if (!is_steady(i) && round % 2) {
			ck_assert_int_eq(vhd_writer_unmap(t.w,
						off_of(i) / MiB,
						VHD_UNMAP_DISCARD, &done,
						&t.err), 0);
			continue;
		}
		ck_assert_msg(!vhdx_writing_fill(&t, off_of(i), 512, byte),
			      "%s", t.err.msg);
		atomic_store(&acked[i], byte);
	}
}

START_TEST(vhdx_write_threads__readers_never_see_old_or_foreign_bytes)
{
	struct vhdx_image_spec spec = { .disk_size = 200 * GiB,
					.block_size = MiB, .has_parent = _i };
	pthread_t thread[READERS + 1];

	vhdx_image_init(&img, &spec);
	vhdx_writing_begin(&t, &img);
	ck_assert_msg(!t.rc, "%s", t.err.msg);
	ck_assert_int_eq(vhd_writer_ready(t.w, &t.err), 0);
	for (uintptr_t i = 0; i < READERS; i++)
		pthread_create(&thread[i], NULL, reader, (void *)(i + 5));
	pthread_create(&thread[READERS], NULL, committer, NULL);
	for (unsigned round = 0; round < ROUNDS; round++)
		write_round(round);
	atomic_store(&over, true);
	for (unsigned i = 0; i <= READERS; i++)
		pthread_join(thread[i], NULL);
	ck_assert_uint_eq(wrong, 0);
	vhdx_writing_shut_clean(&t);
	vhdx_writing_end(&t);
	vhdx_image_free(&img);
}
END_TEST

TEST_MAIN_ROWS("vhdx/write_threads",
	       LOOP(vhdx_write_threads__readers_never_see_old_or_foreign_bytes,
		    2))
