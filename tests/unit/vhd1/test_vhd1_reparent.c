/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Another parent for a VHD: whatever a power cut leaves is the old record or the
 * new one, and doing it again ends with the new one (VHD-D-12, VHD-W-11,
 * VHD-W-12).
 */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "base/ckd.h"
#include "support/base_rand.h"
#include "support/check_main.h"
#include "support/vhd1_writing.h"
#include "vhd1/vhd1.h"

static const struct vhd1_image_spec plain = {
	.type = VHD_TYPE_DIFF, .size = 8 << 20, .block_size = 64 << 10,
	.blocks = 3
};
static const struct vhd1_image_spec xen = {
	.type = VHD_TYPE_DIFF, .size = 8 << 20, .blocks = 1, .xen = true
};
static const struct vhd1_image_spec windows = {
	.type = VHD_TYPE_DIFF, .size = 8 << 20, .block_size = 64 << 10,
	.blocks = 3, .windows = "C:\\images\\base.vhd"
};

#define LONG_NAME \
	"some/other/folder/that/has/a/name/which/is/much/longer/than/before/" \
	"so/that/it/takes/more/than/one/sector/when/written/in/sixteen/bits/" \
	"and/even/more/of/the/same/to/be/on/the/safe/side/of/two/sectors/of/" \
	"the/usual/length/new.vhd"

static struct vhd_engine_parent parent_named(const char *name)
{
	struct vhd_engine_parent p = {
		.timestamp = VHD1_EPOCH + 0x2d000000 + 0x40, .relative = name
	};

	memset(&p.id, 0x77, sizeof(p.id));
	return p;
}

/* Opens for writing, turns to @p, closes.  True: it was another parent. */
static bool reparent(struct vhd_io *io, const struct vhd_engine_parent *p)
{
	const struct vhd_engine_open req = { .io = io, .writable = true };
	struct vhd_error err = { .code = 0 };
	bool changed;
	void *eng;

	if (vhd1_engine.open(&req, &eng, &err) ||
	    vhd1_engine.reparent(eng, p, false, &changed, &err) ||
	    vhd1_engine.shut(eng, &err))
		ck_abort_msg("%s", err.msg);
	vhd1_engine.close(eng);
	return changed;
}

/* Who is the parent, and under which first name? */
static bool records(struct vhd_io *io, const struct vhd_guid *id,
		    const char *name)
{
	struct vhd_parent_ref ref;
	struct vhd_error err;
	bool same;
	void *eng;

	if (vhd1_image_open(io, &eng, NULL, &err))
		ck_abort_msg("%s", err.msg);
	ck_assert(vhd1_engine.parent(eng, &ref));
	same = !memcmp(&ref.ids[0], id, sizeof(*id)) && ref.locator_count &&
	       strstr(ref.locators[0].text, name);
	vhd1_engine.close(eng);
	return same;
}

static void expect(struct vhd_io *io, const struct vhd_engine_parent *p)
{
	const char *base = strrchr(p->relative, '/');
	struct vhd1_seen seen = { 0 };
	struct vhd_error err;
	uint8_t byte;

	ck_assert(records(io, &p->id, base ? base + 1 : p->relative));
	if (vhd1_image_check(io, &seen, &err))
		ck_abort_msg("%s", err.msg);
	ck_assert_msg(seen.worst < VHD_SEV_ERROR, "%s", seen.last);
	ck_assert_uint_eq(vhd1_seen_count(&seen, "VHD1_DATA_OFFSET_ODD"), 0);
	ck_assert_uint_eq(vhd1_seen_count(&seen, "VHD1_FOOTERS_STEP"), 0);
	/* The first byte of the first block. */
	vhd1_image_get(io, &byte, 1, UINT64_C(512) * vhd1_image_entry(io, 0) +
		       512);
	ck_assert_uint_eq(byte, 0xa0);
}

static const struct {
	const struct vhd1_image_spec *spec;
	const char *name;
} cases[] = {
	{ &plain, "new.vhd" }, { &plain, "../x/new.vhd" },
	{ &plain, LONG_NAME }, { &xen, "new.vhd" }, { &xen, LONG_NAME },
	{ &windows, "other/new.vhd" },
};
enum { CASES = sizeof(cases) / sizeof(cases[0]) };

START_TEST(vhd1_reparent__records_another_parent)
{
	struct vhd_io *io = vhd1_image_new(cases[_i].spec);
	struct vhd_engine_parent p = parent_named(cases[_i].name);
	uint64_t size = vhd1_image_size(io), then;

	ck_assert(reparent(io, &p));
	expect(io, &p);
	then = vhd1_image_size(io);
	/* A short name has room where the old one was. */
	if (strlen(p.relative) < 20)
		ck_assert_uint_eq(then, size);
	ck_assert(!reparent(io, &p));
	ck_assert_uint_eq(vhd1_image_size(io), then);
	/* And so has one that is as long. */
	for (char c = 'a'; c < 'k'; c++) {
		p.id.b[3] = (uint8_t)c;
		ck_assert(reparent(io, &p));
	}
	expect(io, &p);
	ck_assert_uint_eq(vhd1_image_size(io), then);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(vhd1_reparent__drops_names_of_the_old_parent)
{
	struct vhd_io *io = vhd1_image_new(&windows);
	struct vhd_engine_parent p = parent_named("new.vhd");
	struct vhd_parent_ref ref;
	void *eng;

	reparent(io, &p);
	ck_assert_int_eq(vhd1_image_open(io, &eng, NULL, NULL), 0);
	ck_assert(vhd1_engine.parent(eng, &ref));
	for (size_t i = 0; i < ref.locator_count; i++)
		ck_assert_ptr_null(strstr(ref.locators[i].text, "base"));
	vhd1_engine.close(eng);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(vhd1_reparent__dry_changes_nothing)
{
	struct vhd_io *io = vhd1_image_new(&plain);
	struct vhd_io *before = vhd1_image_copy(io);
	struct vhd_engine_parent p = parent_named("new.vhd");
	uint64_t size = vhd1_image_size(io);
	uint8_t *a = calloc(1, size), *b = calloc(1, size);
	bool changed = false;
	void *eng;

	ck_assert_int_eq(vhd1_image_open(io, &eng, NULL, NULL), 0);
	ck_assert_int_eq(vhd1_engine.reparent(eng, &p, true, &changed, NULL),
			 0);
	vhd1_engine.close(eng);
	ck_assert(changed);
	vhd1_image_get(io, a, size, 0);
	vhd1_image_get(before, b, size, 0);
	ck_assert_mem_eq(a, b, size);
	free(a);
	free(b);
	vhd_io_close(&before, NULL);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(vhd1_reparent__refuses_what_is_no_child)
{
	static const struct vhd1_image_spec dynamic = VHD1_DYNAMIC;
	struct vhd_engine_parent p = parent_named("new.vhd");
	struct vhd_io *io = vhd1_image_new(&dynamic);
	struct vhd_error err;
	bool changed;
	void *eng;

	ck_assert_int_eq(vhd1_image_open(io, &eng, NULL, NULL), 0);
	ck_assert_int_eq(vhd1_engine.reparent(eng, &p, true, &changed, &err),
			 VHD_E_INVAL);
	vhd1_engine.close(eng);
	vhd_io_close(&io, NULL);

	/* VHD-D-2: only Xen's can have a raw parent. */
	io = vhd1_image_new(&plain);
	p.raw = true;
	ck_assert_int_eq(vhd1_image_open(io, &eng, NULL, NULL), 0);
	ck_assert_int_eq(vhd1_engine.reparent(eng, &p, true, &changed, &err),
			 VHD_E_INVAL);
	vhd1_engine.close(eng);
	vhd_io_close(&io, NULL);
}
END_TEST

/* Writes between two flushes, a sector each. */
struct epoch {
	struct vhd_trace_op op[256];
	size_t count;
};

static void epoch_add(struct epoch *e, const struct vhd_trace_op *op)
{
	uint64_t done = 0;

	if (op->kind != VHD_TRACE_WRITE) {
		e->op[e->count++] = *op;
		return;
	}
	for (; done < op->len; done += 512) {
		ck_assert_uint_lt(e->count, 256);
		e->op[e->count] = *op;
		e->op[e->count].off += done;
		e->op[e->count].len = min_u64(512, op->len - done);
		e->op[e->count++].data += done;
	}
}

static unsigned states;

/* A state that a power cut leaves: sound, old or new; then once more. */
static void try_state(struct vhd_io *before, const struct epoch *e,
		      uint64_t mask, const struct vhd_engine_parent *old,
		      const struct vhd_engine_parent *new)
{
	struct vhd_io *io = vhd1_image_copy(before);
	struct vhd1_seen seen = { 0 };
	struct vhd_error err;

	states++;
	for (size_t i = 0; i < e->count; i++) {
		if (mask >> (i % 64) & 1)
			ck_assert_int_eq(vhd_trace_apply(&e->op[i], io, NULL),
					 0);
	}
	if (vhd1_image_check(io, &seen, &err))
		ck_abort_msg("%s", err.msg);
	ck_assert_msg(seen.worst < VHD_SEV_ERROR, "%s", seen.last);
	ck_assert(records(io, &old->id, "base.vhd") ||
		  records(io, &new->id, "new.vhd"));
	reparent(io, new);
	expect(io, new);
	ck_assert_uint_lt(vhd1_image_size(io), vhd1_image_size(before) + 8192);
	vhd_io_close(&io, NULL);
}

static void try_epoch(struct vhd_io *before, const struct epoch *e,
		      const struct vhd_engine_parent *old,
		      const struct vhd_engine_parent *new)
{
	uint64_t rng = 7;
	size_t i;

	if (e->count <= 6) {
		for (i = 0; i < (size_t)1 << e->count; i++)
			try_state(before, e, i, old, new);
		return;
	}
	for (i = 0; i < 48; i++)
		try_state(before, e, base_rand(&rng), old, new);
	/* In order, as far as it came. */
	for (i = 0; i <= min_u64(e->count, 64); i++)
		try_state(before, e, i < 64 ? (UINT64_C(1) << i) - 1 :
			  UINT64_MAX, old, new);
}

START_TEST(vhd1_reparent__a_cut_leaves_the_old_parent_or_the_new_one)
{
	struct vhd_engine_parent p = parent_named(cases[_i].name);
	struct vhd_engine_parent old = { .relative = "base.vhd" };
	struct vhd1_bench b;
	struct vhd_io *at;
	struct epoch e = { .count = 0 };
	bool changed;
	size_t i;

	for (i = 0; i < 16; i++)
		old.id.b[i] = (uint8_t)i;
	vhd1_bench_new(&b, vhd1_image_new(cases[_i].spec));
	ck_assert_int_eq(vhd1_engine.reparent(b.v, &p, false, &changed, NULL),
			 0);
	ck_assert_int_eq(vhd1_bench_shut(&b, NULL), 0);
	at = vhd1_image_copy(b.start);
	for (i = b.first; i < vhd_trace_count(b.trace); i++) {
		const struct vhd_trace_op *op = vhd_trace_op(b.trace, i);

		if (op->kind != VHD_TRACE_FLUSH) {
			epoch_add(&e, op);
			continue;
		}
		try_epoch(at, &e, &old, &p);
		for (size_t k = 0; k < e.count; k++)
			ck_assert_int_eq(vhd_trace_apply(&e.op[k], at, NULL),
					 0);
		e.count = 0;
	}
	try_epoch(at, &e, &old, &p);
	ck_assert_uint_gt(states, 25);
	expect(b.io, &p);
	vhd_io_close(&at, NULL);
	vhd1_bench_end(&b);
}
END_TEST

START_TEST(vhd1_reparent__a_call_that_fails_leaves_one_of_both)
{
	static const uint32_t kinds[] = {
		VHD_FAULT_WRITE, VHD_FAULT_FLUSH, VHD_FAULT_SIZE
	};
	struct vhd_engine_parent p = parent_named("new.vhd");
	unsigned failed = 0;

	for (uint64_t n = 1; n < 40; n++) {
		struct vhd1_bench b;
		struct vhd1_seen seen = { 0 };
		struct vhd_error err = { .code = 0 };
		bool changed;
		int rc;

		vhd1_bench_new(&b, vhd1_image_new(&plain));
		b.plan = (struct vhd_fault_plan){
			.kinds = kinds[_i], .fail_at = n
		};
		rc = vhd1_engine.reparent(b.v, &p, false, &changed, &err);
		b.plan.fail_at = 0;
		vhd1_bench_shut(&b, NULL);
		failed += rc != 0;
		if (rc)
			ck_assert_str_ne(err.msg, "");
		ck_assert_int_eq(vhd1_image_check(b.io, &seen, NULL), 0);
		ck_assert_msg(seen.worst < VHD_SEV_ERROR, "%s", seen.last);
		reparent(b.io, &p);
		expect(b.io, &p);
		vhd1_bench_end(&b);
	}
	/* The last step, the cut, may fail. */
	ck_assert_uint_ge(failed, kinds[_i] == VHD_FAULT_SIZE ? 0 : 4);
}
END_TEST

START_TEST(vhd1_reparent__a_full_disk_changes_nothing)
{
	struct vhd_engine_parent p = parent_named(LONG_NAME LONG_NAME
						  LONG_NAME);
	struct vhd1_bench b;
	struct vhd_error err;
	uint64_t size;
	bool changed;

	vhd1_bench_new(&b, vhd1_image_new(&plain));
	size = vhd1_image_size(b.io);
	b.plan = (struct vhd_fault_plan){ .limit = size + 100 };
	ck_assert_int_eq(vhd1_engine.reparent(b.v, &p, false, &changed, &err),
			 VHD_E_NOSPACE);
	b.plan.limit = 0;
	ck_assert_int_eq(vhd1_bench_shut(&b, NULL), 0);
	ck_assert_uint_eq(vhd1_image_size(b.io), size);
	vhd1_file_sound(b.io);
	ck_assert(reparent(b.io, &p));
	expect(b.io, &p);
	vhd1_bench_end(&b);
}
END_TEST

/* What is free in front of the blocks, and between them, is room enough. */
START_TEST(vhd1_reparent__a_name_as_long_needs_no_more_space)
{
	struct vhd_engine_parent p = parent_named("new.vhd");
	struct vhd1_bench b;
	struct vhd_error err;
	uint64_t size;
	bool changed;

	vhd1_bench_new(&b, vhd1_image_new(_i ? &xen : &plain));
	size = vhd1_image_size(b.io);
	b.plan = (struct vhd_fault_plan){ .limit = size };
	ck_assert_int_eq(vhd1_engine.reparent(b.v, &p, false, &changed, &err),
			 0);
	ck_assert_int_eq(vhd1_bench_shut(&b, NULL), 0);
	ck_assert_uint_eq(vhd1_image_size(b.io), size);
	expect(b.io, &p);
	vhd1_bench_end(&b);
}
END_TEST

/* As Xen's tools do it: no name behind a block, and none that is not theirs. */
START_TEST(vhd1_reparent__names_for_xen_lie_before_the_blocks)
{
	static const char *const codes[] = { "MacX", "W2ku", "W2ru" };
	struct vhd_io *io = vhd1_image_new(_i ? &xen : &plain);
	struct vhd_engine_parent p = parent_named("new.vhd");
	struct vhd1_header h;
	char code[5];

	p.xen = true;
	ck_assert(reparent(io, &p));
	expect(io, &p);
	vhd1_image_header(io, &h);
	for (size_t i = 0; i < 3; i++) {
		vhd1_locator_code_text(h.locator[i].code, code);
		ck_assert_str_eq(code, codes[i]);
		ck_assert_uint_eq(h.locator[i].space, 512);
		ck_assert_uint_lt(h.locator[i].off, UINT64_C(512) *
				  vhd1_image_entry(io, 0));
	}
	ck_assert_uint_eq(h.locator[3].code, 0);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(vhd1_reparent__a_name_that_is_too_long_for_xen_changes_nothing)
{
	struct vhd_engine_parent p = parent_named(LONG_NAME LONG_NAME
						  LONG_NAME LONG_NAME);
	struct vhd_error err;
	struct vhd1_bench b;
	char text[4096];
	bool changed;

	p.xen = true;
	vhd1_bench_new(&b, vhd1_image_new(&xen));
	vhd1_trace_next(&b, text);
	ck_assert_int_eq(vhd1_engine.reparent(b.v, &p, false, &changed, &err),
			 VHD_E_NOSPACE);
	ck_assert_int_eq(err.os_errno, ENAMETOOLONG);
	ck_assert_int_eq(vhd1_bench_shut(&b, NULL), 0);
	vhd1_trace_next(&b, text);
	ck_assert_str_eq(text, "");
	vhd1_bench_end(&b);
}
END_TEST

/* A locator that points into a block is not written over (VHD-L-4). */
START_TEST(vhd1_reparent__believes_no_old_place_blindly)
{
	struct vhd_io *io = vhd1_image_new(&plain);
	struct vhd_engine_parent p = parent_named("new.vhd");
	struct vhd1_seen seen = { 0 };
	struct vhd1_header h;
	uint64_t at = UINT64_C(512) * vhd1_image_entry(io, 1);

	vhd1_image_header(io, &h);
	/* Said in sectors, the space reaches over everything. */
	h.locator[0].space = 400;
	h.locator[1] = (struct vhd1_locator){
		.code = VHD1_LOC_W2KU, .space = 4096, .len = 0, .off = at + 512
	};
	vhd1_image_set_header(io, &h);
	ck_assert(reparent(io, &p));
	expect(io, &p);
	ck_assert_int_eq(vhd1_image_check_as(io, true, &seen, NULL), 0);
	ck_assert_msg(seen.worst < VHD_SEV_ERROR, "%s", seen.last);
	vhd_io_close(&io, NULL);
}
END_TEST

TEST_MAIN_ROWS("vhd1/reparent",
	LOOP(vhd1_reparent__records_another_parent, CASES),
	ONCE(vhd1_reparent__drops_names_of_the_old_parent),
	ONCE(vhd1_reparent__dry_changes_nothing),
	ONCE(vhd1_reparent__refuses_what_is_no_child),
	LOOP(vhd1_reparent__a_cut_leaves_the_old_parent_or_the_new_one, CASES),
	LOOP(vhd1_reparent__a_call_that_fails_leaves_one_of_both, 3),
	ONCE(vhd1_reparent__a_full_disk_changes_nothing),
	LOOP(vhd1_reparent__a_name_as_long_needs_no_more_space, 2),
	LOOP(vhd1_reparent__names_for_xen_lie_before_the_blocks, 2),
	ONCE(vhd1_reparent__a_name_that_is_too_long_for_xen_changes_nothing),
	ONCE(vhd1_reparent__believes_no_old_place_blindly))
