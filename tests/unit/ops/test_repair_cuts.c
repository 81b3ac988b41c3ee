/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Power cuts while a repair writes: whatever the disk holds then, undoing gives
 * back the damaged image byte for byte, and repairing again gives a sound one in
 * which the guest reads what it reads after a repair that was not cut.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/ckd.h"
#include "io/io_mem.h"
#include "io/io_posix.h"
#include "io/io_record.h"
#include "ops/check.h"
#include "ops/mend.h"
#include "ops/undo.h"
#include "support/io_tmp.h"
#include "support/stride.h"
#include "vhd/vhd.h"
#include "vhd1/vhd1.h"
#include "vhdx/vhdx_engine.h"

enum { SECTOR = 512, SAMPLES = 4 };

#define DISK (UINT64_C(6) << 20)

struct bytes {
	uint8_t *b;
	uint64_t len;
};

struct scene {
	struct io_tmp *tmp;
	const char *path;
	const struct vhd_engine *engine;
	struct bytes damaged, mended, guest;
	uint64_t bat_off, end;		/* of the sound image */
	uint64_t rnd;
};

enum damage {
	VHD_NO_FOOTER, VHD_NO_COPY, VHD_HEADER_SUM, VHD_PAST_END, VHD_OVERLAP,
	VHD_ALL,
	VHDX_NO_HEADER, VHDX_NO_REGIONS, VHDX_PAST_END, VHDX_OVERLAP,
	VHDX_TAIL, VHDX_ALL,
	DAMAGES
};

static struct bytes load(struct vhd_io *io)
{
	struct bytes m = { NULL, 0 };

	ck_assert_int_eq(vhd_io_size(io, &m.len, NULL), 0);
	m.b = malloc(m.len + 1);
	ck_assert_int_eq(vhd_io_read(io, m.b, m.len, 0, NULL), 0);
	return m;
}

static struct vhd_io *mem_of(const struct bytes *m)
{
	struct vhd_io *io = NULL;

	ck_assert_int_eq(vhd_io_open_mem(m->b, m->len, &io, NULL), 0);
	return io;
}

static void write_guest(struct vhd_image *img)
{
	static uint8_t data[1 << 20];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 4096);
	for (uint64_t i = 0; i < 5; i++) {
		data[0] = (uint8_t)i;
		ck_assert_int_eq(vhd_pwrite(img, data, sizeof(data), i * MiB,
					    NULL), 0);
	}
}

static void make_image(struct scene *s, bool vhdx)
{
	struct vhd_create_opts create = VHD_CREATE_OPTS_INIT;
	struct vhd_open_opts open = VHD_OPEN_OPTS_INIT;
	struct vhd_info info = { .size = sizeof(info) };
	struct vhd_image *img = NULL;

	s->engine = vhdx ? &vhdx_engine : &vhd1_engine;
	s->path = io_tmp_path(s->tmp, vhdx ? "a.vhdx" : "a.vhd");
	create.virtual_size = DISK;
	create.block_size = MiB;
	ck_assert_int_eq(vhd_create(s->path, &create, NULL), 0);
	open.flags = VHD_OPEN_RDWR;
	ck_assert_int_eq(vhd_open(s->path, &open, &img, NULL), 0);
	write_guest(img);
	ck_assert_int_eq(vhd_layer_info(img, 0, &info, NULL), 0);
	s->bat_off = vhdx ? info.vhdx.bat_off : info.vhd.bat_off;
	ck_assert_int_eq(vhd_close(&img, NULL), 0);
}

static void zero_out(struct scene *s, uint64_t off, uint64_t len)
{
	memset(s->damaged.b + off, 0, len);
}

static void vhd_entry(struct scene *s, uint64_t idx, uint32_t sector)
{
	be32 v = be32_make(sector);

	memcpy(s->damaged.b + s->bat_off + idx * 4, &v, 4);
}

static void vhdx_entry(struct scene *s, uint64_t idx, uint64_t value)
{
	le64 v = le64_make(value);

	memcpy(s->damaged.b + s->bat_off + idx * 8, &v, 8);
}

static uint8_t *entry(struct scene *s, uint64_t idx, size_t len)
{
	return s->damaged.b + s->bat_off + idx * len;
}

static void damage(struct scene *s, enum damage what)
{
	bool all = what == VHD_ALL || what == VHDX_ALL;
	bool vhdx = what >= VHDX_NO_HEADER;

	if (what == VHD_NO_FOOTER || what == VHD_ALL)
		zero_out(s, s->damaged.len - SECTOR, SECTOR);
	if (what == VHD_NO_COPY)
		zero_out(s, 0, SECTOR);
	if (what == VHD_HEADER_SUM || what == VHD_ALL)
		s->damaged.b[SECTOR + 36] ^= 1;
	if (what == VHD_PAST_END)
		vhd_entry(s, 4, 0x700000);
	if (what == VHD_OVERLAP || what == VHD_ALL)
		memcpy(entry(s, 1, 4), entry(s, 0, 4), 4);
	if (what == VHDX_NO_HEADER || what == VHDX_ALL)
		zero_out(s, 64 * KiB, 4096);
	if (what == VHDX_NO_REGIONS || what == VHDX_ALL)
		zero_out(s, 192 * KiB, 4096);
	if (what == VHDX_PAST_END)
		vhdx_entry(s, 4, (TiB & ~(MiB - 1)) | 6);
	if (what == VHDX_OVERLAP || (all && vhdx))
		memcpy(entry(s, 1, 8), entry(s, 0, 8), 8);
	if (what == VHDX_TAIL || (all && vhdx))
		vhdx_entry(s, 1000, 0x1234567);
}

/* Plans until nothing is left, and makes the changes in @io. */
static uint64_t mend(struct scene *s, struct vhd_io *io, struct vhd_undo **undo)
{
	struct vhd_grants grants;
	struct vhd_mend m = { .engine = s->engine, .grants = &grants,
			      .file = "image" };
	struct vhd_error e = { .code = 0 };

	vhd_grants_all(&grants);
	m.told = vhd_told_new();
	ck_assert_int_eq(vhd_patch_new(io, &m.patch, NULL), 0);
	ck_assert_msg(!vhd_mend_run(&m, &e), "%s", e.msg);
	ck_assert(!m.full);
	if (undo)
		ck_assert_msg(!vhd_undo_new(io_tmp_path(s->tmp, "undo"),
					    s->path, io, m.patch, undo, &e),
			      "%s", e.msg);
	ck_assert_msg(!vhd_patch_apply(m.patch, io, &e), "%s", e.msg);
	vhd_patch_free(m.patch);
	vhd_told_free(m.told);
	return m.steps;
}

static void on_finding(void *arg, const struct vhd_finding *f)
{
	(void)arg;
	if (f->rule->severity >= VHD_SEV_ERROR)
		ck_abort_msg("%s: %s", f->rule->name, f->msg);
}

static void check_sound(const struct bytes *m)
{
	struct vhd_check_opts opts = VHD_CHECK_OPTS_INIT;
	struct vhd_check_result r;
	struct vhd_error e = { .code = 0 };

	opts.finding = on_finding;
	ck_assert_msg(!vhd_check_io(mem_of(m), &opts, &r, &e), "%s", e.msg);
}

static struct bytes guest_of(const struct bytes *m)
{
	struct vhd_image *img = NULL;
	struct vhd_error e = { .code = 0 };
	struct bytes g = { malloc(DISK), DISK };

	ck_assert_msg(!vhd_open_io(&vhd_mem_ops, vhd_mem_new(m->b, m->len),
				   "image", NULL, &img, &e), "%s", e.msg);
	ck_assert_int_eq(vhd_pread(img, g.b, g.len, 0, NULL), 0);
	vhd_close(&img, NULL);
	return g;
}

static void check_equal(const struct bytes *a, const struct bytes *b)
{
	ck_assert_uint_eq(a->len, b->len);
	ck_assert(!memcmp(a->b, b->b, a->len));
}

static void apply_some(struct scene *s, const struct vhd_trace_op *op,
		       struct vhd_io *io)
{
	struct vhd_trace_op part = *op;

	if (io_tmp_random(&s->rnd) % 3 == 0)
		return;
	/* Torn at a sector. */
	if (op->kind == VHD_TRACE_WRITE && op->len > SECTOR &&
	    io_tmp_random(&s->rnd) % 2)
		part.len = (1 + io_tmp_random(&s->rnd) % (op->len / SECTOR)) *
			   SECTOR;
	ck_assert_int_eq(vhd_trace_apply(&part, io, NULL), 0);
}

/* What the disk may hold after the calls before @cut. */
static struct vhd_io *state(struct scene *s, const struct vhd_trace *t,
			    size_t cut)
{
	struct vhd_io *io = mem_of(&s->damaged);
	bool backwards = io_tmp_random(&s->rnd) % 2;
	size_t durable = 0;

	for (size_t i = 0; i < cut; i++) {
		if (vhd_trace_op(t, i)->kind == VHD_TRACE_FLUSH)
			durable = i;
	}
	for (size_t i = 0; i < durable; i++)
		vhd_trace_apply(vhd_trace_op(t, i), io, NULL);
	for (size_t i = durable; i < cut; i++)
		apply_some(s, vhd_trace_op(t, backwards ?
					   durable + cut - 1 - i : i), io);
	return io;
}

static void check_state(struct scene *s, struct vhd_io *undo,
			struct vhd_io *io)
{
	struct bytes at = load(io), back, again, guest;
	struct vhd_io *other = mem_of(&at);
	struct vhd_error e = { .code = 0 };

	ck_assert_msg(!vhd_undo_io(undo, other, false, &e), "%s", e.msg);
	back = load(other);
	check_equal(&back, &s->damaged);
	vhd_io_close(&other, NULL);
	mend(s, io, NULL);
	again = load(io);
	check_sound(&again);
	guest = guest_of(&again);
	check_equal(&guest, &s->guest);
	free(at.b);
	free(back.b);
	free(again.b);
	free(guest.b);
}

/* The repair that is not cut, its trace and its undo file. */
static struct vhd_io *repair(struct scene *s, struct vhd_trace *t)
{
	struct vhd_undo *undo = NULL;
	struct vhd_io *io = NULL, *undo_io = NULL;
	void *h = vhd_record_new(&vhd_mem_ops,
				 vhd_mem_new(s->damaged.b, s->damaged.len), t);

	ck_assert_int_eq(vhd_io_new(&vhd_record_ops, h, "image", &io, NULL),
			 0);
	ck_assert_uint_gt(mend(s, io, &undo), 0);
	s->mended = load(io);
	vhd_io_close(&io, NULL);
	vhd_undo_free(undo);
	check_sound(&s->mended);
	s->guest = guest_of(&s->mended);
	ck_assert_int_eq(vhd_io_open_posix(io_tmp_path(s->tmp, "undo"), 0,
					   &undo_io, NULL), 0);
	return undo_io;
}

START_TEST(repair_cuts__every_state_can_be_undone_and_repaired)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct vhd_trace *t = vhd_trace_new();
	struct vhd_io *io = NULL, *undo;

	s->rnd = (uint64_t)_i + 1;
	s->tmp = io_tmp_new();
	make_image(s, _i >= VHDX_NO_HEADER);
	ck_assert_int_eq(vhd_io_open_posix(s->path, 0, &io, NULL), 0);
	s->damaged = load(io);
	vhd_io_close(&io, NULL);
	damage(s, (enum damage)_i);
	undo = repair(s, t);
	for (size_t cut = 0; cut <= vhd_trace_count(t); cut += STRIDE) {
		for (int i = 0; i < SAMPLES; i++) {
			io = state(s, t, cut);
			check_state(s, undo, io);
			vhd_io_close(&io, NULL);
		}
	}
	vhd_io_close(&undo, NULL);
	vhd_trace_free(t);
	io_tmp_free(s->tmp);
	free(s->damaged.b);
	free(s->mended.b);
	free(s->guest.b);
	free(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("repair_cuts");
	TCase *tc = tcase_create("repair_cuts");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 300);
	tcase_add_loop_test(tc,
			    repair_cuts__every_state_can_be_undone_and_repaired,
			    0, DAMAGES);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
