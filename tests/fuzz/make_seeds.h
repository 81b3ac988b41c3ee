/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_FUZZ_MAKE_SEEDS_H
#define TESTS_FUZZ_MAKE_SEEDS_H

#include "fuzz/fuzz_file.h"

struct seeds {
	const char *dir;		/* holds a directory for each driver */
	unsigned count;
};

/* Writes dir/driver/name. */
void seed_put(struct seeds *s, const char *driver, const char *name,
	      const void *data, size_t len);

/* An input under construction. */
struct seed {
	uint8_t *data;
	size_t len;
};

void seed_bytes(struct seed *seed, const void *data, size_t len);
void seed_u8(struct seed *seed, uint8_t v);
void seed_u16(struct seed *seed, uint16_t v);
void seed_u32(struct seed *seed, uint32_t v);
void seed_u64(struct seed *seed, uint64_t v);
/* @len bytes of @f, without the zeros at their end; returns how many. */
size_t seed_part(struct seed *seed, const struct fuzz_file *f, uint64_t off,
		 size_t len);
/* Writes it and makes it empty. */
void seed_end(struct seeds *s, struct seed *seed, const char *driver,
	      const char *name);

/* Inputs for the decoders, taken from the image in @f. */
void seeds_of_vhd(struct seeds *s, const struct fuzz_file *f, const char *name);
void seeds_of_vhdx(struct seeds *s, const struct fuzz_file *f,
		   const char *name);
/* Inputs that no image of ours holds. */
void seeds_by_hand(struct seeds *s);
/* Inputs for the reader of partition tables. */
void seeds_of_ptable(struct seeds *s);
/* Undo files. */
void seeds_of_undo(struct seeds *s);

#endif
