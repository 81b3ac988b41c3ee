/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SUPPORT_UNDO_SCENE_H
#define TESTS_SUPPORT_UNDO_SCENE_H

/*
 * A file, changes of every kind that a patch can make to it, and the undo file
 * for them.  Failures abort the test.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/io_patch.h"
#include "io/io_record.h"
#include "ops/undo.h"
#include "support/io_tmp.h"

enum { MODEL_MAX = 384 * 1024, PAGE = 4096, SECTOR = 512 };

struct model {
	uint8_t bytes[MODEL_MAX + MODEL_MAX];
	uint64_t size;
};

struct scene {
	struct io_tmp *tmp;
	const char *image, *undo_path;
	struct model base, now;		/* as it was; after repair() */
	struct vhd_io *io;
	struct vhd_undo *undo;
	uint64_t rnd;
	bool whole;		/* nothing begins or ends inside a sector */
};

struct scene *scene_begin(uint64_t seed, bool whole);
void scene_end(struct scene *s);

/* 0 to @limit. */
uint64_t scene_random(struct scene *s, uint64_t limit);
struct vhd_io *scene_open(const char *path);
void scene_load(struct vhd_io *io, struct model *m);
void scene_same(const struct model *m, struct vhd_io *io);

struct vhd_patch *scene_patch(struct scene *s, struct vhd_io *base);
/* What the patch overwrites goes into the undo file. */
void scene_save(struct scene *s, const struct vhd_patch *p);
/* Saves, and makes, so many patches one after the other. */
void scene_repair(struct scene *s, int parts);

/* @m in memory; what is done to it is recorded. */
struct vhd_io *scene_recorded(const struct model *m, struct vhd_trace *t);
/*
 * A state that a power cut leaves.  Of the calls after the last flush before the
 * cut, any may have happened, in any order, torn at sectors.
 */
struct vhd_io *scene_cut(struct scene *s, const struct model *from,
			 const struct vhd_trace *t, size_t cut);

#endif
