/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/undo_scene.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "io/io_mem.h"
#include "io/io_posix.h"

uint64_t scene_random(struct scene *s, uint64_t limit)
{
	return io_tmp_random(&s->rnd) % (limit + 1);
}

struct vhd_io *scene_open(const char *path)
{
	struct vhd_io *io = NULL;

	ck_assert_int_eq(vhd_io_open_posix(path, VHD_POSIX_WRITE, &io, NULL),
			 0);
	return io;
}

void scene_load(struct vhd_io *io, struct model *m)
{
	memset(m->bytes, 0, sizeof(m->bytes));
	ck_assert_int_eq(vhd_io_size(io, &m->size, NULL), 0);
	ck_assert_uint_le(m->size, sizeof(m->bytes));
	ck_assert_int_eq(vhd_io_read(io, m->bytes, m->size, 0, NULL), 0);
}

void scene_same(const struct model *m, struct vhd_io *io)
{
	static struct model have;

	scene_load(io, &have);
	ck_assert_uint_eq(have.size, m->size);
	ck_assert(!memcmp(have.bytes, m->bytes, m->size));
}

struct scene *scene_begin(uint64_t seed, bool whole)
{
	struct scene *s = calloc(1, sizeof(*s));

	s->rnd = seed * 1009 + 3;
	s->whole = whole;
	s->tmp = io_tmp_new();
	s->base.size = MODEL_MAX / 2 + scene_random(s, MODEL_MAX / 2);
	if (whole)
		s->base.size -= s->base.size % SECTOR;
	for (uint64_t i = 0; i < s->base.size; i++) {
		if (i / 40000 % 2)
			s->base.bytes[i] = (uint8_t)scene_random(s, 255);
	}
	s->image = io_tmp_file(s->tmp, "image", s->base.bytes, s->base.size);
	s->undo_path = io_tmp_path(s->tmp, "image.undo");
	s->io = scene_open(s->image);
	return s;
}

void scene_end(struct scene *s)
{
	vhd_undo_free(s->undo);
	vhd_io_close(&s->io, NULL);
	io_tmp_free(s->tmp);
	free(s);
}

static void random_step(struct scene *s, struct vhd_patch *p,
			struct vhd_io *view)
{
	uint64_t off = scene_random(s, MODEL_MAX) / SECTOR * SECTOR, size = 0;
	uint64_t len = scene_random(s, 9000);
	static uint8_t buf[9000];

	if (s->whole)
		len = len / SECTOR * SECTOR;
	vhd_io_size(view, &size, NULL);
	switch (scene_random(s, 7)) {
	case 0:
		vhd_io_zero(view, len * 20, off, NULL);
		break;
	case 1:
		vhd_io_punch(view, len * 20, off, NULL);
		break;
	case 2:
		vhd_io_set_size(view, off, NULL);
		break;
	case 3:
		if (size > PAGE && size + 2 * PAGE < MODEL_MAX + 100000)
			vhd_patch_copy(p, scene_random(s, size - PAGE), size,
				       2 * PAGE, NULL);
		break;
	case 4:
		vhd_io_flush(view, NULL);
		break;
	default:
		for (size_t i = 0; i < len; i++)
			buf[i] = (uint8_t)scene_random(s, 255);
		vhd_io_write(view, buf, len, off, NULL);
		break;
	}
}

struct vhd_patch *scene_patch(struct scene *s, struct vhd_io *base)
{
	struct vhd_patch *p = NULL;
	struct vhd_io *view = NULL;

	ck_assert_int_eq(vhd_patch_new(base, &p, NULL), 0);
	ck_assert_int_eq(vhd_patch_view(p, &view, NULL), 0);
	for (int i = 0; i < 25; i++)
		random_step(s, p, view);
	vhd_io_close(&view, NULL);
	return p;
}

void scene_save(struct scene *s, const struct vhd_patch *p)
{
	struct vhd_error e = { .code = 0 };
	int rc = s->undo ? vhd_undo_append(s->undo, s->io, p, &e) :
			   vhd_undo_new(s->undo_path, s->image, s->io, p,
					&s->undo, &e);

	ck_assert_msg(!rc, "%s", e.msg);
}

void scene_repair(struct scene *s, int parts)
{
	while (parts--) {
		struct vhd_patch *p = scene_patch(s, s->io);

		scene_save(s, p);
		ck_assert_int_eq(vhd_patch_apply(p, s->io, NULL), 0);
		vhd_patch_free(p);
	}
	scene_load(s->io, &s->now);
}

static void apply_torn(struct scene *s, const struct vhd_trace_op *op,
		       struct vhd_io *io)
{
	struct vhd_trace_op part = *op;

	if (op->kind == VHD_TRACE_WRITE && op->len > SECTOR &&
	    scene_random(s, 2) == 0) {
		part.len = (1 + scene_random(s, op->len / SECTOR - 1)) * SECTOR;
		part.len = min_u64(part.len, op->len);
	}
	ck_assert_int_eq(vhd_trace_apply(&part, io, NULL), 0);
}

struct vhd_io *scene_cut(struct scene *s, const struct model *from,
				const struct vhd_trace *t, size_t cut)
{
	struct vhd_io *io = NULL;
	size_t durable = 0;

	ck_assert_int_eq(vhd_io_open_mem(from->bytes, from->size, &io, NULL),
			 0);
	for (size_t i = 0; i < cut; i++) {
		if (vhd_trace_op(t, i)->kind == VHD_TRACE_FLUSH)
			durable = i;
	}
	for (size_t i = 0; i < durable; i++)
		vhd_trace_apply(vhd_trace_op(t, i), io, NULL);
	if (scene_random(s, 1)) {
		for (size_t i = cut; i-- > durable;) {
			if (scene_random(s, 1))
				apply_torn(s, vhd_trace_op(t, i), io);
		}
	} else {
		for (size_t i = durable; i < cut; i++) {
			if (scene_random(s, 3))
				apply_torn(s, vhd_trace_op(t, i), io);
		}
	}
	return io;
}

struct vhd_io *scene_recorded(const struct model *m, struct vhd_trace *t)
{
	struct vhd_io *io = NULL;
	void *h = vhd_record_new(&vhd_mem_ops,
				 vhd_mem_new(m->bytes, m->size), t);

	ck_assert_int_eq(vhd_io_new(&vhd_record_ops, h, "image", &io, NULL),
			 0);
	return io;
}
