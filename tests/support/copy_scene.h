/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SUPPORT_COPY_SCENE_H
#define TESTS_SUPPORT_COPY_SCENE_H

/*
 * Disks to be copied, and what they show; images of every kind to copy them to.
 * The files have all that a copy may trip over: extents of odd sectors, runs of
 * zeros that are stored, grains of zeros between data, holes of the file inside
 * a block, sectors that a VHD's bitmap calls unwritten.
 */

#include "support/base_rand.h"
#include "support/tempdir.h"
#include "vhd/vhd.h"

enum { COPY_SOURCES = 9, COPY_TARGETS = 9, COPY_LAYERS = 4 };

struct copy_source {
	struct tempdir dir;
	char path[COPY_LAYERS][512];	/* the last one is on top */
	int layers;
	uint8_t *disk;			/* the bytes a guest sees */
	size_t size;
	uint64_t seed;
};

struct copy_target {
	const char *name;		/* of the file */
	const char *what;		/* for people */
	enum vhd_type type;
	uint32_t sector;
	uint64_t block;
	uint32_t flags;			/* VHD_CREATE_* */
};

extern const struct copy_target copy_targets[COPY_TARGETS];

const char *copy_source_name(int kind);
/* A new directory with the files of disk number @kind in it, and no others. */
void copy_source_make(struct copy_source *s, int kind, uint64_t seed);
/* The same as one raw file of zeros and nothing stored. */
void copy_source_empty(struct copy_source *s, size_t size);
void copy_source_free(struct copy_source *s);
struct vhd_image *copy_source_open(const struct copy_source *s);

/* What of @t matters, and all that else would differ from run to run. */
struct vhd_convert_opts copy_target_opts(const struct copy_target *t);
/* The file that is made of @t in @s' directory, of turn @turn. */
const char *copy_target_path(const struct copy_source *s,
			     const struct copy_target *t, int turn,
			     char buf[512]);

/* Opens it again: the bytes of @s, then zeros; nothing to complain of. */
void copy_expect(const char *path, const struct copy_source *s);
/* Both files are the same to the byte. */
void copy_expect_same(const char *a, const char *b);
/* 4 KiB grains of the disk that hold something. */
uint64_t copy_grains(const struct copy_source *s);

#endif
