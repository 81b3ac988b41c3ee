/* SPDX-License-Identifier: BSD-2-Clause */
/* Images as Xen's storage managers want them: room to grow, sizes to the byte,
 * key hashes, and block devices that have something on them. */
#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "codec/vhd1_batmap.h"
#include "io/io_mem.h"
#include "io/io_record.h"
#include "support/check_main.h"
#include "support/vhd1_image.h"
#include "vhd1/vhd1.h"

enum { ROOM = 12 << 20, CUT_LEN = 64 << 10 };

static struct vhd_build xen_disk(enum vhd_type type, uint64_t size)
{
	const struct vhd1_image_spec spec = {
		.type = type, .size = size, .xen = true
	};
	struct vhd_build what;

	vhd1_image_what(&spec, &what);
	what.exact = true;
	return what;
}

static int build_on(struct vhd_io *io, const struct vhd_build *what,
		    struct vhd_error *err)
{
	void *bld = NULL;
	int rc = vhd1_engine.build(io, what, &bld, err);

	if (!rc)
		rc = vhd1_engine.finish(bld, err);
	vhd1_engine.discard(bld);
	return rc;
}

static struct vhd_io *built(const struct vhd_build *what)
{
	struct vhd_io *io;

	ck_assert_int_eq(vhd_io_open_mem(NULL, 0, &io, NULL), 0);
	ck_assert_int_eq(build_on(io, what, NULL), 0);
	return io;
}

static int refused(const struct vhd_build *what)
{
	struct vhd_io *io;
	struct vhd_error err;
	uint64_t size;
	int rc;

	ck_assert_int_eq(vhd_io_open_mem(NULL, 0, &io, NULL), 0);
	rc = build_on(io, what, &err);
	ck_assert_int_eq(vhd_io_size(io, &size, NULL), 0);
	ck_assert_uint_eq(size, 0);
	vhd_io_close(&io, NULL);
	return rc;
}

/* What the volumes of a storage manager are made for. */
START_TEST(vhd1_build__room_for_2_tib_takes_what_xen_counts_on)
{
	struct vhd_build what = xen_disk(VHD_TYPE_DYNAMIC, 10 * MiB);
	struct vhd1_header h;
	struct vhd_io *io;

	what.room_size = 2 * TiB;
	io = built(&what);
	ck_assert_uint_eq(vhd1_image_size(io), 4327936);
	vhd1_image_header(io, &h);
	ck_assert_uint_eq(h.max_entries, 1048576);
	vhd_io_close(&io, NULL);
	what = xen_disk(VHD_TYPE_DIFF, 10 * MiB);
	what.room_size = 2 * TiB;
	/* As long as the names of volumes become. */
	what.parent_relative = "VG_XenStorage--01234567--89ab--cdef--0123--"
			       "456789abcdef-VHD--01234567--89ab--cdef--0123--"
			       "456789abcdef";
	io = built(&what);
	ck_assert_uint_eq(vhd1_image_size(io), 4329472);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(vhd1_build__room_is_more_than_the_disk_and_not_of_a_fixed_one)
{
	struct vhd_build what = xen_disk(VHD_TYPE_DYNAMIC, 10 * MiB);

	what.room_size = 10 * MiB - 512;
	ck_assert_int_eq(refused(&what), VHD_E_INVAL);
	what.room_size = 2 * TiB + 512;
	ck_assert_int_eq(refused(&what), VHD_E_INVAL);
	what = xen_disk(VHD_TYPE_FIXED, 10 * MiB);
	what.room_size = 20 * MiB;
	ck_assert_int_eq(refused(&what), VHD_E_INVAL);
}
END_TEST

/* Entries that are there, and zeros up to the end of the sector. */
START_TEST(vhd1_build__what_is_behind_the_entries_of_xen_is_zero)
{
	struct vhd_build what = xen_disk(VHD_TYPE_DYNAMIC, 64 * MiB);
	struct vhd_io *io = built(&what);
	uint8_t table[512];

	ck_assert_uint_eq(vhd1_image_size(io), 3584);
	vhd1_image_get(io, table, sizeof(table), 1536);
	for (size_t i = 0; i < sizeof(table); i++)
		ck_assert_uint_eq(table[i], i < 4 * 32 ? 0xff : 0);
	vhd_io_close(&io, NULL);
}
END_TEST

/* VHD-X-7: the size stays, and the map has both of its sectors. */
START_TEST(vhd1_build__a_miscounted_size_gets_its_whole_map)
{
	struct vhd_build what = xen_disk(VHD_TYPE_DYNAMIC, 8194 * MiB);
	struct vhd_io *io = built(&what);
	uint8_t raw[VHD1_BATMAP_LEN], zeros[1024] = { 0 }, map[1024];
	struct vhd1_batmap batmap;

	vhd1_image_get(io, raw, sizeof(raw), 1536 + 33 * 512);
	ck_assert(vhd1_batmap_decode(raw, &batmap));
	ck_assert_uint_eq(batmap.map_sectors, 2);
	ck_assert_uint_eq(batmap.checksum, UINT32_MAX);
	vhd1_image_get(io, map, sizeof(map), batmap.map_off);
	ck_assert_mem_eq(map, zeros, sizeof(map));
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(vhd1_build__exact_sizes_end_at_2_tib)
{
	struct vhd_build what = xen_disk(VHD_TYPE_DYNAMIC, 2 * TiB);
	struct vhd_io *io = built(&what);
	struct vhd1_seen seen;
	uint64_t end;

	end = vhd1_image_size(io);
	ck_assert_uint_eq(end, 4327936);
	ck_assert_int_eq(vhd1_image_check(io, &seen, NULL), 0);
	vhd_io_close(&io, NULL);
	what.virtual_size += 512;
	ck_assert_int_eq(refused(&what), VHD_E_INVAL);
	what.type = VHD_TYPE_FIXED;
	ck_assert_int_eq(refused(&what), VHD_E_INVAL);
	what = xen_disk(VHD_TYPE_DYNAMIC, 2044 * GiB);
	what.exact = false;
	ck_assert_int_eq(refused(&what), VHD_E_INVAL);
}
END_TEST

START_TEST(vhd1_build__only_a_child_ends_within_a_sector)
{
	struct vhd_build what = xen_disk(VHD_TYPE_DIFF, 3 * MiB + 7);
	struct vhd_io *io = built(&what);
	struct vhd1_footer f;

	vhd1_image_footer(io, &f);
	ck_assert_uint_eq(f.current_size, 3 * MiB + 7);
	vhd_io_close(&io, NULL);
	what.type = VHD_TYPE_DYNAMIC;
	ck_assert_int_eq(refused(&what), VHD_E_INVAL);
	what = xen_disk(VHD_TYPE_DIFF, 511);
	ck_assert_int_eq(refused(&what), VHD_E_INVAL);
	what = xen_disk(VHD_TYPE_DIFF, 3 * MiB + 7);
	what.exact = false;
	ck_assert_int_eq(refused(&what), VHD_E_INVAL);
}
END_TEST

/* VHD-X-15 */
START_TEST(vhd1_build__a_key_is_known_by_its_hash)
{
	struct vhd_build what = xen_disk(VHD_TYPE_DYNAMIC, 8 * MiB);
	struct vhd_key_hash key;
	uint8_t raw[VHD1_BATMAP_LEN];
	struct vhd1_batmap batmap;
	struct vhd_info info = { .size = sizeof(info) };
	struct vhd_io *io;
	void *eng;

	memset(key.nonce, 0x5a, sizeof(key.nonce));
	memset(key.hash, 0xa5, sizeof(key.hash));
	what.key = &key;
	io = built(&what);
	vhd1_image_get(io, raw, sizeof(raw), 2048);
	ck_assert(vhd1_batmap_decode(raw, &batmap));
	ck_assert_uint_eq(batmap.key_cookie, 1);
	ck_assert_mem_eq(batmap.key_nonce, key.nonce, 32);
	ck_assert_mem_eq(batmap.key_hash, key.hash, 32);
	ck_assert_int_eq(vhd1_image_open(io, &eng, NULL, NULL), 0);
	vhd1_engine.info(eng, &info);
	ck_assert(info.vhd.has_keyhash);
	ck_assert_mem_eq(&info.key, &key, sizeof(key));
	vhd1_engine.close(eng);
	vhd_io_close(&io, NULL);
}
END_TEST

/* A device of @len bytes that is full of what was there. */
static struct vhd_io *device_new(uint64_t len)
{
	struct vhd_io *io;
	uint8_t *junk = malloc((size_t)len);

	ck_assert_ptr_nonnull(junk);
	memset(junk, 0xe5, (size_t)len);
	ck_assert_int_eq(vhd_io_open_mem(NULL, 0, &io, NULL), 0);
	ck_assert_int_eq(vhd_io_write(io, junk, (size_t)len, 0, NULL), 0);
	free(junk);
	return io;
}

START_TEST(vhd1_build__a_device_has_the_footer_in_its_last_sector)
{
	struct vhd_build what = xen_disk(VHD_TYPE_DYNAMIC, 64 * MiB);
	struct vhd_io *io = device_new(ROOM);
	struct vhd1_footer f;
	uint8_t byte;

	what.end = ROOM;
	ck_assert_int_eq(build_on(io, &what, NULL), 0);
	ck_assert_uint_eq(vhd1_image_size(io), ROOM);
	vhd1_image_footer(io, &f);
	ck_assert_uint_eq(f.current_size, 64 * MiB);
	/* What nobody needs is as it was. */
	vhd1_image_get(io, &byte, 1, 3072);
	ck_assert_uint_eq(byte, 0xe5);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(vhd1_build__blocks_on_a_device_start_as_zeros_and_fit)
{
	struct vhd_build what = xen_disk(VHD_TYPE_DYNAMIC, 64 * MiB);
	struct vhd_io *io = device_new(ROOM);
	uint8_t got[4096], zeros[4096] = { 0 };
	struct vhd_error err;
	uint64_t at, len;
	void *bld;

	what.end = ROOM;
	ck_assert_int_eq(vhd1_engine.build(io, &what, &bld, NULL), 0);
	for (uint64_t blk = 0; blk < 5; blk++) {
		ck_assert_int_eq(vhd1_engine.place(bld, blk * 2 * MiB, &at,
						   &len, NULL), 0);
		vhd1_image_get(io, got, sizeof(got), at);
		ck_assert_mem_eq(got, zeros, sizeof(got));
	}
	ck_assert_int_eq(vhd1_engine.place(bld, 10 * MiB, &at, &len, &err),
			 VHD_E_NOSPACE);
	vhd1_engine.discard(bld);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(vhd1_build__a_device_that_is_too_small_is_left_alone)
{
	static const enum vhd_type type[] = { VHD_TYPE_DYNAMIC, VHD_TYPE_FIXED };
	static const uint64_t least[] = { 3584, 2 * MiB + 512 };

	for (size_t i = 0; i < 2; i++) {
		struct vhd_build what = xen_disk(type[i], 2 * MiB);
		struct vhd_io *io = device_new(least[i] - 512);
		uint8_t first;

		what.end = least[i] - 512;
		ck_assert_int_eq(build_on(io, &what, NULL), VHD_E_NOSPACE);
		vhd1_image_get(io, &first, 1, 0);
		ck_assert_uint_eq(first, 0xe5);
		vhd_io_close(&io, NULL);
		io = device_new(least[i]);
		what.end = least[i];
		ck_assert_int_eq(build_on(io, &what, NULL), 0);
		vhd_io_close(&io, NULL);
	}
}
END_TEST

/* The device, and what happens to it when power fails. */
struct scene {
	struct vhd_trace *trace;
	uint8_t *before, *after;
	uint8_t old_id[16], new_id[16];
	uint64_t meta_end;		/* of the new image */
	unsigned none, old, whole;
};

/* Nothing, the old image, or all of the new one. */
static void judge(struct scene *s, struct vhd_io *io)
{
	struct vhd_info info = { .size = sizeof(info) };
	uint8_t got[8192];
	void *eng;

	if (vhd1_image_open(io, &eng, NULL, NULL)) {
		s->none++;
		return;
	}
	vhd1_engine.info(eng, &info);
	vhd1_engine.close(eng);
	if (!memcmp(info.id.b, s->old_id, 16)) {
		for (uint64_t at = 512; at < CUT_LEN - 512; at += 512) {
			vhd1_image_get(io, got, 512, at);
			ck_assert_mem_eq(got, s->before + at, 512);
		}
		s->old++;
		return;
	}
	ck_assert_mem_eq(info.id.b, s->new_id, 16);
	ck_assert_uint_le(s->meta_end, sizeof(got));
	vhd1_image_get(io, got, (size_t)s->meta_end - 512, 512);
	ck_assert_mem_eq(got, s->after + 512, (size_t)s->meta_end - 512);
	s->whole++;
}

/* All up to the flush before @end, and of what follows the writes in @mask; of the
 * last of these @torn sectors only, unless that is 0. */
static void cut(struct scene *s, size_t from, size_t end, unsigned mask,
		unsigned torn)
{
	struct vhd_io *io;
	size_t i;

	ck_assert_int_eq(vhd_io_open_mem(s->before, CUT_LEN, &io, NULL), 0);
	for (i = 0; i < end; i++) {
		struct vhd_trace_op op = *vhd_trace_op(s->trace, i);

		if (i >= from && !(mask >> (i - from) & 1))
			continue;
		if (i + 1 == end && torn && op.len > torn * 512)
			op.len = torn * 512;
		ck_assert_int_eq(vhd_trace_apply(&op, io, NULL), 0);
	}
	judge(s, io);
	vhd_io_close(&io, NULL);
}

static void cut_everywhere(struct scene *s)
{
	size_t count = vhd_trace_count(s->trace), from = 0, i;

	for (i = 0; i <= count; i++) {
		size_t len = i - from;
		bool flush = i < count &&
			     vhd_trace_op(s->trace, i)->kind == VHD_TRACE_FLUSH;

		ck_assert_uint_lt(len, 10);
		for (unsigned mask = 0; mask < 1u << len; mask++)
			cut(s, from, i, mask, 0);
		for (unsigned torn = 1; len && torn < 4; torn++)
			cut(s, from, i, UINT32_MAX, torn);
		if (flush)
			from = i + 1;
	}
}

static void on_device(enum vhd_type type)
{
	struct vhd_build old = xen_disk(VHD_TYPE_DYNAMIC, 64 * MiB);
	struct vhd_build new = xen_disk(type, 32 * MiB);
	struct scene s = { .meta_end = type == VHD_TYPE_DIFF ? 4608 : 3072 };
	struct vhd_io *io = device_new(CUT_LEN);
	void *h;

	old.end = new.end = CUT_LEN;
	memset(new.seed.b, 0x77, sizeof(new.seed.b));
	memcpy(s.old_id, old.seed.b, 16);
	memcpy(s.new_id, new.seed.b, 16);
	ck_assert_int_eq(build_on(io, &old, NULL), 0);
	s.before = malloc(CUT_LEN);
	s.after = malloc(CUT_LEN);
	ck_assert(s.before && s.after);
	vhd1_image_get(io, s.before, CUT_LEN, 0);
	vhd_io_close(&io, NULL);

	s.trace = vhd_trace_new();
	h = vhd_mem_new(s.before, CUT_LEN);
	ck_assert_int_eq(vhd_io_new(&vhd_record_ops,
				    vhd_record_new(&vhd_mem_ops, h, s.trace),
				    "device", &io, NULL), 0);
	ck_assert_int_eq(build_on(io, &new, NULL), 0);
	vhd1_image_get(io, s.after, CUT_LEN, 0);
	vhd_io_close(&io, NULL);
	cut_everywhere(&s);
	ck_assert_uint_gt(s.none, 0);
	ck_assert_uint_gt(s.old, 0);
	ck_assert_uint_gt(s.whole, 1);
	vhd_trace_free(s.trace);
	free(s.before);
	free(s.after);
}

START_TEST(vhd1_build__power_cuts_leave_a_device_with_one_image_or_none)
{
	on_device(VHD_TYPE_DYNAMIC);
	on_device(VHD_TYPE_DIFF);
}
END_TEST

TEST_MAIN("vhd1/build_xen",
	  vhd1_build__room_for_2_tib_takes_what_xen_counts_on,
	  vhd1_build__room_is_more_than_the_disk_and_not_of_a_fixed_one,
	  vhd1_build__what_is_behind_the_entries_of_xen_is_zero,
	  vhd1_build__a_miscounted_size_gets_its_whole_map,
	  vhd1_build__exact_sizes_end_at_2_tib,
	  vhd1_build__only_a_child_ends_within_a_sector,
	  vhd1_build__a_key_is_known_by_its_hash,
	  vhd1_build__a_device_has_the_footer_in_its_last_sector,
	  vhd1_build__blocks_on_a_device_start_as_zeros_and_fit,
	  vhd1_build__a_device_that_is_too_small_is_left_alone,
	  vhd1_build__power_cuts_leave_a_device_with_one_image_or_none)
