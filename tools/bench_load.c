/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "sigint.h"

enum { LOOK_EVERY = 512 };	/* operations; drawing must not be measured */

/**
 * struct run - what the threads of a load share
 *
 * @next:   number of the next operation
 * @failed: somebody has filled in @err
 */
struct run {
	struct vhd_image *img;
	const struct bench_load *load;
	uint64_t slots;			/* places in the range */
	_Atomic uint64_t next;
	_Atomic uint64_t flushes;
	atomic_bool stop;
	atomic_bool failed;
	int rc;
	struct vhd_error *err;
};

/* splitmix64 of Steele, Lea and Flood: number @i of a sequence, at once. */
static uint64_t mix(uint64_t seed, uint64_t i)
{
	uint64_t z = seed + (i + 1) * UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint64_t offset_of(const struct bench_load *load, uint64_t slots,
			  uint64_t i)
{
	uint64_t slot = load->random ? mix(load->seed, i) : i;

	return load->off + slot % slots * load->size;
}

/* No zeros, which an image need not store. */
static unsigned char *new_buffer(const struct bench_load *load)
{
	unsigned char *buf = malloc((size_t)load->size);

	for (uint64_t i = 0; buf != NULL && i < load->size; i++)
		buf[i] = (unsigned char)(mix(load->seed, i) | 1);
	return buf;
}

static int one(struct run *run, unsigned char *buf, uint64_t i,
	       struct vhd_error *err)
{
	const struct bench_load *load = run->load;
	uint64_t off = offset_of(load, run->slots, i);
	size_t len = (size_t)load->size;
	int rc;

	if (!load->write)
		return vhd_pread(run->img, buf, len, off, err);
	rc = vhd_pwrite(run->img, buf, len, off, err);
	if (rc != 0 || load->flush_every == 0 ||
	    (i + 1) % load->flush_every != 0)
		return rc;
	atomic_fetch_add(&run->flushes, 1);
	return vhd_flush(run->img, err);
}

static void fail(struct run *run, int rc, const struct vhd_error *err)
{
	atomic_store(&run->stop, true);
	if (atomic_exchange(&run->failed, true))
		return;
	run->rc = rc;
	*run->err = *err;
}

/* @pr: of the thread that draws, else NULL */
static void work(struct run *run, struct progress *pr)
{
	struct vhd_error err = { .code = VHD_E_NOMEM, .off = VHD_NO_OFFSET };
	unsigned char *buf = new_buffer(run->load);
	uint64_t count = run->load->count;
	int rc = buf == NULL ? VHD_E_NOMEM : 0;

	while (rc == 0 && !atomic_load(&run->stop)) {
		uint64_t i = atomic_fetch_add(&run->next, 1);

		if (i >= count)
			break;
		rc = one(run, buf, i, &err);
		if (rc == 0 && (sigint_seen() ||
				(pr != NULL && i % LOOK_EVERY == 0 &&
				 !progress_step(pr, i, count))))
			rc = err.code = VHD_E_CANCELLED;
	}
	if (rc != 0)
		fail(run, rc, &err);
	free(buf);
}

static void *thread(void *arg)
{
	work(arg, NULL);
	return NULL;
}

int bench_run(struct vhd_image *img, const struct bench_load *load,
	      struct progress *pr, uint64_t *flushes_out,
	      struct vhd_error *err)
{
	struct vhd_error first = { .code = VHD_E_NOMEM, .off = VHD_NO_OFFSET };
	struct run run = {
		.img = img,
		.load = load,
		.slots = load->len / load->size,
		.err = &first,
	};
	pthread_t *threads = calloc(load->threads, sizeof(*threads));
	uint32_t started = 0;

	if (threads == NULL)
		fail(&run, VHD_E_NOMEM, &first);
	while (run.rc == 0 && started + 1 < load->threads &&
	       pthread_create(&threads[started], NULL, thread, &run) == 0)
		started++;
	if (run.rc == 0 && started + 1 < load->threads)
		fail(&run, VHD_E_NOMEM, &first);
	work(&run, pr);
	for (uint32_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	free(threads);
	*flushes_out = run.flushes;
	if (run.rc != 0)
		*err = first;
	return run.rc;
}
