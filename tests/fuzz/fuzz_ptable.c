/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Input: size of the disk (8), flags (1), the read that fails (1, 0: none), then
 * pieces: offset (8; from the end backwards when its highest bit is set), length
 * (2), that many bytes.  The disk is zeros elsewhere.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/fs_end.h"
#include "common/gpt_fix.h"
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

static int fix_write(void *arg, const void *buf, size_t len, uint64_t off)
{
	struct pdisk *d = arg;

	FUZZ_CHECK(len && len <= d->size && off <= d->size - len);
	pdisk_put(d, off, buf, len);
	return 0;
}

static int fix_flush(void *arg)
{
	(void)arg;
	return 0;
}

/* A table that is moved to another end holds the same partitions. */
static void prove_fix(struct pdisk *d, const struct ptable *t,
		      struct ptable *again)
{
	struct gpt_disk disk = { pdisk_read, fix_write, fix_flush, d, d->size,
				 t->sector };
	const char *name;
	struct gpt_fix *fix;
	uint64_t end;

	d->keep = NULL;
	FUZZ_CHECK(!fs_end(pdisk_read, d, d->size, &end, &name));
	FUZZ_CHECK(!gpt_fix_load(&disk, &fix));
	if (!fix)
		return;
	end = gpt_fix_least(fix);
	FUZZ_CHECK(gpt_fix_needed(fix, end) >= 0);
	/* What does not fit into the pieces of the disk proves nothing. */
	if (end <= d->size && d->count < PDISK_PIECES - 64) {
		FUZZ_CHECK(!gpt_fix_apply(fix, end));
		d->size = end / t->sector * t->sector;
		FUZZ_CHECK(!ptable_read(pdisk_read, d, d->size, t->sector,
					again));
		if (t->kind == PTABLE_GPT && !t->backup)
			FUZZ_CHECK(again->kind == PTABLE_GPT &&
				   again->count == t->count &&
				   again->sector == t->sector);
	}
	gpt_fix_free(fix);
	FUZZ_CHECK(!d->outside);
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
		prove_fix(d, t, t + 1);
	}
	free(t);
	pdisk_free(d);
	free(d);
	return 0;
}
