/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a driver over the files and directories that are named: for compilers
 * without libFuzzer, and for ctest, which runs each driver over its committed
 * corpus.  The last line of output before a crash names the input.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz/fuzz.h"

enum { INPUT_MAX = 64 << 20, DEPTH_MAX = 8 };

/* The input has exactly its size, so that reading past it is noticed. */
static bool run_file(const char *path, size_t len)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(len ? len : 1);
	bool ok = file && data && len <= INPUT_MAX &&
		  fread(data, 1, len, file) == len;

	if (file)
		fclose(file);
	if (ok)
		LLVMFuzzerTestOneInput(data, len);
	else
		fprintf(stderr, "%s: cannot be read\n", path);
	free(data);
	return ok;
}

static bool run_path(const char *path, int depth, unsigned long *count);

static bool run_dir(const char *path, int depth, unsigned long *count)
{
	struct dirent **entry = NULL;
	int i, n = scandir(path, &entry, NULL, alphasort);
	bool ok = n >= 0;

	for (i = 0; i < n; i++) {
		char name[PATH_MAX];

		if (entry[i]->d_name[0] != '.' && depth < DEPTH_MAX) {
			snprintf(name, sizeof(name), "%s/%s", path,
				 entry[i]->d_name);
			ok = run_path(name, depth + 1, count) && ok;
		}
		free(entry[i]);
	}
	free(entry);
	return ok;
}

static bool run_path(const char *path, int depth, unsigned long *count)
{
	struct stat st;

	if (stat(path, &st)) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return false;
	}
	if (S_ISDIR(st.st_mode))
		return run_dir(path, depth, count);
	printf("%s\n", path);
	fflush(stdout);
	(*count)++;
	return run_file(path, (size_t)st.st_size);
}

int main(int argc, char **argv)
{
	unsigned long count = 0;
	bool ok = true;
	int i;

	for (i = 1; i < argc; i++)
		ok = run_path(argv[i], 0, &count) && ok;
	printf("%lu input(s)\n", count);
	if (!count)
		fprintf(stderr, "nothing was run\n");
	return ok && count ? 0 : 1;
}
