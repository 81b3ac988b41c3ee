/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_TORTURE_TORTURE_IMAGE_H
#define TESTS_TORTURE_TORTURE_IMAGE_H

/* Images in memory, their parents in a directory, and what is asked of both. */

#include "torture/torture.h"
#include "torture/torture_file.h"

struct torture_type {
	const char *name;
	enum vhd_format format;
	enum vhd_type type;
};
enum { TORTURE_TYPES = 6 };
extern const struct torture_type torture_types[TORTURE_TYPES];

/*
 * A disk.  Only windows of it are used: @per blocks each, the first ones of
 * every @apart.  So tables and bitmaps have many pages, and the disk is small.
 */
struct torture_shape {
	const struct torture_type *type;
	uint64_t block;
	uint32_t sector;
	uint32_t windows, per, apart;
	uint64_t cut;		/* bytes of the last block that are missing */
	bool xen;
};

bool torture_is_child(const struct torture_shape *s);
bool torture_is_fixed(const struct torture_shape *s);
/* Bytes of the disk, and of the windows alone. */
uint64_t torture_size(const struct torture_shape *s);
uint64_t torture_used(const struct torture_shape *s);
/* Where byte @at of the windows is in the disk. */
uint64_t torture_guest(const struct torture_shape *s, uint64_t at);
/* Bytes of the window from @at on. */
uint64_t torture_in_window(const struct torture_shape *s, uint64_t at);

struct torture_parent {
	char dir[256];
	char path[300];
	struct vhd_info info;
};

/* A parent for @s that holds what of @bytes (torture_used()) is not zeros. */
void torture_parent_make(struct torture_parent *p,
			 const struct torture_shape *s, const uint8_t *bytes);
void torture_parent_drop(struct torture_parent *p);

/* A new image; @p is for children. */
void torture_build(struct torture_file *f, const struct torture_shape *s,
		   const struct torture_parent *p);

struct torture_open {
	uint64_t cache;
	uint32_t flags;			/* VHD_OPEN_* */
};

int torture_open_ops(const struct vhd_io_ops *ops, void *handle,
		     const struct torture_parent *p,
		     const struct torture_open *how, struct vhd_image **img_out,
		     struct vhd_error *err);
/* Has to work. */
struct vhd_image *torture_open(struct torture_file *f,
			       const struct torture_parent *p,
			       const struct torture_open *how);
/* Opens it for reading; no error is found, by opening or by checking. */
void torture_check(struct torture_file *f, const struct torture_parent *p);
/* The windows hold @bytes. */
void torture_compare(struct vhd_image *img, const struct torture_shape *s,
		     const uint8_t *bytes, const char *when);

#endif
