/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_UNIT_COMMON_PTABLE_SCENE_H
#define TESTS_UNIT_COMMON_PTABLE_SCENE_H

/* A disk of 8 MiB, unless a test wants another, and what is found on it. */
#include <check.h>
#include <stdlib.h>

#include "support/ptable_disk.h"

enum { SCENE_SIZE = 8 << 20, SCENE_SECTORS = SCENE_SIZE / 512 };

struct scene {
	struct pdisk d;
	struct ptable t;
};

static inline struct scene *scene_new(uint64_t size)
{
	struct scene *sc = malloc(sizeof(*sc));

	ck_assert_ptr_nonnull(sc);
	pdisk_init(&sc->d, size);
	return sc;
}

static inline void scene_free(struct scene *sc)
{
	pdisk_free(&sc->d);
	free(sc);
}

/* Reads the table, and proves that it depends on nothing but its ranges. */
static inline void scene_read(struct scene *sc, uint32_t sector)
{
	struct ptable *again = malloc(sizeof(*again));
	const char *broken;

	ck_assert_ptr_nonnull(again);
	sc->d.reads = 0;
	sc->d.bytes = 0;
	sc->d.keep = NULL;
	ck_assert_int_eq(ptable_read(pdisk_read, &sc->d, sc->d.size, sector,
				     &sc->t), 0);
	broken = pdisk_broken(&sc->d, &sc->t);
	ck_assert_msg(!broken, "%s", broken);
	sc->d.keep = &sc->t;
	ck_assert_int_eq(ptable_read(pdisk_read, &sc->d, sc->d.size, sector,
				     again), 0);
	ck_assert(pdisk_same(&sc->t, again));
	sc->d.keep = NULL;
	free(again);
}

/* Partition @idx of the answer; sectors of the table's size. */
static inline void scene_has(const struct scene *sc, size_t idx,
			     uint32_t number, uint64_t start, uint64_t count)
{
	const struct part *p = &sc->t.parts[idx];

	ck_assert_uint_lt(idx, sc->t.count);
	ck_assert_uint_eq(p->number, number);
	ck_assert_uint_eq(p->off, start * sc->t.sector);
	ck_assert_uint_eq(p->len, count * sc->t.sector);
}

#endif
