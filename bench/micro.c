/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The library's inner loops by themselves, in cache.
 *
 *	micro sums [MILLISECONDS]	CRC-32C and the test for zeros
 *	micro resolve IMAGE [COUNT]	finding the place of a guest offset
 *
 * Prints one line for each figure: what, which code, bytes of the buffer, and GB/s
 * (10^9 bytes) or nanoseconds a call.  The best of several rounds: what disturbs
 * only takes away.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <vhd/vhd.h>

#include "base/crc32c.h"
#include "base/zero.h"

enum { ROUNDS = 5, LARGEST = 1 << 20, PLACES = 1 << 16 };

/* Keeps the results alive, so that no call is dropped. */
static volatile uint64_t sink;

/* One of the two functions is there. */
struct variant {
	const char *what, *code;
	uint32_t (*crc)(uint32_t crc, const void *buf, size_t len);
	bool (*zero)(const void *buf, size_t len);
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Calls for about @seconds; GB/s. */
static double rate(const struct variant *v, const void *buf, size_t len,
		   double seconds)
{
	uint64_t calls = 0, batch = 1 + (1 << 20) / len;
	double begin = now(), took;

	do {
		for (uint64_t i = 0; i < batch; i++)
			sink += v->crc ? v->crc(0, buf, len) :
					 (uint64_t)v->zero(buf, len);
		calls += batch;
		took = now() - begin;
	} while (took < seconds);
	return (double)(calls * len) / took / 1e9;
}

static void lines(const struct variant *v, const void *buf, double seconds)
{
	for (size_t len = 64; len <= LARGEST; len *= 4) {
		double best = 0;

		for (int k = 0; k < ROUNDS; k++) {
			double r = rate(v, buf, len, seconds);

			best = r > best ? r : best;
		}
		printf("%s %s %zu %.2f\n", v->what, v->code, len, best);
	}
}

static int sums(double seconds)
{
	const struct variant fixed[] = {
		{ "crc32c", "dispatched", vhd_crc32c, NULL },
		{ "zero", "dispatched", NULL, vhd_is_zero },
	};
	/* Zeros: the whole of them has to be looked at. */
	void *buf = aligned_alloc(4096, LARGEST);

	if (buf == NULL)
		return 1;
	memset(buf, 0, LARGEST);
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		lines(&fixed[i], buf, seconds);
	for (size_t i = 0; i < VHD_CRC32C_VARIANTS; i++) {
		const struct vhd_crc32c_variant *c = vhd_crc32c_variant(i);
		struct variant v = { "crc32c", c->name, c->fn, NULL };

		if (c->supported())
			lines(&v, buf, seconds);
	}
	for (size_t i = 0; i < VHD_ZERO_VARIANTS; i++) {
		const struct vhd_zero_variant *z = vhd_zero_variant(i);
		struct variant v = { "zero", z->name, NULL, z->fn };

		if (z->supported())
			lines(&v, buf, seconds);
	}
	free(buf);
	return 0;
}

static uint64_t mix(uint64_t i)
{
	uint64_t z = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Nanoseconds a look-up over @places scattered pages, or less than 0. */
static double look(struct vhd_image *img, uint64_t places, uint64_t count)
{
	uint64_t pages = vhd_size(img) / 4096;
	struct vhd_extent ext;
	double begin = now();
	size_t n;

	for (uint64_t i = 0; i < count; i++) {
		uint64_t off = mix(i % places) % pages * 4096;

		if (vhd_resolve(img, off, 4096, &ext, 1, &n, NULL) != 0)
			return -1;
		sink += ext.file_off;
	}
	return (now() - begin) * 1e9 / (double)count;
}

static int resolve(const char *path, uint64_t count)
{
	static const struct { const char *name; uint64_t places; } loads[] = {
		{ "one", 1 }, { "scattered", PLACES },
	};
	struct vhd_image *img = NULL;
	struct vhd_error err;

	if (vhd_open(path, NULL, &img, &err) != 0) {
		fprintf(stderr, "micro: %s: %s\n", err.file, err.msg);
		return 1;
	}
	if (vhd_size(img) < 4096) {
		vhd_close(&img, NULL);
		return 1;
	}
	for (size_t i = 0; i < 2; i++) {
		double best = -1;

		for (int k = 0; k < ROUNDS; k++) {
			double ns = look(img, loads[i].places, count);

			best = k == 0 || ns < best ? ns : best;
		}
		printf("resolve %s 4096 %.1f\n", loads[i].name, best);
	}
	vhd_close(&img, NULL);
	return 0;
}

int main(int argc, char **argv)
{
	long more = argc > 2 ? atol(argv[argc - 1]) : 0;

	if (argc >= 2 && argc <= 3 && strcmp(argv[1], "sums") == 0)
		return sums((more > 0 ? (double)more : 20) / 1000);
	if (argc >= 3 && argc <= 4 && strcmp(argv[1], "resolve") == 0)
		return resolve(argv[2], argc == 4 && more > 0 ?
			       (uint64_t)more : 1000000);
	fputs("Usage: micro sums [MILLISECONDS] | resolve IMAGE [COUNT]\n",
	      stderr);
	return 2;
}
