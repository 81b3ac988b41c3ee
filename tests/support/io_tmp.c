/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/io_tmp.h"

#include <check.h>
#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_NAMES = 64, NAME_ROOM = 512 };

struct io_tmp {
	char dir[NAME_ROOM / 2];
	char *names[MAX_NAMES];
	size_t count;
};

struct io_tmp *io_tmp_new(void)
{
	struct io_tmp *t = calloc(1, sizeof(*t));
	const char *base = getenv("TMPDIR");

	ck_assert_ptr_nonnull(t);
	snprintf(t->dir, sizeof(t->dir), "%s/vhd-test-XXXXXX",
		 base && *base ? base : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(t->dir));
	return t;
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void io_tmp_free(struct io_tmp *t)
{
	nftw(t->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	for (size_t i = 0; i < t->count; i++)
		free(t->names[i]);
	free(t);
}

const char *io_tmp_dir(const struct io_tmp *t)
{
	return t->dir;
}

const char *io_tmp_path(struct io_tmp *t, const char *name)
{
	char *path;

	ck_assert_uint_lt(t->count, MAX_NAMES);
	path = malloc(NAME_ROOM);
	ck_assert_ptr_nonnull(path);
	t->names[t->count++] = path;
	snprintf(path, NAME_ROOM, "%s/%s", t->dir, name);
	return path;
}

const char *io_tmp_file(struct io_tmp *t, const char *name, const void *data,
			size_t len)
{
	const char *path = io_tmp_path(t, name);
	FILE *f = fopen(path, "wb");

	ck_assert_ptr_nonnull(f);
	if (len)
		ck_assert_uint_eq(fwrite(data, 1, len, f), len);
	ck_assert_int_eq(fclose(f), 0);
	return path;
}

static size_t count_entries(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	size_t n = 0;

	ck_assert_ptr_nonnull(d);
	while ((e = readdir(d)))
		n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
	closedir(d);
	return n;
}

size_t io_tmp_count(const struct io_tmp *t)
{
	return count_entries(t->dir);
}

size_t io_tmp_open_fds(void)
{
	return count_entries("/proc/self/fd");
}

uint64_t io_tmp_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}
