/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SUPPORT_VHDX_REPLAYING_H
#define TESTS_SUPPORT_VHDX_REPLAYING_H

/*
 * What tests of replay share: one image with a pending log, the file made of
 * it, and the overlay that replaying gives.
 */

#include "base/ckd.h"
#include "support/check_main.h"
#include "support/vhdx_image.h"
#include "vhdx/vhdx_replay.h"

#include <string.h>

enum { SECTOR = 4096, RING = 1 << 20, BAT = 3 << 20 };

static struct vhdx_image img;
static struct vhd_io *io;
static struct vhdx_overlay *ov;
static struct vhd_error err;
static uint32_t found[VHD_RULE_COUNT + 1];	/* findings, by rule */

static inline void finding_count(void *arg, const struct vhd_rule *rule, uint64_t off,
			  const char *msg)
{
	(void)arg;
	(void)off;
	ck_assert_ptr_nonnull(msg);
	for (int i = 0; i < VHD_RULE_COUNT; i++) {
		if (vhd_rule_get((enum vhd_rule_idx)i) == rule)
			found[i]++;
	}
}

static inline int load_io(void)
{
	struct vhd_sink sink = { finding_count, NULL };
	struct vhdx_header h;

	memset(found, 0, sizeof(found));
	vhdx_overlay_free(ov);
	ov = NULL;
	ck_assert(vhdx_header_decode((uint8_t *)vhdx_image_header(&img, 1),
				     &h));
	return vhdx_replay_load(io, &h, &sink, &ov, &err);
}

/* Replays the image as it stands. */
static inline int load(void)
{
	vhd_io_close(&io, NULL);
	io = vhdx_image_io(&img);
	ck_assert_ptr_nonnull(io);
	return load_io();
}

static inline void end(void)
{
	vhdx_overlay_free(ov);
	ov = NULL;
	vhd_io_close(&io, NULL);
	vhdx_image_free(&img);
}

static inline void assert_rule(int rc, enum vhd_rule_idx rule)
{
	ck_assert_int_ne(rc, 0);
	ck_assert_ptr_eq(err.rule, vhd_rule_get(rule));
}

static inline uint64_t read64(uint64_t off)
{
	le64 v;

	ck_assert_int_eq(vhdx_overlay_read(ov, io, &v, 8, off, NULL), 0);
	return le64_get(v);
}

static inline uint64_t bat(uint64_t idx)
{
	return read64(BAT + 8 * idx);
}

/* An image with a pending log and nothing in it but old sectors. */
static inline void begin(void)
{
	vhdx_image_init(&img, NULL);
	vhdx_image_set_pending(&img);
	memset(img.bytes + MiB, 0xaa, RING);
}

/* A data entry that makes entry 0 of the BAT @value; returns its end. */
static inline uint32_t put(uint32_t ring_off, uint64_t seq, uint32_t tail_off,
		    uint64_t value)
{
	uint8_t page[SECTOR];
	struct vhdx_image_change c = { .file_off = BAT, .page = page };
	struct vhdx_image_entry e = { .seq = seq, .tail_off = tail_off % RING,
				      .change = &c, .change_count = 1 };
	le64 v = le64_make(value);

	memset(page, 0x5a, sizeof(page));
	memcpy(page, &v, 8);
	return vhdx_image_log_put(&img, ring_off % RING, &e);
}

static inline uint32_t put_empty(uint32_t ring_off, uint64_t seq, uint32_t tail_off)
{
	struct vhdx_image_entry e = { .seq = seq, .tail_off = tail_off % RING };

	return vhdx_image_log_put(&img, ring_off % RING, &e);
}

#endif
