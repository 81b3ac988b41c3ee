/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEST_VHD1_IMAGE_H
#define TEST_VHD1_IMAGE_H

/*
 * VHD images in memory: sound ones, made by the engine, and tools to break one
 * thing in them and seal the checksums again, so that only that thing is wrong.
 */

#include "codec/vhd1_footer.h"
#include "codec/vhd1_header.h"
#include "engine/engine.h"
#include "io/io.h"

struct vhd1_image_spec {
	enum vhd_type type;
	uint64_t size;
	uint64_t block_size;		/* 0: 2 MiB */
	unsigned blocks;		/* the first so many have data */
	bool xen;
	bool raw_parent;
	const char *parent;		/* NULL: "base.vhd" */
	const char *windows;
};

/* What the tests use unless they need something else: 8 MiB, 2 blocks. */
#define VHD1_DYNAMIC { .type = VHD_TYPE_DYNAMIC, .size = 8 << 20, .blocks = 2 }
#define VHD1_DIFF { .type = VHD_TYPE_DIFF, .size = 8 << 20, .blocks = 2 }
#define VHD1_FIXED { .type = VHD_TYPE_FIXED, .size = 3 << 20 }
#define VHD1_XEN { .type = VHD_TYPE_DYNAMIC, .size = 8 << 20, .blocks = 2, \
		   .xen = true }

/* The recipe of vhd.md 16.1 for @spec: ids 00 .. 0f, time 0x2d000000. */
void vhd1_image_what(const struct vhd1_image_spec *spec,
		     struct vhd_build *out);

/* A sound image; ended with vhd_io_close().  Never fails. */
struct vhd_io *vhd1_image_new(const struct vhd1_image_spec *spec);

uint64_t vhd1_image_size(struct vhd_io *io);
void vhd1_image_get(struct vhd_io *io, void *buf, size_t len, uint64_t off);
void vhd1_image_put(struct vhd_io *io, const void *buf, size_t len,
		    uint64_t off);
void vhd1_image_fill(struct vhd_io *io, uint8_t byte, size_t len,
		     uint64_t off);
void vhd1_image_resize(struct vhd_io *io, uint64_t size);

/* The trailing footer (of 512 bytes); storing seals it. */
void vhd1_image_footer(struct vhd_io *io, struct vhd1_footer *out);
/* @where: VHD_COPY_FIRST, VHD_COPY_SECOND or both. */
void vhd1_image_set_footer(struct vhd_io *io, const struct vhd1_footer *f,
			   unsigned where);
/* The header at 512; storing seals it. */
void vhd1_image_header(struct vhd_io *io, struct vhd1_header *out);
void vhd1_image_set_header(struct vhd_io *io, const struct vhd1_header *h);

uint32_t vhd1_image_entry(struct vhd_io *io, uint32_t blk);
void vhd1_image_set_entry(struct vhd_io *io, uint32_t blk, uint32_t entry);

/* The names of the rules that were reported, in order. */
struct vhd1_seen {
	unsigned count;
	enum vhd_severity worst;
	const char *name[256];
	char last[256];			/* the last message */
};
void vhd1_seen_fn(void *arg, const struct vhd_rule *rule, uint64_t off,
		  const char *msg);
unsigned vhd1_seen_count(const struct vhd1_seen *s, const char *name);

int vhd1_image_open(struct vhd_io *io, void **eng_out, struct vhd1_seen *seen,
		    struct vhd_error *err);
/* Opens and checks; what opening reports is in @seen too. */
int vhd1_image_check(struct vhd_io *io, struct vhd1_seen *seen,
		     struct vhd_error *err);
int vhd1_image_check_as(struct vhd_io *io, bool deep, struct vhd1_seen *seen,
			struct vhd_error *err);

#endif
