/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A process that writes to an image is killed, again and again.
 *
 *	kill_writer kill IMAGE SEED ROUNDS
 *	kill_writer dirty IMAGE SEED OPERATIONS FLUSH-EVERY
 *
 * After each SIGKILL the image has to be sound, and each sector has to hold what
 * it held before the round, or what an operation of the round left there; but
 * nothing older than the last operation that a completed flush covers, and
 * nothing older than what was acknowledged a second and a half before the kill,
 * by the clock of kill_clock.h (the library's thread writes metadata that waits
 * within a second, and what a slow disk takes).  What is found then is where the
 * next round begins, so opening for writing after a kill is part of it.
 *
 * The second form leaves an image as a killed process does, for other programs
 * to look at.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vhd/vhd.h>

#include "kill_child.h"
#include "kill_clock.h"
#include "kill_load.h"

enum { GRACE_TICKS = TICKS_PER_SECOND * 3 / 2, SLOWEST_MS = 10000 };

/**
 * struct round - one life of a writer
 *
 * @before: the disk at its beginning
 * @ticks:  that have come so far
 * @done:   the last acknowledged operation of each thread
 * @floor:  per thread, the last one that has to be there
 */
struct round {
	const char *path;
	struct load load;
	uint8_t *before, *after;
	uint64_t *must, *zeroed;	/* per sector: operation numbers */
	struct report *reports;
	size_t count, room;
	uint64_t ticks;
	uint64_t done[THREADS_MAX];
	uint64_t floor[THREADS_MAX];
};

_Noreturn static void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(2);
}

static void *must_alloc(size_t count, size_t size)
{
	void *p = calloc(count, size);

	if (p == NULL)
		die("calloc");
	return p;
}

static int read_disk(const char *path, uint8_t *buf, uint64_t sectors)
{
	struct vhd_image *img;
	struct vhd_error err;

	if (vhd_open(path, NULL, &img, &err) != 0 ||
	    vhd_pread(img, buf, (size_t)sectors * SECTOR, 0, &err) != 0) {
		printf("cannot be read: %s: %s\n", err.file, err.msg);
		return -1;
	}
	vhd_close(&img, NULL);
	return 0;
}

static void print_finding(void *arg, const struct vhd_finding *f)
{
	(void)arg;
	if (f->rule->severity >= VHD_SEV_ERROR)
		printf("  check: %s: %s\n", f->rule->name, f->msg);
}

/* @closed: then there is nothing to warn of either. */
static int check_disk(const char *path, bool closed)
{
	struct vhd_check_opts opts = VHD_CHECK_OPTS_INIT;
	struct vhd_check_result result;
	struct vhd_error err;

	opts.finding = print_finding;
	if (vhd_check(path, &opts, &result, &err) != 0) {
		printf("cannot be checked: %s\n", err.msg);
		return -1;
	}
	if (result.count[VHD_SEV_ERROR] + result.count[VHD_SEV_FATAL] +
	    (closed ? result.count[VHD_SEV_WARNING] : 0) == 0)
		return 0;
	printf("is not sound\n");
	return -1;
}

static void keep(struct round *r, const struct report *report)
{
	if (r->count == r->room) {
		r->room = r->room * 2 + 4096;
		r->reports = realloc(r->reports,
				     r->room * sizeof(*r->reports));
		if (r->reports == NULL)
			die("realloc");
	}
	r->reports[r->count++] = *report;
	if (report->word == WORD_TICK)
		r->ticks++;
}

/* Reads a report; false at the end of the pipe, or when @wait_ms are over. */
static bool listen_to(struct round *r, int fd, int wait_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct report report;

	if (poll(&p, 1, wait_ms) <= 0 ||
	    read(fd, &report, sizeof(report)) != (ssize_t)sizeof(report))
		return false;
	keep(r, &report);
	return true;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/**
 * struct life - how a writer lives
 *
 * @flush_ms: a flush so often; 0: never
 * @live_ms:  from opening to death
 * @ticks:    at least so many, on a machine that is not too slow for any
 */
struct life {
	uint32_t flush_ms;
	uint32_t live_ms;
	uint32_t ticks;
};

static int live_and_die(struct round *r, const struct life *life)
{
	int fds[2], status;
	uint64_t born;
	pid_t pid;

	if (pipe(fds) != 0)
		die("pipe");
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		close(fds[0]);
		kill_child(r->path, &r->load, life->flush_ms, fds[1]);
	}
	close(fds[1]);
	listen_to(r, fds[0], 60000);
	born = now_ms();
	while (now_ms() < born + life->live_ms ||
	       (r->ticks < life->ticks && now_ms() < born + SLOWEST_MS))
		listen_to(r, fds[0], 1);
	kill(pid, SIGKILL);
	while (listen_to(r, fds[0], 60000))
		;
	close(fds[0]);
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return 0;
	printf("the writer ended by itself, status %#x\n", (unsigned)status);
	return -1;
}

static void raise_floor(uint64_t *floor, uint64_t n)
{
	if (*floor < n)
		*floor = n;
}

/* What the reports promise. */
static int add_up(struct round *r)
{
	uint64_t ticks = 0;

	for (size_t i = 0; i < r->count; i++) {
		const struct report *p = &r->reports[i];
		uint32_t t = p->thread;

		if (p->word == WORD_FAILED)
			return -1;
		if (p->word == WORD_TICK)
			ticks++;
		if (p->word == WORD_DONE)
			raise_floor(&r->done[t], p->n[t]);
		if (p->word == WORD_DONE && r->ticks - ticks > GRACE_TICKS)
			raise_floor(&r->floor[t], p->n[t]);
		for (t = 0; p->word == WORD_FLUSHED && t < THREADS_MAX; t++)
			raise_floor(&r->floor[t], p->n[t]);
	}
	return 0;
}

/* Per sector: the last operation that must be there, and the last zeros. */
static void replay(struct round *r)
{
	size_t sectors = (size_t)r->load.sectors;

	memset(r->must, 0, sectors * sizeof(*r->must));
	memset(r->zeroed, 0, sectors * sizeof(*r->zeroed));
	for (uint32_t t = 0; t < r->load.threads; t++) {
		/* One more than was acknowledged may have begun. */
		for (uint64_t n = 1; n <= r->done[t] + 1; n++) {
			struct op op = load_op(&r->load, t, n);

			for (uint64_t i = 0; i < op.count; i++) {
				if (n <= r->floor[t])
					r->must[op.first + i] = n;
				if (op.kind != OP_WRITE)
					r->zeroed[op.first + i] = n;
			}
		}
	}
}

static bool sector_ok(const struct round *r, uint64_t sector)
{
	static const uint8_t zeros[SECTOR];
	const uint8_t *is = r->after + sector * SECTOR;
	uint64_t must = r->must[sector], n;

	if (must == 0 && memcmp(is, r->before + sector * SECTOR, SECTOR) == 0)
		return true;
	if (memcmp(is, zeros, SECTOR) == 0)
		return r->zeroed[sector] != 0 && r->zeroed[sector] >= must;
	n = load_find(&r->load, sector, is);
	return n != 0 && n >= must &&
	       n <= r->done[load_owner(&r->load, sector)] + 1;
}

static int compare(const struct round *r)
{
	uint64_t bad = 0;

	for (uint64_t s = 0; s < r->load.sectors; s++) {
		if (sector_ok(r, s))
			continue;
		if (bad++ < 5)
			printf("  sector %" PRIu64 ": must have operation %"
			       PRIu64 " of %" PRIu64 " or later, has %" PRIu64
			       " (last zeros: %" PRIu64 ")\n", s, r->must[s],
			       r->done[load_owner(&r->load, s)],
			       load_find(&r->load, s, r->after + s * SECTOR),
			       r->zeroed[s]);
	}
	if (bad == 0)
		return 0;
	printf("%" PRIu64 " sectors are wrong\n", bad);
	return -1;
}

/*
 * A writer that does a little and then waits for its death shows whether the
 * library writes what waits by itself; one that goes on and on does so anyway,
 * as soon as it needs space again.  The first rounds are of that kind, while the
 * image is still empty.
 */
static struct life choose(struct round *r, uint64_t seed, uint64_t number)
{
	static const uint32_t flush_ms[] = { 0, 20, 1, 200 };
	uint64_t x = load_mix(seed, 77);
	struct life life = { .flush_ms = flush_ms[x % 4],
			     .live_ms = (uint32_t)(x >> 8) % 300 };

	r->load.seed = seed;
	r->load.threads = (x >> 32) % 2 == 0 ? 1 : 3;
	r->load.burst = 0;
	/* The second and a half show only in longer lives. */
	if ((x >> 40) % 3 == 0)
		life.live_ms = 1600 + (uint32_t)(x >> 44) % 900;
	/* Flushes would leave it few of them. */
	if (life.flush_ms == 0)
		life.ticks = life.live_ms * TICKS_PER_SECOND / 1000;
	if (number < 2 || (x >> 56) % 8 == 0) {
		r->load.burst = 3 + (x >> 48) % 10;
		life.ticks = TICKS_PER_SECOND * 19 / 10;
		life.live_ms = 0;
		life.flush_ms = 0;
	}
	return life;
}

static void print_round(const struct round *r, const struct life *life)
{
	printf("lived %" PRIu64 " ticks, %" PRIu32 " threads, flush %" PRIu32
	       " ms, %" PRIu64 " operations, %" PRIu64 " certain\n",
	       r->ticks, r->load.threads, life->flush_ms,
	       r->done[0] + r->done[1] + r->done[2],
	       r->floor[0] + r->floor[1] + r->floor[2]);
}

static int one_round(struct round *r, uint64_t seed, uint64_t number)
{
	struct life life = choose(r, seed, number);
	uint8_t *swap;

	r->count = 0;
	r->ticks = 0;
	memset(r->done, 0, sizeof(r->done));
	memset(r->floor, 0, sizeof(r->floor));
	if (live_and_die(r, &life) != 0 || add_up(r) != 0)
		return -1;
	print_round(r, &life);
	if (check_disk(r->path, false) != 0 ||
	    read_disk(r->path, r->after, r->load.sectors) != 0)
		return -1;
	replay(r);
	if (compare(r) != 0)
		return -1;
	swap = r->before;
	r->before = r->after;
	r->after = swap;
	return 0;
}

/* After all of that it can be closed as if nothing had happened. */
static int last_words(struct round *r)
{
	struct vhd_open_opts opts = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img;
	struct vhd_error err;

	opts.flags = VHD_OPEN_RDWR;
	memset(r->before, 1, SECTOR);
	if (vhd_open(r->path, &opts, &img, &err) != 0 ||
	    vhd_pwrite(img, r->before, SECTOR, 0, &err) != 0 ||
	    vhd_close(&img, &err) != 0) {
		printf("cannot be written: %s: %s\n", err.file, err.msg);
		return -1;
	}
	if (check_disk(r->path, true) != 0 ||
	    read_disk(r->path, r->after, r->load.sectors) != 0)
		return -1;
	if (memcmp(r->before, r->after, (size_t)r->load.sectors * SECTOR) == 0)
		return 0;
	printf("closing changed the disk\n");
	return -1;
}

static int kill_rounds(struct round *r, uint64_t seed, uint64_t rounds)
{
	size_t sectors = (size_t)r->load.sectors;
	int rc;

	r->before = must_alloc(sectors, SECTOR);
	r->after = must_alloc(sectors, SECTOR);
	r->must = must_alloc(sectors, sizeof(*r->must));
	r->zeroed = must_alloc(sectors, sizeof(*r->zeroed));
	rc = read_disk(r->path, r->before, r->load.sectors);
	for (uint64_t i = 0; rc == 0 && i < rounds; i++) {
		printf("seed %" PRIu64 ", round %" PRIu64 ": ", seed, i);
		rc = one_round(r, load_mix(seed, i), i);
	}
	if (rc == 0)
		rc = last_words(r);
	free(r->before);
	free(r->after);
	free(r->must);
	free(r->zeroed);
	free(r->reports);
	return rc == 0 ? 0 : 1;
}

/* Size and kind of the disk, from the image itself. */
static void look(const char *path, struct load *load)
{
	struct vhd_image *img;
	struct vhd_error err;

	if (vhd_open(path, NULL, &img, &err) != 0) {
		fprintf(stderr, "%s: %s\n", path, err.msg);
		exit(2);
	}
	load->sectors = vhd_size(img) / SECTOR;
	load->discard = vhd_layers(img) == 1;
	load->threads = 1;
	vhd_close(&img, NULL);
}

int main(int argc, char **argv)
{
	struct round r = { .path = NULL };
	uint64_t seed;

	if (argc < 5)
		return 2;
	r.path = argv[2];
	look(r.path, &r.load);
	seed = strtoull(argv[3], NULL, 10);
	if (strcmp(argv[1], "kill") == 0)
		return kill_rounds(&r, seed, strtoull(argv[4], NULL, 10));
	r.load.seed = seed;
	if (argc > 5)
		dirty_child(r.path, &r.load, strtoull(argv[4], NULL, 10),
			    strtoull(argv[5], NULL, 10));
	return 2;
}
