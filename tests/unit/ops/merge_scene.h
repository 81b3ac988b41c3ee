/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_UNIT_OPS_MERGE_SCENE_H
#define TESTS_UNIT_OPS_MERGE_SCENE_H

/* What the tests of merging share. */

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/base_rand.h"
#include "support/check_main.h"
#include "support/tempdir.h"
#include "vhd/vhd.h"

#define KIB UINT64_C(1024)
#define MIB (KIB * KIB)

enum { PATH_ROOM = 512 };

static struct tempdir dir;

static inline void need(int rc, const struct vhd_error *err, const char *what)
{
	if (rc)
		ck_abort_msg("%s: %s: %s", what, err->file, err->msg);
}

static inline struct vhd_image *open_image(const char *path, uint32_t flags)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img = NULL;
	struct vhd_error err;

	o.flags = flags;
	need(vhd_open(path, &o, &img, &err), &err, "open");
	return img;
}

static inline void close_image(struct vhd_image *img)
{
	struct vhd_error err;

	need(vhd_close(&img, &err), &err, "close");
}

static inline uint8_t *read_disk(const char *path, uint64_t *size_out)
{
	struct vhd_image *img = open_image(path, VHD_OPEN_ALLOW_RAW);
	uint64_t size = vhd_size(img);
	uint8_t *buf = malloc(size);
	struct vhd_error err;

	ck_assert_ptr_nonnull(buf);
	need(vhd_pread(img, buf, size, 0, &err), &err, "read");
	close_image(img);
	*size_out = size;
	return buf;
}

static inline int status_of_open(const char *path)
{
	struct vhd_image *img = NULL;
	int rc = vhd_open(path, NULL, &img, NULL);

	vhd_close(&img, NULL);
	return rc;
}

/* Ends a merge after some calls. */
struct patience {
	uint64_t calls;
};

static inline bool lose_patience(void *arg, uint64_t done, uint64_t total)
{
	struct patience *p = arg;

	ck_assert_uint_le(done, total);
	return p->calls-- > 0;
}

#endif
