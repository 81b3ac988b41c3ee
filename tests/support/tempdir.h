/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEST_TEMPDIR_H
#define TEST_TEMPDIR_H

/* A directory that goes away with everything in it. */
#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct tempdir {
	char path[256];
};

static inline void tempdir_make(struct tempdir *d)
{
	const char *base = getenv("TMPDIR");
	char raw[256], *real;

	snprintf(raw, sizeof(raw), "%s/vhd-test-XXXXXX", base ? base : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(raw));
	real = realpath(raw, NULL);
	ck_assert_ptr_nonnull(real);
	snprintf(d->path, sizeof(d->path), "%s", real);
	free(real);
}

static inline int tempdir_rm(const char *path, const struct stat *st, int flag,
			     struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline void tempdir_remove(struct tempdir *d)
{
	nftw(d->path, tempdir_rm, 16, FTW_DEPTH | FTW_PHYS);
}

/* "<dir>/<name>" in a buffer of the caller's. */
static inline const char *tempdir_name(const struct tempdir *d,
				       const char *name, char buf[512])
{
	snprintf(buf, 512, "%s/%s", d->path, name);
	return buf;
}

/* Number of directory entries, to see that nothing was left behind. */
static inline int tempdir_entries(const struct tempdir *d)
{
	char cmd[512];
	int n = -1;
	FILE *f;

	snprintf(cmd, sizeof(cmd), "ls -A '%s' | wc -l", d->path);
	f = popen(cmd, "r");
	if (f) {
		if (fscanf(f, "%d", &n) != 1)
			n = -1;
		pclose(f);
	}
	return n;
}

static inline void tempdir_write(const char *path, const void *data,
				 size_t len)
{
	FILE *f = fopen(path, "wb");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(data, 1, len, f), len);
	ck_assert_int_eq(fclose(f), 0);
}

#endif
