/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Another parent for a VHDX: one entry of the log, so that a power cut leaves
 * the old locator or the new one (VHDX-WR-40, VHDX-WR-41, VHDX-PAR-15).
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/guid.h"
#include "io/io_record.h"
#include "support/check_main.h"
#include "support/vhdx_image.h"
#include "vhdx/vhdx.h"
#include "vhdx/vhdx_engine.h"

static const struct vhdx_image_spec child = { .has_parent = true };

static struct vhd_engine_parent parent_named(const char *name, uint8_t id)
{
	struct vhd_engine_parent p = { .relative = name };

	memset(&p.id, id, sizeof(p.id));
	return p;
}

struct who {
	struct vhd_parent_ref ref;
	struct vhd_guid data, file;
	char name[128];
};

/* Opened for reading: a pending log shows as if it were replayed. */
static struct who who(struct vhd_io *io)
{
	const struct vhd_engine_open req = { .io = io };
	struct vhd_info info = { .size = sizeof(info) };
	struct vhd_engine_check check = { .now = 0 };
	struct vhd_error err;
	struct who w;
	void *eng;

	if (vhdx_engine.open(&req, &eng, &err))
		ck_abort_msg("%s", err.msg);
	ck_assert(vhdx_engine.parent(eng, &w.ref));
	vhdx_engine.info(eng, &info);
	w.data = info.vhdx.data_write_guid;
	w.file = info.vhdx.file_write_guid;
	snprintf(w.name, sizeof(w.name), "%s", w.ref.locators[0].text);
	if (vhdx_engine.check(eng, &check, &err))
		ck_abort_msg("%s", err.msg);
	vhdx_engine.close(eng);
	return w;
}

static int reparent(struct vhd_io *io, const struct vhd_engine_parent *p,
		    bool dry, bool *changed)
{
	const struct vhd_engine_open req = { .io = io, .writable = !dry };
	struct vhd_error err = { .code = 0 };
	void *eng;
	int rc;

	if (vhdx_engine.open(&req, &eng, &err))
		ck_abort_msg("%s", err.msg);
	rc = vhdx_engine.reparent(eng, p, dry, changed, &err);
	if (!dry)
		ck_assert_int_eq(vhdx_engine.shut(eng, &err), 0);
	vhdx_engine.close(eng);
	return rc;
}

START_TEST(vhdx_reparent__records_another_parent_and_keeps_the_data_guid)
{
	struct vhd_engine_parent p = parent_named("../x/new.vhdx", 0x77);
	struct vhdx_image img;
	struct who before, after;
	struct vhd_io *io;
	bool changed = false;

	vhdx_image_init(&img, &child);
	io = vhdx_image_io(&img);
	before = who(io);
	ck_assert_int_eq(reparent(io, &p, true, &changed), 0);
	ck_assert(changed);
	after = who(io);
	ck_assert(vhd_guid_equal(&before.file, &after.file));
	ck_assert_int_eq(reparent(io, &p, false, &changed), 0);
	ck_assert(changed);
	after = who(io);
	ck_assert(vhd_guid_equal(&after.ref.ids[0], &p.id));
	ck_assert_uint_eq(after.ref.id_count, 1);
	ck_assert_uint_eq(after.ref.locator_count, 1);
	ck_assert_str_eq(after.name, "..\\x\\new.vhdx");
	ck_assert(vhd_guid_equal(&before.data, &after.data));
	ck_assert(!vhd_guid_equal(&before.file, &after.file));
	ck_assert_int_eq(reparent(io, &p, false, &changed), 0);
	ck_assert(!changed);
	/* As often as anybody likes: old locators are given up. */
	for (int i = 0; i < 300; i++) {
		p.id.b[0] = (uint8_t)i;
		ck_assert_int_eq(reparent(io, &p, false, &changed), 0);
	}
	vhd_io_close(&io, NULL);
	vhdx_image_free(&img);
}
END_TEST

START_TEST(vhdx_reparent__refuses_what_cannot_be)
{
	struct vhd_engine_parent p = parent_named("a:b.vhdx", 1);
	struct vhdx_image img;
	struct vhd_io *io;
	bool changed;

	vhdx_image_init(&img, &child);
	io = vhdx_image_io(&img);
	/* VHDX-PATH-08, a raw parent, one without an identity. */
	ck_assert_int_eq(reparent(io, &p, false, &changed), VHD_E_INVAL);
	p = parent_named("b.vhdx", 1);
	p.raw = true;
	ck_assert_int_eq(reparent(io, &p, false, &changed), VHD_E_INVAL);
	p = parent_named("b.vhdx", 0);
	ck_assert_int_eq(reparent(io, &p, false, &changed), VHD_E_INVAL);
	ck_assert_str_eq(who(io).name, ".\\g1.vhdx");
	vhd_io_close(&io, NULL);
	vhdx_image_free(&img);
	vhdx_image_init(&img, NULL);
	io = vhdx_image_io(&img);
	p = parent_named("b.vhdx", 1);
	ck_assert_int_eq(reparent(io, &p, false, &changed), VHD_E_INVAL);
	vhd_io_close(&io, NULL);
	vhdx_image_free(&img);
}
END_TEST

/* @img after calls [0, @full), and those of [@full, @end) but @missing. */
static void try_cut(const struct vhdx_image *img, const struct vhd_trace *t,
		    size_t full, size_t end, size_t missing,
		    const struct vhd_engine_parent *p)
{
	struct vhd_io *io = vhdx_image_io(img);
	struct who w;
	bool changed;

	for (size_t i = 0; i < end; i++) {
		if (i < full || i != missing)
			ck_assert_int_eq(vhd_trace_apply(vhd_trace_op(t, i),
							 io, NULL), 0);
	}
	w = who(io);
	ck_assert(!strcmp(w.name, ".\\g1.vhdx") ||
		  !strcmp(w.name, ".\\new.vhdx"));
	ck_assert_int_eq(!strcmp(w.name, ".\\new.vhdx"),
			 vhd_guid_equal(&w.ref.ids[0], &p->id));
	ck_assert_int_eq(reparent(io, p, false, &changed), 0);
	w = who(io);
	ck_assert_str_eq(w.name, ".\\new.vhdx");
	vhd_io_close(&io, NULL);
}

START_TEST(vhdx_reparent__a_cut_leaves_the_old_parent_or_the_new_one)
{
	struct vhd_engine_parent p = parent_named("new.vhdx", 0x77);
	struct vhd_trace *trace = vhd_trace_new();
	struct vhdx_image img;
	struct vhd_io *io = NULL;
	size_t full = 0;
	bool changed;

	vhdx_image_init(&img, &child);
	ck_assert_int_eq(vhd_io_new(&vhd_record_ops,
				    vhd_record_new(&vhd_mem_ops,
						   vhd_mem_new(img.bytes,
							       img.len),
						   trace),
				    "child.vhdx", &io, NULL), 0);
	ck_assert_int_eq(reparent(io, &p, false, &changed), 0);
	for (size_t end = 0; end <= vhd_trace_count(trace); end++) {
		/* In order, and with one of those after the flush lost. */
		for (size_t i = full; i <= end; i++)
			try_cut(&img, trace, full, end, i, &p);
		if (end < vhd_trace_count(trace) &&
		    vhd_trace_op(trace, end)->kind == VHD_TRACE_FLUSH)
			full = end + 1;
	}
	ck_assert_uint_gt(full, 4);
	vhd_io_close(&io, NULL);
	vhd_trace_free(trace);
	vhdx_image_free(&img);
}
END_TEST

TEST_MAIN("vhdx/reparent",
	  vhdx_reparent__records_another_parent_and_keeps_the_data_guid,
	  vhdx_reparent__refuses_what_cannot_be,
	  vhdx_reparent__a_cut_leaves_the_old_parent_or_the_new_one)
