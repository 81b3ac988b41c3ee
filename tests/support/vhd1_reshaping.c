/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/vhd1_reshaping.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "vhd1/vhd1.h"

enum { SECTOR = 512 };

static uint8_t parent_at(const struct vhd1_shape *s, uint64_t sec)
{
	return sec * SECTOR < s->below ? VHD1_BELOW : 0;
}

/* What new sectors show. */
static void cover(struct vhd1_shape *s, uint64_t from, uint64_t to, bool zeros)
{
	uint64_t sec;

	for (sec = from / SECTOR; sec < to / SECTOR; sec++)
		s->sector[sec] = zeros ? 0 : parent_at(s, sec);
}

void vhd1_shape_new(struct vhd1_shape *s, const struct vhd1_image_spec *spec,
		    uint64_t seed)
{
	uint64_t i;

	memset(s, 0, sizeof(*s));
	s->rng = seed + 1;
	s->size = spec->size;
	s->block = spec->block_size ? spec->block_size : 2 * MiB;
	s->below = spec->type == VHD_TYPE_DIFF ? spec->size : 0;
	s->sector = calloc((size_t)(s->size / SECTOR), 1);
	ck_assert_ptr_nonnull(s->sector);
	cover(s, 0, s->size, false);
	for (i = 0; i < spec->blocks; i++) {
		cover(s, i * s->block, (i + 1) * s->block, true);
		s->sector[i * s->block / SECTOR] = (uint8_t)(0xa0 + i);
	}
	vhd1_bench_new(&s->b, vhd1_image_new(spec));
	s->b.below = s->below;
}

void vhd1_shape_end(struct vhd1_shape *s)
{
	vhd1_bench_end(&s->b);
	free(s->sector);
}

void vhd1_shape_open(struct vhd1_shape *s)
{
	struct vhd_error err;

	if (vhd1_bench_open(&s->b, &err))
		ck_abort_msg("open: %s", err.msg);
}

/* A sector that holds one byte, or fails. */
static void sector_expect(const struct vhd1_shape *s, uint64_t sec,
			  const uint8_t buf[SECTOR])
{
	if (buf[0] != s->sector[sec] || memcmp(buf, buf + 1, SECTOR - 1))
		ck_abort_msg("sector %llu: 0x%02x instead of 0x%02x",
			     (unsigned long long)sec, buf[0], s->sector[sec]);
}

static void data_expect(const struct vhd1_shape *s, struct vhd_io *io,
			uint64_t sec, uint64_t count, uint64_t at)
{
	static uint8_t buf[128 * SECTOR];

	while (count) {
		uint64_t n = min_u64(count, 128), i;

		vhd1_image_get(io, buf, (size_t)(n * SECTOR), at);
		for (i = 0; i < n; i++)
			sector_expect(s, sec + i, buf + i * SECTOR);
		sec += n;
		count -= n;
		at += n * SECTOR;
	}
}

static void run_expect(const struct vhd1_shape *s, struct vhd_io *io,
		       const struct vhd_run *run, uint64_t off)
{
	uint64_t sec = off / SECTOR, end = (off + run->len) / SECTOR;
	bool over = run->kind == VHD_RUN_PARENT;

	if (run->kind == VHD_RUN_DATA) {
		data_expect(s, io, sec, end - sec, run->file_off);
		return;
	}
	for (; sec < end; sec++) {
		uint8_t is = over ? parent_at(s, sec) : 0;

		if (s->sector[sec] != is)
			ck_abort_msg("sector %llu is the parent's or zero "
				     "instead of 0x%02x",
				     (unsigned long long)sec, s->sector[sec]);
	}
}

void vhd1_shape_expect(const struct vhd1_shape *s, struct vhd_io *io)
{
	const struct vhd_engine_open req = { .io = io };
	struct vhd_info info = { .size = sizeof(info) };
	struct vhd1_seen seen;
	struct vhd_error err;
	uint64_t off = 0;
	void *eng;

	if (vhd1_engine.open(&req, &eng, &err))
		ck_abort_msg("%s", err.msg);
	vhd1_engine.info(eng, &info);
	ck_assert_uint_eq(info.virtual_size, s->size);
	while (off < s->size) {
		struct vhd_run run;

		if (vhd1_engine.map(eng, off, s->size - off, &run, &err))
			ck_abort_msg("map: %s", err.msg);
		run_expect(s, io, &run, off);
		off += run.len;
	}
	vhd1_engine.close(eng);
	if (vhd1_image_check_as(io, true, &seen, &err))
		ck_abort_msg("check: %s", err.msg);
	ck_assert_msg(seen.worst < VHD_SEV_ERROR, "%s", seen.last);
	ck_assert_uint_eq(vhd1_seen_count(&seen, "VHD1_DATA_UNDER_CLEAR_BIT"),
			  0);
}

void vhd1_shape_close(struct vhd1_shape *s)
{
	struct vhd_error err;

	if (vhd1_bench_shut(&s->b, &err))
		ck_abort_msg("shut: %s", err.msg);
	vhd1_shape_expect(s, s->b.io);
}

void vhd1_shape_write(struct vhd1_shape *s, uint64_t off, uint64_t len,
		      uint8_t byte)
{
	struct vhd_error err;

	if (vhd1_guest_write(&s->b, off, byte, len, &err))
		ck_abort_msg("write: %s", err.msg);
	memset(s->sector + off / SECTOR, byte, (size_t)(len / SECTOR));
}

void vhd1_shape_scribble(struct vhd1_shape *s, unsigned count)
{
	while (count--) {
		uint64_t n = div_ceil(s->size, s->block);
		uint64_t blk = base_rand_below(&s->rng, n);
		uint64_t off = blk * s->block, len = s->block;

		if (base_rand_below(&s->rng, 3)) {
			off += SECTOR * base_rand_below(&s->rng,
							s->block / SECTOR);
			off = min_u64(off, s->size - SECTOR);
			len = SECTOR * (1 + base_rand_below(&s->rng, 40));
		}
		len = min_u64(len, s->size - off);
		vhd1_shape_write(s, off, len, (uint8_t)base_rand(&s->rng));
	}
}

void vhd1_shape_drop(struct vhd1_shape *s, uint64_t blk, bool must)
{
	bool diff = s->b.v->footer.type == VHD1_TYPE_DIFF, done;
	uint64_t from = blk * s->block;
	struct vhd_error err;

	ck_assert_int_eq(vhd_writer_ready(s->b.w, &err), 0);
	ck_assert_int_eq(vhd_writer_unmap(s->b.w, blk, diff ? VHD_UNMAP_BELOW :
					  VHD_UNMAP_DISCARD, &done, &err), 0);
	ck_assert(done || !must);
	if (done)
		cover(s, from, min_u64(from + s->block, s->size), !diff);
}

void vhd1_shape_resize(struct vhd1_shape *s, uint64_t size)
{
	const struct vhd_engine_resize req = {
		.size = size, .below = s->below
	};
	uint64_t old = s->size;
	struct vhd_error err;

	if (vhd1_engine.resize(s->b.v, &req, &err))
		ck_abort_msg("resize to %llu: %s", (unsigned long long)size,
			     err.msg);
	s->sector = realloc(s->sector, (size_t)(size / SECTOR));
	ck_assert_ptr_nonnull(s->sector);
	s->size = size;
	cover(s, min_u64(old, size), size, true);
	vhd1_shape_close(s);
	vhd1_shape_open(s);
}

unsigned vhd1_shape_says(struct vhd1_shape *s, const char *rule)
{
	struct vhd1_seen seen;
	struct vhd_error err;

	ck_assert_int_eq(vhd1_image_check_as(s->b.io, true, &seen, &err), 0);
	return vhd1_seen_count(&seen, rule);
}
