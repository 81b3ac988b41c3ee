/* SPDX-License-Identifier: BSD-2-Clause */
#include "mutate/spill.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "fuzz/fuzz.h"

static void write_pages(const struct fuzz_file *f, int fd)
{
	uint8_t page[FUZZ_PAGE];
	uint64_t off;

	FUZZ_CHECK(fd >= 0 && !ftruncate(fd, (off_t)f->size));
	for (off = fuzz_file_next(f, 0); off != UINT64_MAX;
	     off = fuzz_file_next(f, off + FUZZ_PAGE)) {
		size_t n = off + FUZZ_PAGE > f->size ? (size_t)(f->size - off)
						     : FUZZ_PAGE;

		fuzz_file_get(f, page, sizeof(page), off);
		FUZZ_CHECK(pwrite(fd, page, n, (off_t)off) == (ssize_t)n);
	}
	FUZZ_CHECK(!close(fd));
}

void spill(const struct fuzz_file *f, const char *path)
{
	/* Some file systems wait for the disk when a truncated file is closed. */
	unlink(path);
	write_pages(f, open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
			    0600));
}

void spill_new(const struct fuzz_file *f, char *path)
{
	write_pages(f, mkstemp(path));
}
