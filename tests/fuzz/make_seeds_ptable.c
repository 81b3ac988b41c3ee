/* SPDX-License-Identifier: BSD-2-Clause */
/* Inputs for the reader of partition tables. */
#include <stdio.h>

#include "fuzz/fuzz_ptable.h"
#include "fuzz/make_seeds.h"
#include "support/ptable_disk.h"

enum { SIZE = 8 << 20, BOTH = PDISK_PRIMARY | PDISK_BACKUP };

static void put_seed(struct seeds *s, const struct pdisk *d, uint8_t flags,
		     const char *name)
{
	struct seed seed = { NULL, 0 };
	size_t i;

	seed_u64(&seed, d->size);
	seed_u8(&seed, flags);
	seed_u8(&seed, 0);
	for (i = 0; i < d->count; i++) {
		const struct pdisk_piece *p = &d->piece[i];

		seed_u64(&seed, p->off > d->size / 2 ?
				(d->size - p->off) | UINT64_C(1) << 63 :
				p->off);
		seed_u16(&seed, (uint16_t)p->len);
		seed_bytes(&seed, p->data, p->len);
	}
	seed_end(s, &seed, "ptable", name);
}

/* A chain of links; each 1024 sectors on, the last to @last. */
static void put_chain(struct pdisk *d, uint32_t sector, uint32_t links,
		      uint32_t last)
{
	uint32_t i;

	pdisk_mbr(d, 0);
	pdisk_entry(d, 0, 0, 0x07, 8, 64);
	pdisk_entry(d, 0, 1, 0x0f, 128, (uint32_t)(d->size / sector) - 128);
	for (i = 0; i < links; i++) {
		uint64_t off = (128 + i * UINT64_C(64)) * sector;

		pdisk_mbr(d, off);
		pdisk_entry(d, off, 0, 0x83, 2, 60);
		if (i + 1 < links || last)
			pdisk_entry(d, off, 1, 0x05,
				    i + 1 < links ? (i + 1) * 64 : last, 64);
	}
}

static void mbr_seeds(struct seeds *s)
{
	static const struct {
		const char *name;
		uint32_t sector, links, last;
	} chain[] = {
		{ "mbr-primary", 512, 0, 0 }, { "mbr-logical", 512, 3, 0 },
		{ "mbr-loop", 512, 3, 64 }, { "mbr-outside", 512, 2, 1 << 30 },
		{ "mbr-4096", 4096, 2, 0 }, { "mbr-long", 512, 40, 0 },
	};
	static const char boot[] = "\xeb\x3c\x90MSDOS5.0\0\2\4\1\0\2\0\2\0"
				   "\x40\xf8";
	struct pdisk d;
	size_t i;

	for (i = 0; i < sizeof(chain) / sizeof(chain[0]); i++) {
		pdisk_init(&d, SIZE);
		put_chain(&d, chain[i].sector, chain[i].links, chain[i].last);
		put_seed(s, &d, chain[i].sector == 4096 ? FUZZ_PTABLE_4096 : 0,
			 chain[i].name);
		pdisk_free(&d);
	}
	pdisk_init(&d, SIZE);
	pdisk_mbr(&d, 0);
	put_seed(s, &d, 0, "mbr-empty");
	pdisk_put(&d, 0, boot, sizeof(boot) - 1);
	put_seed(s, &d, 0, "fat");
	pdisk_free(&d);
}

static void gpt_seed(struct seeds *s, const char *name, uint64_t size,
		     uint32_t sector, unsigned copies, uint8_t flags)
{
	struct pdisk d;

	pdisk_init(&d, size);
	pdisk_gpt(&d, sector, copies);
	pdisk_gpt_part(&d, sector, 0, 64, 127, "EFI system");
	pdisk_gpt_part(&d, sector, 5, 128, 1023, "data");
	put_seed(s, &d, flags, name);
	pdisk_free(&d);
}

static void hybrid_seed(struct seeds *s)
{
	struct pdisk d;

	pdisk_init(&d, SIZE);
	pdisk_gpt(&d, 512, BOTH);
	pdisk_gpt_part(&d, 512, 1, 256, 511, "shared");
	pdisk_entry(&d, 0, 0, 0x07, 256, 256);
	pdisk_entry(&d, 0, 1, 0xee, 1, 255);
	put_seed(s, &d, FUZZ_PTABLE_RESEAL, "gpt-hybrid");
	pdisk_free(&d);
}

/* A name with surrogates, an array of 1 MiB, entries of 4096 bytes. */
static void wide_seed(struct seeds *s)
{
	struct pdisk d;

	pdisk_init(&d, SIZE);
	pdisk_gpt(&d, 512, PDISK_PRIMARY);
	pdisk_gpt_part(&d, 512, 0, 4096, 8191, "x");
	pdisk_put_u64(&d, 1024 + 56, UINT64_C(0xd83dd83ddcbe00e9));
	pdisk_put_u32(&d, 512 + 80, 256);
	pdisk_put_u32(&d, 512 + 84, 4096);
	put_seed(s, &d, FUZZ_PTABLE_RESEAL, "gpt-wide");
	pdisk_free(&d);
}

void seeds_of_ptable(struct seeds *s)
{
	const uint8_t seal = FUZZ_PTABLE_RESEAL;

	mbr_seeds(s);
	gpt_seed(s, "gpt", SIZE, 512, BOTH, 0);
	gpt_seed(s, "gpt-reseal", SIZE, 512, BOTH, seal);
	gpt_seed(s, "gpt-4096", SIZE, 4096, BOTH, seal | FUZZ_PTABLE_4096);
	gpt_seed(s, "gpt-other", SIZE, 4096, BOTH, seal);
	gpt_seed(s, "gpt-backup", SIZE, 512, PDISK_BACKUP, seal);
	gpt_seed(s, "gpt-none", SIZE, 512, 0, 0);
	gpt_seed(s, "gpt-large", UINT64_MAX - 4095, 512, BOTH, seal);
	gpt_seed(s, "gpt-small", 80 * 512, 512, BOTH, seal);
	hybrid_seed(s);
	wide_seed(s);
}
