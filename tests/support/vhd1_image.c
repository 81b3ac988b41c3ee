/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/vhd1_image.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "io/io_mem.h"
#include "vhd1/vhd1.h"

#define STAMP (VHD1_EPOCH + 0x2d000000)

void vhd1_image_what(const struct vhd1_image_spec *spec,
		     struct vhd_build *out)
{
	uint8_t i;

	*out = (struct vhd_build){
		.type = spec->type,
		.virtual_size = spec->size,
		.block_size = spec->block_size,
		.logical_sector = 512,
		.xen = spec->xen,
		.timestamp = STAMP,
	};
	for (i = 0; i < 16; i++)
		out->seed.b[i] = i;
	if (spec->type != VHD_TYPE_DIFF)
		return;
	out->parent_relative = spec->parent ? spec->parent : "base.vhd";
	out->parent_windows = spec->windows;
	out->parent_raw = spec->raw_parent;
	out->timestamp = STAMP + 0x100;
	out->parent_timestamp = STAMP + 0x80;
	out->parent_id = out->seed;
	for (i = 0; i < 16; i++)
		out->seed.b[i] = (uint8_t)(i + 16);
}

struct vhd_io *vhd1_image_new(const struct vhd1_image_spec *spec)
{
	struct vhd_build what;
	struct vhd_io *io;
	struct vhd_error err;
	void *bld;
	unsigned i;

	vhd1_image_what(spec, &what);
	ck_assert_int_eq(vhd_io_open_mem(NULL, 0, &io, NULL), 0);
	ck_assert_int_eq(vhd1_engine.build(io, &what, &bld, &err), 0);
	for (i = 0; i < spec->blocks; i++) {
		uint64_t bs = what.block_size ? what.block_size : 2 << 20;
		uint64_t at, len;

		ck_assert_int_eq(vhd1_engine.place(bld, i * bs, &at, &len,
						   &err), 0);
		vhd1_image_fill(io, (uint8_t)(0xa0 + i), 512, at);
	}
	ck_assert_int_eq(vhd1_engine.finish(bld, &err), 0);
	vhd1_engine.discard(bld);
	return io;
}

uint64_t vhd1_image_size(struct vhd_io *io)
{
	uint64_t size;

	ck_assert_int_eq(vhd_io_size(io, &size, NULL), 0);
	return size;
}

void vhd1_image_get(struct vhd_io *io, void *buf, size_t len, uint64_t off)
{
	ck_assert_int_eq(vhd_io_read(io, buf, len, off, NULL), 0);
}

void vhd1_image_put(struct vhd_io *io, const void *buf, size_t len,
		    uint64_t off)
{
	ck_assert_int_eq(vhd_io_write(io, buf, len, off, NULL), 0);
}

void vhd1_image_fill(struct vhd_io *io, uint8_t byte, size_t len,
		     uint64_t off)
{
	uint8_t *buf = malloc(len);

	ck_assert_ptr_nonnull(buf);
	memset(buf, byte, len);
	vhd1_image_put(io, buf, len, off);
	free(buf);
}

void vhd1_image_resize(struct vhd_io *io, uint64_t size)
{
	ck_assert_int_eq(vhd_io_set_size(io, size, NULL), 0);
}

void vhd1_image_footer(struct vhd_io *io, struct vhd1_footer *out)
{
	uint8_t raw[VHD1_FOOTER_LEN];

	vhd1_image_get(io, raw, sizeof(raw), vhd1_image_size(io) - 512);
	vhd1_footer_decode(raw, out);
}

void vhd1_image_set_footer(struct vhd_io *io, const struct vhd1_footer *f,
			   unsigned where)
{
	uint8_t raw[VHD1_FOOTER_LEN];

	vhd1_footer_encode(f, raw);
	if (where & VHD_COPY_SECOND)
		vhd1_image_put(io, raw, sizeof(raw),
			       vhd1_image_size(io) - 512);
	if (where & VHD_COPY_FIRST)
		vhd1_image_put(io, raw, sizeof(raw), 0);
}

void vhd1_image_header(struct vhd_io *io, struct vhd1_header *out)
{
	uint8_t raw[VHD1_HEADER_LEN];

	vhd1_image_get(io, raw, sizeof(raw), 512);
	vhd1_header_decode(raw, out);
}

void vhd1_image_set_header(struct vhd_io *io, const struct vhd1_header *h)
{
	uint8_t raw[VHD1_HEADER_LEN];

	vhd1_header_encode(h, raw);
	vhd1_image_put(io, raw, sizeof(raw), 512);
}

uint32_t vhd1_image_entry(struct vhd_io *io, uint32_t blk)
{
	be32 entry;

	vhd1_image_get(io, &entry, sizeof(entry), 1536 + UINT64_C(4) * blk);
	return be32_get(entry);
}

void vhd1_image_set_entry(struct vhd_io *io, uint32_t blk, uint32_t entry)
{
	be32 raw = be32_make(entry);

	vhd1_image_put(io, &raw, sizeof(raw), 1536 + UINT64_C(4) * blk);
}

void vhd1_seen_fn(void *arg, const struct vhd_rule *rule, uint64_t off,
		  const char *msg)
{
	struct vhd1_seen *s = arg;

	(void)off;
	if (s->count < sizeof(s->name) / sizeof(s->name[0]))
		s->name[s->count] = rule->name;
	s->count++;
	if (rule->severity > s->worst)
		s->worst = rule->severity;
	snprintf(s->last, sizeof(s->last), "%s", msg);
}

unsigned vhd1_seen_count(const struct vhd1_seen *s, const char *name)
{
	unsigned i, n = 0;

	for (i = 0; i < s->count; i++)
		n += !strcmp(s->name[i], name);
	return n;
}

int vhd1_image_open(struct vhd_io *io, void **eng_out, struct vhd1_seen *seen,
		    struct vhd_error *err)
{
	struct vhd_engine_open req = { .io = io };

	if (seen) {
		memset(seen, 0, sizeof(*seen));
		req.sink = (struct vhd_sink){ vhd1_seen_fn, seen };
	}
	return vhd1_engine.open(&req, eng_out, err);
}

int vhd1_image_check(struct vhd_io *io, struct vhd1_seen *seen,
		     struct vhd_error *err)
{
	return vhd1_image_check_as(io, false, seen, err);
}

int vhd1_image_check_as(struct vhd_io *io, bool deep, struct vhd1_seen *seen,
			struct vhd_error *err)
{
	struct vhd_engine_check req = {
		.deep = deep,
		.now = STAMP + 86400,
		.sink = { vhd1_seen_fn, seen },
	};
	void *eng;
	int rc = vhd1_image_open(io, &eng, seen, err);

	if (rc)
		return rc;
	rc = vhd1_engine.check(eng, &req, err);
	vhd1_engine.close(eng);
	return rc;
}
