/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_CRASH_CRASH_FILE_H
#define TESTS_CRASH_CRASH_FILE_H

/*
 * A file in memory that costs only what a state changes.
 *
 * A base is a frozen file: pages that are never written to again.  A file lies
 * over a base; the pages it changes are its own, and a reset gives them up and
 * lays it over the same or another base.  Not thread-safe.
 */

#include "vhd/io.h"

enum { CRASH_PAGE = 4096, CRASH_SECTOR = 512 };

struct crash_base;
struct crash_file;

void crash_base_free(struct crash_base *b);
uint64_t crash_base_size(const struct crash_base *b);

/* Empty.  Memory that is missing ends the program, here and below. */
struct crash_file *crash_file_new(void);
void crash_file_free(struct crash_file *f);
/* The same bytes as @b, which must live until the next reset. */
void crash_file_reset(struct crash_file *f, struct crash_base *b);
/* What the file holds now.  The caller frees it. */
struct crash_base *crash_file_freeze(const struct crash_file *f);

uint64_t crash_file_size(const struct crash_file *f);
/* Changes made since it was reset. */
uint64_t crash_file_changes(const struct crash_file *f);
/* A page's bytes, or NULL when it was never written: zeros. */
const uint8_t *crash_file_page(const struct crash_file *f, uint64_t idx);

/* Past the end there are zeros. */
void crash_file_read(const struct crash_file *f, void *buf, uint64_t len,
		     uint64_t off);
void crash_file_write(struct crash_file *f, const void *buf, uint64_t len,
		      uint64_t off);
/* Does not make the file longer. */
void crash_file_clear(struct crash_file *f, uint64_t len, uint64_t off);
void crash_file_set_size(struct crash_file *f, uint64_t size);
/* From now on calls of crash_file_ops that would move its end fail. */
void crash_file_fix_size(struct crash_file *f);

/* Closing leaves the file alone. */
extern const struct vhd_io_ops crash_file_ops;
/* For reading only. */
extern const struct vhd_io_ops crash_file_ro_ops;

#endif
