/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SUPPORT_IO_TMP_H
#define TESTS_SUPPORT_IO_TMP_H

/*
 * A directory for a test's files, under $TMPDIR or /tmp.  Failures abort the
 * test.  Names that are returned belong to the directory and live as long.
 */

#include <stddef.h>
#include <stdint.h>

struct io_tmp;

struct io_tmp *io_tmp_new(void);
/* Removes the directory with all that is in it. */
void io_tmp_free(struct io_tmp *t);

const char *io_tmp_dir(const struct io_tmp *t);
/* dir/name */
const char *io_tmp_path(struct io_tmp *t, const char *name);
/* The same, after making a file with these bytes. */
const char *io_tmp_file(struct io_tmp *t, const char *name, const void *data,
			size_t len);
/* Entries in the directory, apart from "." and "..". */
size_t io_tmp_count(const struct io_tmp *t);

/* Descriptors that this process has open. */
size_t io_tmp_open_fds(void);

/* A small generator with a state of the caller's; never 0. */
uint64_t io_tmp_random(uint64_t *state);

#endif
