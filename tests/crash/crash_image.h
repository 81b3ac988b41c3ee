/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_CRASH_CRASH_IMAGE_H
#define TESTS_CRASH_CRASH_IMAGE_H

/* New images in memory, of all six types. */

#include "crash/crash_file.h"
#include "crash/crash_model.h"
#include "vhd/vhd.h"
#include "vhd/write.h"

enum { CRASH_TYPES = 6 };

struct crash_type {
	const char *name;
	enum vhd_format format;
	enum vhd_type type;
};

extern const struct crash_type crash_types[CRASH_TYPES];
/* NULL when there is no such name. */
const struct crash_type *crash_type_find(const char *name);

/* How a stretch of work leans. */
enum crash_mood {
	CRASH_MOOD_ANY,
	CRASH_MOOD_FILL,	/* writes many blocks */
	CRASH_MOOD_MIX,		/* everything */
	CRASH_MOOD_CHURN,	/* takes and gives back whole blocks */
	CRASH_MOOD_LOG,		/* small writes, each flushed */
	CRASH_MOOD_LAZY,	/* block by block, written back, not flushed */
	CRASH_MOOD_RING,	/* bits, and a new block just before a VHDX log
				   is full */
	CRASH_MOODS
};

/* What an image is to be.  Zeros are drawn from the seed. */
struct crash_setup {
	const struct crash_type *type;
	uint64_t seed;
	uint64_t block;
	uint32_t sector;
	uint64_t size;
	uint64_t cache;
	bool xen;		/* VHD: with a batmap; drawn with the block */
	enum crash_mood mood;	/* of the work; drawn */
};

void crash_setup_draw(struct crash_setup *s);
/* The disk has a parent. */
bool crash_setup_child(const struct crash_setup *s);

/*
 * A parent for the image, in a file of the system, with stamps of
 * CRASH_OP_PARENT here and there, which @m learns.
 */
struct crash_parent {
	char path[256];
	struct vhd_info info;
};

void crash_parent_make(struct crash_parent *p, const struct crash_setup *s,
		       struct crash_model *m);
/* Removes the file. */
void crash_parent_drop(struct crash_parent *p);

/* An empty image; @p for those that have a parent. */
void crash_image_build(struct crash_file *f, const struct crash_setup *s,
		       const struct crash_parent *p);

/*
 * Fills what no structure of the image uses with a pattern, and sets all bits
 * that a bitmap has for blocks without one.
 */
void crash_image_poison(struct crash_file *f, const struct crash_setup *s);

#endif
