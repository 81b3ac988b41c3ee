/* SPDX-License-Identifier: BSD-2-Clause */
#include "gz_out.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "gz_job.h"

/*
 * A ring of pieces.  The caller fills one after the other; whichever thread is
 * free packs the oldest that nobody has; the caller writes them in order, when
 * it needs the room.  A single thread does all of that in turn.
 *
 *	first             next          last
 *	 v                 v             v
 *	[packed] [being..] [full] [full] [being filled]
 *
 * Long runs of zeros are not packed at all: a unit of them is packed once, and
 * that is written as often as needed.
 */

enum {
	THREADS_MOST = 64,
	THREADS_OWN = 8,	/* most that we choose ourselves */
	ZERO_UNIT = 1 << 20,
	ZERO_PACKED = 4096	/* a unit shrinks to a thousandth */
};

struct packer {
	struct gz_out *gz;
	pthread_t thread;
	z_stream z;
};

struct gz_out {
	int (*write)(void *arg, const void *buf, size_t len);
	void *arg;
	struct gz_job *ring;
	size_t room;
	size_t first, next, last;	/* count up; place: modulo room */
	struct packer packer[THREADS_MOST];
	unsigned packers;		/* whose z there is */
	unsigned threads;		/* that run; 0: the caller packs */
	pthread_mutex_t lock;		/* next, last, stop; done and rc of
					 * jobs */
	pthread_cond_t work, ready;
	bool stop;
	uint8_t zero[ZERO_PACKED];	/* a unit of zeros, packed */
	size_t zero_len;
	uint32_t zero_crc;
	uint32_t crc;			/* of all that was written */
	uint64_t total;
};

static struct gz_job *at(struct gz_out *gz, size_t i)
{
	return &gz->ring[i % gz->room];
}

static void *packer_main(void *arg)
{
	struct packer *p = arg;
	struct gz_out *gz = p->gz;

	pthread_mutex_lock(&gz->lock);
	for (;;) {
		struct gz_job *job;
		int rc;

		while (gz->next == gz->last && !gz->stop)
			pthread_cond_wait(&gz->work, &gz->lock);
		if (gz->stop)
			break;
		job = at(gz, gz->next++);
		pthread_mutex_unlock(&gz->lock);
		rc = gz_pack(&p->z, job);
		pthread_mutex_lock(&gz->lock);
		job->rc = rc;
		job->done = true;
		pthread_cond_signal(&gz->ready);
	}
	pthread_mutex_unlock(&gz->lock);
	return NULL;
}

/* Packs a unit of zeros, with the packer of the first thread. */
static int zero_init(struct gz_out *gz)
{
	uint8_t *unit = calloc(1, ZERO_UNIT);
	z_stream *z = &gz->packer[0].z;
	int rc = -ENOMEM;

	if (unit == NULL)
		return -ENOMEM;
	z->next_in = unit;
	z->avail_in = ZERO_UNIT;
	z->next_out = gz->zero;
	z->avail_out = ZERO_PACKED;
	if (deflate(z, Z_SYNC_FLUSH) == Z_OK && z->avail_in == 0 &&
	    z->avail_out > 0)
		rc = 0;
	gz->zero_len = ZERO_PACKED - z->avail_out;
	gz->zero_crc = (uint32_t)crc32(0, unit, ZERO_UNIT);
	free(unit);
	return rc;
}

static unsigned own_threads(void)
{
	cpu_set_t set;
	int n = 1;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		n = CPU_COUNT(&set);
	return n < THREADS_OWN ? (unsigned)n : THREADS_OWN;
}

static int ring_init(struct gz_out *gz, unsigned threads)
{
	int rc = 0;

	gz->room = threads > 1 ? 2 * threads + 2 : 1;
	gz->ring = calloc(gz->room, sizeof(*gz->ring));
	if (gz->ring == NULL)
		return -ENOMEM;
	for (size_t i = 0; rc == 0 && i < gz->room; i++)
		rc = gz_job_init(&gz->ring[i]);
	return rc;
}

static int packers_init(struct gz_out *gz, int level, unsigned threads)
{
	int rc = gz_packer_init(&gz->packer[0].z, Z_BEST_COMPRESSION);

	if (rc != 0)
		return rc;
	rc = zero_init(gz);
	deflateEnd(&gz->packer[0].z);
	while (rc == 0 && gz->packers < threads) {
		struct packer *p = &gz->packer[gz->packers];

		p->gz = gz;
		rc = gz_packer_init(&p->z, level);
		if (rc == 0)
			gz->packers++;
	}
	return rc;
}

static int threads_run(struct gz_out *gz)
{
	while (gz->packers > 1 && gz->threads < gz->packers) {
		struct packer *p = &gz->packer[gz->threads];
		int rc = pthread_create(&p->thread, NULL, packer_main, p);

		/* Fewer do as well. */
		if (rc != 0)
			return gz->threads > 0 ? 0 : -rc;
		gz->threads++;
	}
	return 0;
}

/* A signal is to end a write of the caller early, so none may come to others. */
static int threads_start(struct gz_out *gz)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = threads_run(gz);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc;
}

int gz_out_new(int (*write)(void *arg, const void *buf, size_t len), void *arg,
	       int level, unsigned threads, struct gz_out **out)
{
	/* No name, no time; made on Unix. */
	static const uint8_t header[10] = { 0x1f, 0x8b, 8, [9] = 3 };
	struct gz_out *gz = calloc(1, sizeof(*gz));
	int rc;

	if (gz == NULL)
		return -ENOMEM;
	if (threads == 0)
		threads = own_threads();
	if (threads > THREADS_MOST)
		threads = THREADS_MOST;
	gz->write = write;
	gz->arg = arg;
	pthread_mutex_init(&gz->lock, NULL);
	pthread_cond_init(&gz->work, NULL);
	pthread_cond_init(&gz->ready, NULL);
	rc = ring_init(gz, threads);
	if (rc == 0)
		rc = packers_init(gz, level, threads);
	if (rc == 0)
		rc = threads_start(gz);
	if (rc == 0)
		rc = write(arg, header, sizeof(header));
	if (rc != 0)
		gz_out_free(gz);
	else
		*out = gz;
	return rc;
}

void gz_out_free(struct gz_out *gz)
{
	if (gz == NULL)
		return;
	pthread_mutex_lock(&gz->lock);
	gz->stop = true;
	pthread_cond_broadcast(&gz->work);
	pthread_mutex_unlock(&gz->lock);
	for (unsigned i = 0; i < gz->threads; i++)
		pthread_join(gz->packer[i].thread, NULL);
	for (unsigned i = 0; i < gz->packers; i++)
		deflateEnd(&gz->packer[i].z);
	for (size_t i = 0; gz->ring != NULL && i < gz->room; i++)
		gz_job_free(&gz->ring[i]);
	free(gz->ring);
	pthread_cond_destroy(&gz->ready);
	pthread_cond_destroy(&gz->work);
	pthread_mutex_destroy(&gz->lock);
	free(gz);
}

static int zeros_put(struct gz_out *gz, uint64_t units)
{
	int rc = 0;

	while (rc == 0 && units-- > 0) {
		rc = gz->write(gz->arg, gz->zero, gz->zero_len);
		gz->crc = (uint32_t)crc32_combine(gz->crc, gz->zero_crc,
						  ZERO_UNIT);
		gz->total += ZERO_UNIT;
	}
	return rc;
}

/* Writes the oldest piece, once it is packed. */
static int put_first(struct gz_out *gz)
{
	struct gz_job *job = at(gz, gz->first);
	int rc;

	if (gz->threads == 0) {
		job->rc = gz_pack(&gz->packer[0].z, job);
	} else {
		pthread_mutex_lock(&gz->lock);
		while (!job->done)
			pthread_cond_wait(&gz->ready, &gz->lock);
		pthread_mutex_unlock(&gz->lock);
	}
	rc = job->rc;
	if (rc == 0 && job->out_len > 0)
		rc = gz->write(gz->arg, job->out, job->out_len);
	gz->crc = (uint32_t)crc32_combine(gz->crc, job->crc,
					  (z_off_t)job->len);
	gz->total += job->len;
	if (rc == 0)
		rc = zeros_put(gz, job->zeros);
	gz->first++;
	return rc;
}

/* The next piece; it may refer to the last bytes of @old, if there are any. */
static void job_begin(struct gz_job *job, const struct gz_job *old)
{
	size_t dict = old->zeros > 0 ? 0 : old->len;

	if (dict > GZ_DICT)
		dict = GZ_DICT;
	memmove(job->in + GZ_DICT - dict, old->in + GZ_DICT + old->len - dict,
		dict);
	job->dict = dict;
	job->len = 0;
	job->zeros = 0;
	job->done = false;
}

/* The piece that is being filled is full, or followed by @zeros. */
static int hand_over(struct gz_out *gz, uint64_t zeros)
{
	struct gz_job *job = at(gz, gz->last);
	int rc = 0;

	job->zeros = zeros;
	pthread_mutex_lock(&gz->lock);
	gz->last++;
	pthread_cond_signal(&gz->work);
	pthread_mutex_unlock(&gz->lock);
	while (rc == 0 && gz->last - gz->first >= gz->room)
		rc = put_first(gz);
	if (rc == 0)
		job_begin(at(gz, gz->last), job);
	return rc;
}

/* @buf NULL: zeros. */
static int fill(struct gz_out *gz, const uint8_t *buf, size_t len)
{
	int rc = 0;

	while (rc == 0 && len > 0) {
		struct gz_job *job = at(gz, gz->last);
		size_t n = GZ_PIECE - job->len;
		uint8_t *to = job->in + GZ_DICT + job->len;

		if (n > len)
			n = len;
		if (buf != NULL) {
			memcpy(to, buf, n);
			buf += n;
		} else {
			memset(to, 0, n);
		}
		job->len += n;
		len -= n;
		if (job->len == GZ_PIECE)
			rc = hand_over(gz, 0);
	}
	return rc;
}

int gz_out_write(struct gz_out *gz, const void *buf, size_t len)
{
	return fill(gz, buf, len);
}

int gz_out_zero(struct gz_out *gz, uint64_t len)
{
	uint64_t units = len / ZERO_UNIT;
	int rc = 0;

	if (units > 0)
		rc = hand_over(gz, units);
	return rc != 0 ? rc : fill(gz, NULL, (size_t)(len % ZERO_UNIT));
}

static void le32_put(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

int gz_out_end(struct gz_out *gz)
{
	/* An empty last block, and what there should be. */
	uint8_t end[10] = { 0x03, 0x00 };
	int rc = hand_over(gz, 0);

	while (rc == 0 && gz->first != gz->last)
		rc = put_first(gz);
	le32_put(end + 2, gz->crc);
	le32_put(end + 6, (uint32_t)gz->total);
	return rc != 0 ? rc : gz->write(gz->arg, end, sizeof(end));
}
