/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Input: size of the disk (8), flags (1), the read that fails (1, 0: none), then
 * pieces: offset (8; from the end backwards when its highest bit is set), length
 * (2), that many bytes.  The disk is zeros elsewhere.
 */
#include <errno.h>
#include <stdlib.h>

#include "fuzz/fuzz.h"
#include "fuzz/fuzz_cursor.h"
#include "fuzz/fuzz_ptable.h"
#include "support/ptable_disk.h"

static void build(struct pdisk *d, struct fuzz_cursor *c)
{
	uint8_t data[UINT16_MAX];

	while (c->len && d->count < FUZZ_PTABLE_PIECES) {
		uint64_t off = fuzz_take_u64(c);
		size_t len = fuzz_take_u8(c);

		len |= (size_t)fuzz_take_u8(c) << 8;
		if (off >> 63)
			off = d->size - (off & INT64_MAX);
		len = (size_t)min_u64(len, c->len);
		fuzz_take(c, data, len);
		pdisk_put(d, off, data, len);
	}
}

/* The answer stays when everything changes that it does not depend on. */
static void prove_ranges(struct pdisk *d, uint32_t sector,
			 const struct ptable *t, struct ptable *again)
{
	d->keep = t;
	d->reads = 0;
	d->fail_at = 0;
	FUZZ_CHECK(!ptable_read(pdisk_read, d, d->size, sector, again));
	FUZZ_CHECK(pdisk_same(t, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_cursor c = { data, len };
	struct pdisk *d = malloc(sizeof(*d));
	struct ptable *t = malloc(2 * sizeof(*t));
	uint32_t sector;
	uint8_t flags;
	int rc;

	FUZZ_CHECK(d && t);
	pdisk_init(d, fuzz_take_u64(&c));
	flags = fuzz_take_u8(&c);
	d->fail_at = fuzz_take_u8(&c);
	d->fail_with = -ENXIO;
	sector = flags & FUZZ_PTABLE_4096 ? 4096 : 512;
	build(d, &c);
	if (flags & FUZZ_PTABLE_RESEAL)
		pdisk_reseal(d);
	rc = ptable_read(pdisk_read, d, d->size, sector, t);
	FUZZ_CHECK(!d->outside);
	if (d->fail_at && d->reads >= d->fail_at) {
		FUZZ_CHECK(rc == -ENXIO && d->reads == d->fail_at);
	} else {
		FUZZ_CHECK(rc == 0 && !pdisk_broken(d, t));
		prove_ranges(d, sector, t, t + 1);
	}
	free(t);
	pdisk_free(d);
	free(d);
	return 0;
}
