/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_MUTATE_MUTANT_H
#define TESTS_MUTATE_MUTANT_H

/*
 * Damaged images.
 *
 * A target knows where the structures of a base image lie and what fields they
 * have.  A mutant is the base with one to four changes, each to a field or a
 * range of a structure, or to the length of the file; in four cases out of five
 * the checksums are made right again, so that the damage is seen by whatever
 * uses the field and not by the checksum.  A mutant follows from its target and
 * a seed, and from nothing else.
 */

#include <stdio.h>

#include "fuzz/fuzz_file.h"
#include "vhd/types.h"

enum { STRUCTS_MAX = 64, VALUES_MAX = 64 };

/* The name of structures that hold what a guest has written. */
#define TARGET_PAYLOAD "start of block"

struct field {
	uint16_t off;
	uint8_t len;			/* 1, 2, 4, 8; else bytes */
};

/* A structure, or an array of them. */
struct structure {
	const char *name;
	uint64_t off, len;
	const struct field *field;	/* of each element */
	uint16_t field_count;
	uint32_t stride;		/* length of an element */
	bool big_endian;
};

struct target {
	const char *name;
	enum vhd_format format;
	const struct fuzz_base *base;
	unsigned count;
	struct structure part[STRUCTS_MAX];
	/* Numbers that mean something in this image. */
	unsigned value_count;
	uint64_t value[VALUES_MAX];
};

/* Finds the structures of a sound image. */
void target_init(struct target *t, const char *name, enum vhd_format format,
		 const struct fuzz_base *base, struct fuzz_file *scratch);

struct random {
	uint64_t state;
};

static inline uint64_t random_next(struct random *r)
{
	uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Below @n, which is not 0. */
static inline uint64_t random_below(struct random *r, uint64_t n)
{
	return random_next(r) % n;
}

static inline bool one_in(struct random *r, uint64_t n)
{
	return random_below(r, n) == 0;
}

/* @f becomes a mutant of @t; @why describes it, when it is not NULL. */
void mutant_make(const struct target *t, struct random *r, struct fuzz_file *f,
		 FILE *why);

#endif
