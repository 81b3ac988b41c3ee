/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The loop of `vhd-util bench` on a raw file, without the library: what an image
 * costs is measured against this.
 *
 *	rawio randread|randwrite FILE SIZE COUNT THREADS SEED
 *
 * Prints operations per second.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct run {
	int fd;
	bool write;
	uint64_t size, count, slots, seed;
	_Atomic uint64_t next;
};

static uint64_t mix(uint64_t seed, uint64_t i)
{
	uint64_t z = seed + (i + 1) * UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static void die(const char *what)
{
	fprintf(stderr, "rawio: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *work(void *arg)
{
	struct run *run = arg;
	unsigned char *buf = malloc(run->size);
	uint64_t i;

	if (buf == NULL)
		die("malloc");
	for (i = 0; i < run->size; i++)
		buf[i] = (unsigned char)(mix(run->seed, i) | 1);
	while ((i = atomic_fetch_add(&run->next, 1)) < run->count) {
		uint64_t slot = mix(run->seed, i) % run->slots;
		off_t off = (off_t)(slot * run->size);
		ssize_t n = run->write ? pwrite(run->fd, buf, run->size, off) :
					 pread(run->fd, buf, run->size, off);

		if (n != (ssize_t)run->size)
			die("transfer");
	}
	free(buf);
	return NULL;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	struct run run = { .fd = -1 };
	unsigned long threads;
	pthread_t *thread;
	struct stat st;
	double begin;

	if (argc != 7) {
		fputs("Usage: rawio randread|randwrite FILE SIZE COUNT THREADS "
		      "SEED\n", stderr);
		return 2;
	}
	run.write = strcmp(argv[1], "randwrite") == 0;
	run.size = strtoull(argv[3], NULL, 10);
	run.count = strtoull(argv[4], NULL, 10);
	threads = strtoul(argv[5], NULL, 10);
	run.seed = strtoull(argv[6], NULL, 10);
	run.fd = open(argv[2], run.write ? O_RDWR : O_RDONLY);
	if (run.fd < 0 || fstat(run.fd, &st) != 0)
		die(argv[2]);
	run.slots = run.size == 0 ? 0 : (uint64_t)st.st_size / run.size;
	thread = calloc(threads, sizeof(*thread));
	if (run.slots == 0 || threads == 0 || thread == NULL)
		die("arguments");
	begin = now();
	for (unsigned long t = 1; t < threads; t++) {
		if (pthread_create(&thread[t], NULL, work, &run) != 0)
			die("pthread_create");
	}
	work(&run);
	for (unsigned long t = 1; t < threads; t++)
		pthread_join(thread[t], NULL);
	printf("%.0f\n", (double)run.count / (now() - begin));
	free(thread);
	close(run.fd);
	return 0;
}
