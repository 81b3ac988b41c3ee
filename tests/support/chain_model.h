/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SUPPORT_CHAIN_MODEL_H
#define TESTS_SUPPORT_CHAIN_MODEL_H

/*
 * A chain of files with random content, and what the disk of each layer has to
 * show.  Layer 0 of the model is the base, as files are made; disks may grow
 * from one to the next.
 */

#include "support/base_rand.h"
#include "support/tempdir.h"
#include "vhd/vhd.h"

enum { CHAIN_MODEL_MAX = 72 };

struct chain_model {
	struct tempdir dir;
	const char *ext;		/* "vhd", "vhdx" */
	uint64_t block;			/* bytes; 0: the default */
	uint64_t seed;
	int depth;
	char path[CHAIN_MODEL_MAX][512];
	uint8_t *disk[CHAIN_MODEL_MAX];
	size_t size[CHAIN_MODEL_MAX];
};

/* An empty base of @size bytes. */
void chain_model_make(struct chain_model *m, const char *ext, uint64_t block,
		      size_t size, uint64_t seed);
void chain_model_free(struct chain_model *m);

/* A child of layer @parent named @name, @grow bytes larger; returns its number. */
int chain_model_child(struct chain_model *m, int parent, const char *name,
		      size_t grow);

/* @count random writes and ranges of zeros through one open for writing. */
void chain_model_scribble(struct chain_model *m, int layer, int count);

/* Opens a layer, with its parents, or aborts the test. */
struct vhd_image *chain_model_open(const struct chain_model *m, int layer,
				   uint32_t flags);

/* The whole disk that @img shows is @want, then zeros. */
void chain_model_expect(struct vhd_image *img, const uint8_t *want,
			size_t size);

#endif
