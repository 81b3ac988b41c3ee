/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_FUZZ_FUZZ_FILE_H
#define TESTS_FUZZ_FUZZ_FILE_H

/*
 * A file in memory that is cheap to change and to restore: a base that many
 * files share, of which only the pages that are not zero exist, and the pages
 * that were written over it.  The library sees it read-only, through
 * fuzz_file_ops; each call it makes is counted.
 */

#include "vhd/io.h"

enum { FUZZ_PAGE = 4096, FUZZ_SLOTS = 4096, FUZZ_PAGES = 2048 };

/* Never changes once made. */
struct fuzz_base {
	uint64_t size;
	uint8_t **page;			/* NULL: zeros */
	size_t page_count;		/* all that @size needs */
	uint64_t *present;		/* indices of those that are not NULL */
	size_t present_count;
};

struct fuzz_file {
	const struct fuzz_base *base;	/* NULL: all zeros */
	uint64_t size;
	uint64_t calls;			/* made by the library */
	uint64_t call_limit;		/* further ones fail; 0: none do */
	uint64_t bytes;			/* moved by them */
	uint64_t byte_limit;		/* as call_limit */
	bool flat;			/* do not tell where holes are */
	size_t short_io;		/* bytes per call; 0: all */
	uint32_t used;			/* pages in use */
	uint32_t room;			/* pages allocated */
	struct fuzz_slot {
		uint64_t idx;		/* of the page in the file */
		uint8_t *data;		/* NULL: the slot is free */
	} slot[FUZZ_SLOTS];		/* by hash of the index */
	uint16_t used_slot[FUZZ_PAGES];
	uint8_t *page[FUZZ_PAGES];
};

struct fuzz_file *fuzz_file_new(void);
void fuzz_file_free(struct fuzz_file *f);

/* One for the whole program, because making one takes long; never freed. */
struct fuzz_file *fuzz_file_shared(void);

/* Becomes a fresh copy of @base, or an empty file; counters and flags too. */
void fuzz_file_reset(struct fuzz_file *f, const struct fuzz_base *base);

/*
 * Past the end of the file, reads give zeros and writes are lost; writes are
 * also lost when FUZZ_PAGES pages are in use.  Not counted.
 */
void fuzz_file_get(const struct fuzz_file *f, void *buf, size_t len,
		   uint64_t off);
void fuzz_file_put(struct fuzz_file *f, const void *buf, size_t len,
		   uint64_t off);

/* The first page at or after that of @off that exists; UINT64_MAX: none. */
uint64_t fuzz_file_next(const struct fuzz_file *f, uint64_t off);

/* A limit was met: the library asked for too much. */
bool fuzz_file_exhausted(const struct fuzz_file *f);

/* Handle: the file itself, which closing does not free. */
extern const struct vhd_io_ops fuzz_file_ops;
extern const struct vhd_io_ops fuzz_file_flat_ops;	/* no next_data */

#endif
