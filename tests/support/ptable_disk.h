/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SUPPORT_PTABLE_DISK_H
#define TESTS_SUPPORT_PTABLE_DISK_H

/*
 * A disk of any size made of the pieces that were written to it, zeros
 * elsewhere, and what puts partition tables there.  Nothing here knows Check:
 * the fuzz driver uses it too.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ptable.h"

enum { PDISK_PIECES = 2048, PDISK_GPT_ENTRIES = 128, PDISK_GPT_ENTRY = 128 };

struct pdisk_piece {
	uint64_t off;
	size_t len;
	uint8_t *data;
};

/**
 * struct pdisk - the disk and what is seen of its readers
 *
 * @fail_at:  this read fails with @fail_with; the first is 1, 0 is none
 * @keep:     what lies outside of this table's ranges reads as if every bit
 *            were changed; may be NULL
 * @reads:    how often pdisk_read() was called
 * @bytes:    and for how much
 * @outside:  a read left the disk
 */
struct pdisk {
	uint64_t size;
	unsigned fail_at;
	int fail_with;
	const struct ptable *keep;
	unsigned reads;
	uint64_t bytes;
	bool outside;
	size_t count;
	struct pdisk_piece piece[PDISK_PIECES];
};

void pdisk_init(struct pdisk *d, uint64_t size);
void pdisk_free(struct pdisk *d);

/* Past the end, and past PDISK_PIECES, nothing is written. */
void pdisk_put(struct pdisk *d, uint64_t off, const void *data, size_t len);
void pdisk_put_u8(struct pdisk *d, uint64_t off, uint8_t v);
void pdisk_put_u32(struct pdisk *d, uint64_t off, uint32_t v);
void pdisk_put_u64(struct pdisk *d, uint64_t off, uint64_t v);
void pdisk_get(const struct pdisk *d, uint64_t off, void *buf, size_t len);

/* A ptable_read_fn; @arg is the disk. */
int pdisk_read(void *arg, void *buf, size_t len, uint64_t off);

/* The signature of an MBR, or of a link, in the sector at @off. */
void pdisk_mbr(struct pdisk *d, uint64_t off);
/* Entry 0 to 3 of it; sectors. */
void pdisk_entry(struct pdisk *d, uint64_t off, unsigned idx, uint8_t type,
		 uint32_t start, uint32_t count);

enum { PDISK_PRIMARY = 1, PDISK_BACKUP = 2 };

/*
 * An empty GPT with a protective MBR: header, array of 128 entries of 128
 * bytes, in the copies named.  Checksums are right.
 */
void pdisk_gpt(struct pdisk *d, uint32_t sector, unsigned copies);
/* An entry in each copy that is there; @name is ASCII. */
void pdisk_gpt_part(struct pdisk *d, uint32_t sector, unsigned idx,
		    uint64_t first, uint64_t last, const char *name);
/* The place of a header, and of an entry of either copy. */
uint64_t pdisk_gpt_header(const struct pdisk *d, uint32_t sector,
			  unsigned copy);
uint64_t pdisk_gpt_entry(const struct pdisk *d, uint32_t sector, unsigned copy,
			 unsigned idx);
/* Makes the checksums right wherever there is a header, in both sizes. */
void pdisk_reseal(struct pdisk *d);

/* What holds for the answer to any disk; says what does not, or NULL. */
const char *pdisk_broken(const struct pdisk *d, const struct ptable *t);
/* Two answers are the same. */
bool pdisk_same(const struct ptable *a, const struct ptable *b);

#endif
