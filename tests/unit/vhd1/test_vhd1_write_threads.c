/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writers, readers, a flusher and those who walk the table, all at once: to be
 * run under a thread sanitizer.  Each writer has blocks of its own, so that
 * what is read back is known.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/ckd.h"
#include "support/check_main.h"
#include "support/vhd1_writing.h"
#include "vhd1/vhd1.h"

enum { WRITERS = 3, BLOCKS = 24, BLOCK = 64 << 10 };

static struct vhd1_bench b;
static _Atomic int failed;
static _Atomic bool stop;

static void *writer(void *arg)
{
	const int me = *(const int *)arg;
	uint64_t i;

	for (i = (uint64_t)me; i < BLOCKS; i += WRITERS) {
		uint64_t off = i * BLOCK + 3000;
		bool gone;

		if (vhd1_guest_write(&b, off, 0x77, BLOCK / 2, NULL) ||
		    vhd1_guest_write(&b, off, (uint8_t)(i + 1), BLOCK / 2,
				     NULL))
			failed++;
		if (i % 4 == 3 &&
		    vhd_writer_unmap(b.w, i, VHD_UNMAP_ZERO, &gone, NULL))
			failed++;
		if (i % 4 == 3 &&
		    vhd1_guest_write(&b, off, (uint8_t)(i + 1), BLOCK / 2,
				     NULL))
			failed++;
	}
	return NULL;
}

static void *reader(void *arg)
{
	(void)arg;
	while (!stop) {
		uint64_t off = 0;

		while (off < BLOCKS * BLOCK) {
			struct vhd_run run;

			if (vhd1_engine.map(b.v, off, BLOCKS * BLOCK - off,
					    &run, NULL)) {
				failed++;
				return NULL;
			}
			off += run.len;
		}
	}
	return NULL;
}

static void *walker(void *arg)
{
	(void)arg;
	while (!stop) {
		struct vhd_usage u;
		struct vhd_info info;

		if (vhd1_engine.usage(b.v, MiB, &u, NULL) ||
		    vhd1_guest_flush(&b, NULL))
			failed++;
		vhd1_engine.info(b.v, &info);
	}
	return NULL;
}

START_TEST(vhd1_write_threads__all_at_once)
{
	struct vhd1_image_spec spec = {
		.type = _i ? VHD_TYPE_DIFF : VHD_TYPE_DYNAMIC,
		.size = BLOCKS * BLOCK, .block_size = BLOCK, .blocks = 2
	};
	int nr[WRITERS] = { 0, 1, 2 };
	pthread_t t[WRITERS + 2];
	uint64_t i;

	vhd1_bench_new(&b, vhd1_image_new(&spec));
	stop = false;
	for (i = 0; i < WRITERS; i++)
		pthread_create(&t[i], NULL, writer, &nr[i]);
	pthread_create(&t[WRITERS], NULL, reader, NULL);
	pthread_create(&t[WRITERS + 1], NULL, walker, NULL);
	for (i = 0; i < WRITERS; i++)
		pthread_join(t[i], NULL);
	stop = true;
	pthread_join(t[WRITERS], NULL);
	pthread_join(t[WRITERS + 1], NULL);
	ck_assert_int_eq(failed, 0);
	ck_assert_int_eq(vhd1_bench_shut(&b, NULL), 0);
	vhd1_file_sound(b.io);
	ck_assert_int_eq(vhd1_bench_open(&b, NULL), 0);
	for (i = 0; i < BLOCKS; i++)
		vhd1_guest_expect(&b, i * BLOCK + 3000, (uint8_t)(i + 1),
				  BLOCK / 2);
	vhd1_bench_end(&b);
}
END_TEST

TEST_MAIN_ROWS("vhd1/write_threads",
	LOOP(vhd1_write_threads__all_at_once, 2))
