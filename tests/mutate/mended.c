/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Repaired images for others to judge:
 *
 *	mended --out DIRECTORY [--seed S] [--from K] [--count N] [--all 1]
 *
 * Makes N mutants from number K on, of the bases that other programs read,
 * repairs them with all consents, and writes those that check then calls sound
 * to DIRECTORY/NUMBER.vhd or .vhdx; with --all also those that needed no repair.
 * judge.py shows them to QEMU.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/ckd.h"
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_bases.h"
#include "fuzz/fuzz_mend.h"
#include "mutate/mutant.h"

enum { PIECE = 64 << 10, CALLS = 1000000 };
/* Larger files are not written: there is nothing in them. */
#define FILE_MAX (UINT64_C(1) << 32)

static const char *const names[] = {
	"vhd-fixed", "vhd-dynamic", "vhd-small-blocks", "vhd-xen",
	"vhdx-dynamic", "vhdx-fixed", "vhdx-log", "vhdx-log-grow",
};
enum { NAMES = sizeof(names) / sizeof(names[0]) };

struct made {
	const char *out, *ext;
	uint64_t number;
};

static unsigned base_of(const char *name)
{
	unsigned i;

	for (i = 0; i < FUZZ_BASES; i++) {
		if (!strcmp(fuzz_base_name(i), name))
			return i;
	}
	fuzz_fail(__FILE__, __LINE__, "there is such a base");
}

static void write_data(struct vhd_io *view, int fd, uint64_t size)
{
	static uint8_t buf[PIECE];
	uint64_t off = 0, start, stop;
	struct vhd_error err;

	while (off < size) {
		fuzz_no_error(vhd_io_next_data(view, off, size, &start, &stop,
					       &err), &err);
		if (start >= size)
			return;
		for (off = start; off < stop; ) {
			size_t n = (size_t)min_u64(stop - off, PIECE);

			fuzz_no_error(vhd_io_read(view, buf, n, off, &err),
				      &err);
			FUZZ_CHECK(pwrite(fd, buf, n, (off_t)off) ==
				   (ssize_t)n);
			off += n;
		}
	}
}

static void write_file(void *arg, struct vhd_io *view)
{
	struct made *made = arg;
	char path[4096];
	uint64_t size = 0;
	int fd;

	FUZZ_CHECK(!vhd_io_size(view, &size, NULL));
	if (size > FILE_MAX)
		return;
	snprintf(path, sizeof(path), "%s/%" PRIu64 ".%s", made->out,
		 made->number, made->ext);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FUZZ_CHECK(fd >= 0 && !ftruncate(fd, (off_t)size));
	write_data(view, fd, size);
	FUZZ_CHECK(!close(fd));
}

static void make_one(struct made *made, const struct target *target,
		     struct fuzz_file *f, uint64_t seed, bool all)
{
	struct random r = { seed * UINT64_C(0x2545f4914f6cdd1d) ^
			    made->number * UINT64_C(0xd6e8feb86659fd93) };
	const struct target *t = &target[random_below(&r, NAMES)];
	struct fuzz_mend m = {
		.consent = FUZZ_MEND_ALL, .salt = made->number, .deep = true,
	};

	made->ext = t->format == VHD_FORMAT_VHD ? "vhd" : "vhdx";
	mutant_make(t, &r, f, NULL);
	f->call_limit = CALLS;
	fuzz_mend(f, &m);
	if (!m.steps && !all)
		return;
	m.judge = write_file;
	m.judge_arg = made;
	fuzz_mend(f, &m);
}

/* In a process of its own: one that fails must not end all. */
static bool apart(struct made *made, const struct target *target,
		  struct fuzz_file *f, uint64_t seed, bool all)
{
	pid_t child = fork();
	int status = 0;

	FUZZ_CHECK(child >= 0);
	if (!child) {
		make_one(made, target, f, seed, all);
		_exit(0);
	}
	FUZZ_CHECK(waitpid(child, &status, 0) == child);
	if (status)
		fprintf(stderr, "mutant %" PRIu64 " failed\n", made->number);
	return !status;
}

/* Returns how many failed. */
static uint64_t run(struct made *made, uint64_t seed, uint64_t from,
		    uint64_t count, bool all)
{
	struct fuzz_base *base[NAMES];
	static struct target target[NAMES];
	struct fuzz_file *f = fuzz_file_new();
	uint64_t i, failed = 0;

	for (i = 0; i < NAMES; i++) {
		unsigned b = base_of(names[i]);

		base[i] = fuzz_base_make(b);
		target_init(&target[i], names[i], fuzz_base_format(b), base[i],
			    f);
	}
	for (i = from; i < from + count; i++) {
		made->number = i;
		failed += !apart(made, target, f, seed, all);
	}
	for (i = 0; i < NAMES; i++)
		fuzz_base_free(base[i]);
	fuzz_file_free(f);
	return failed;
}

int main(int argc, char **argv)
{
	uint64_t seed = 1, from = 0, count = 100, all = 0;
	struct made made = { 0 };
	int i;

	for (i = 1; i + 1 < argc; i += 2) {
		uint64_t n = strtoull(argv[i + 1], NULL, 0);

		if (!strcmp(argv[i], "--out"))
			made.out = argv[i + 1];
		else if (!strcmp(argv[i], "--seed"))
			seed = n;
		else if (!strcmp(argv[i], "--from"))
			from = n;
		else if (!strcmp(argv[i], "--count"))
			count = n;
		else if (!strcmp(argv[i], "--all"))
			all = n;
		else
			break;
	}
	if (i != argc || !made.out) {
		fprintf(stderr, "usage: mended --out DIRECTORY [--seed S] "
			"[--from K] [--count N] [--all 0|1]\n");
		return 2;
	}
	return run(&made, seed, from, count, all) ? 1 : 0;
}
