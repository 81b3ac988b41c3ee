/* SPDX-License-Identifier: BSD-2-Clause */
/* Seeds of the undo driver: files of one and of two parts, with and without an
 * end.  Checksums are made by the driver. */
#include "fuzz/make_seeds.h"

#include <string.h>

#include "ops/undo_disk.h"

static void pad(struct seed *seed)
{
	/* The first byte is the driver's. */
	while ((seed->len - 1) % UNDO_SECTOR)
		seed_u8(seed, 0);
}

static void rec(struct seed *seed, enum undo_kind kind, uint64_t off,
		uint64_t len, uint64_t prev)
{
	const struct undo_rec_disk r = {
		.kind = le32_make(kind),
		.off = le64_make(off),
		.len = le64_make(len),
		.prev = le64_make(prev),
	};

	seed_bytes(seed, &r, sizeof(r));
}

static void header(struct seed *seed, uint64_t length)
{
	static struct undo_header_disk h;

	memcpy(h.magic, UNDO_MAGIC, sizeof(h.magic));
	h.version = le32_make(UNDO_VERSION);
	h.length = le64_make(length);
	h.witness_count = le32_make(2);
	h.witness[1].off = le64_make(UNDO_WITNESS_LEN);
	h.name_len = le32_make(8);
	memcpy(h.name, "disk.vhd", 8);
	seed_u8(seed, 1);
	seed_bytes(seed, &h, sizeof(h));
}

/* Returns where it begins in the undo file. */
static uint64_t part(struct seed *seed, uint64_t length, uint64_t prev)
{
	static const uint8_t data[UNDO_SECTOR] = "what was there before";
	uint64_t at = seed->len - 1;

	rec(seed, UNDO_PART, length, 7 * sizeof(struct undo_rec_disk) +
	    sizeof(data) + 2 * sizeof(uint32_t), prev);
	pad(seed);
	rec(seed, UNDO_DATA, 512, sizeof(data), 0);
	seed_bytes(seed, data, sizeof(data));
	rec(seed, UNDO_ZERO, 4096, 8192, 0);
	rec(seed, UNDO_HOLE, 65536, 65536, 0);
	rec(seed, UNDO_SPAN, length, 1 << 20, 0);
	rec(seed, UNDO_NEW, 512, 1024, 0);
	seed_u32(seed, 1);
	seed_u32(seed, 2);
	rec(seed, UNDO_BLANK, length, 4096, 0);
	rec(seed, UNDO_EDGE, 1024, UNDO_SECTOR, 0);
	pad(seed);
	return at;
}

static void end(struct seed *seed, uint64_t length, uint32_t records)
{
	uint32_t i;

	rec(seed, UNDO_DONE, length, UINT64_C(4) * (records + UNDO_DIGESTS), 0);
	pad(seed);
	for (i = 0; i < records + UNDO_DIGESTS; i++)
		seed_u32(seed, i);
}

void seeds_of_undo(struct seeds *s)
{
	struct seed seed = { NULL, 0 };
	uint64_t first;

	header(&seed, 1 << 20);
	part(&seed, 1 << 20, 0);
	seed_end(s, &seed, "undo", "one-part");
	header(&seed, 1 << 20);
	first = part(&seed, 1 << 20, 0);
	part(&seed, 2 << 20, first);
	end(&seed, 3 << 20, 6);
	seed_end(s, &seed, "undo", "two-parts-and-end");
}
