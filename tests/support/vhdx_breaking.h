/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SUPPORT_VHDX_BREAKING_H
#define TESTS_SUPPORT_VHDX_BREAKING_H

/*
 * Rows of damage, each taken through what every repair has to keep: without
 * consent nothing changes; with it the rule is cured and the guest reads what it
 * read; a second repair has nothing to do; and a power cut or an error of the
 * file anywhere in between leaves a file that is no worse, and that the same
 * repair mends.
 */

#include <string.h>

#include "base/ckd.h"
#include "support/check_main.h"
#include "support/stride.h"
#include "support/vhdx_mending.h"

struct breaking {
	const char *name;
	enum vhd_rule_idx rule;
	const char *choice;		/* what the owner has to say; NULL: "" */
	void (*damage)(struct vhdx_image *img);
	bool has_parent;
	bool blank;			/* the image has no blocks */
	bool reads;			/* content cannot be held against */
	bool also_auto;			/* so something is mended unasked */
	const struct vhd_engine_parent *parent;
	enum vhd_rule_idx also;		/* another rule to be allowed, or 0 */
};

#define BREAK(n, r, c, d) { .name = (n), .rule = (r), .choice = (c), .damage = (d) }

enum {
	BREAKING_BLOCKS = 3,
	BREAKING_BLOCK = 1 << 20
};
static const uint64_t breaking_blk[BREAKING_BLOCKS] = { 0, 3, 5 };

static inline void breaking_image(struct vhdx_image *img,
				  const struct breaking *row)
{
	struct vhdx_image_spec spec = { .disk_size = 64 * MiB,
					.block_size = BREAKING_BLOCK,
					.has_parent = row->has_parent };

	vhdx_image_init(img, &spec);
	for (int i = 0; i < BREAKING_BLOCKS && !row->blank; i++)
		vhdx_image_add_block(img, breaking_blk[i], 6,
				     (uint8_t)(0x11 * (i + 1)));
}

/* The guest reads what it should: blocks that were added, nothing elsewhere. */
static inline void breaking_reads(struct vhdx_opened *o,
				  const struct breaking *row)
{
	uint8_t bytes[512], want[512];

	for (int i = 0; i < BREAKING_BLOCKS && !row->blank; i++) {
		uint64_t off = breaking_blk[i] * BREAKING_BLOCK;
		struct vhd_run run = vhdx_opened_map(o, off + 4096, 512);

		memset(want, 0x11 * (i + 1), sizeof(want));
		ck_assert_int_eq(run.kind, VHD_RUN_DATA);
		ck_assert_int_eq(vhd_io_read(o->io, bytes, 512, run.file_off,
					     NULL), 0);
		ck_assert_mem_eq(bytes, want, 512);
	}
	ck_assert_int_ne(vhdx_opened_map(o, BREAKING_BLOCK, 512).kind,
			 VHD_RUN_DATA);
}

/* @io is taken over.  Sound as far as the rule goes, with its content. */
static inline void breaking_sound(struct vhd_io *io, const struct breaking *row)
{
	struct vhdx_opened o = { .deep = false };

	vhdx_opened_begin_io(&o, io);
	ck_assert_msg(!o.rc, "%s: %s", row->name, o.err.msg);
	ck_assert_msg(!vhdx_opened_saw(&o, row->rule), "%s: still there",
		      row->name);
	ck_assert_msg(!vhdx_opened_worse(&o, VHD_SEV_WARNING), "%s: %s",
		      row->name, o.seen_count ? o.seen[0].msg : "");
	if (!row->reads)
		breaking_reads(&o, row);
	vhdx_opened_check(&o);
	ck_assert_msg(!vhdx_opened_worse(&o, VHD_SEV_WARNING), "%s: %s",
		      row->name, o.seen_count ? o.seen[0].msg : "");
	vhdx_opened_end(&o);
}

static inline void breaking_allow(struct vhdx_mending *m,
				  const struct breaking *row)
{
	m->parent = row->parent;
	vhdx_mending_allow(m, row->rule, row->choice ? row->choice : "");
	if (row->also)
		vhdx_mending_allow(m, row->also, "");
}

/* The damage is what the row says. */
static inline bool breaking_opens(const struct vhdx_image *img,
				  const struct breaking *row)
{
	struct vhdx_opened o = { .deep = false };
	bool opens;

	vhdx_opened_begin(&o, img);
	opens = !o.rc;
	if (opens && !vhdx_opened_saw(&o, row->rule))
		vhdx_opened_check(&o);
	if (row->rule != RULE_VHDX_PARENT_ID &&
	    row->rule != RULE_VHDX_PARENT_MISSING &&
	    row->rule != RULE_VHDX_PATH_STALE)
		ck_assert_msg(opens ? vhdx_opened_saw(&o, row->rule) :
			      vhdx_rule_of(&o.err) == row->rule,
			      "%s: not found", row->name);
	vhdx_opened_end(&o);
	return opens;
}

static inline void breaking_refuses(const struct vhdx_image *img,
				    const struct breaking *row)
{
	struct vhdx_mending m;

	vhdx_mending_begin(&m, img);
	m.parent = row->parent;
	ck_assert_int_eq(vhdx_mending_run(&m), 0);
	ck_assert_msg(vhdx_mending_steps(&m, row->rule, false), "%s: offer",
		      row->name);
	ck_assert_msg(!vhdx_mending_granted(&m), "%s: asked", row->name);
	ck_assert_msg(vhdx_mending_is(&m, img), "%s: changed", row->name);
	vhdx_mending_end(&m);
}

/* The plan is full at the first step: nothing may be written any more. */
static inline void breaking_full(const struct vhdx_image *img,
				 const struct breaking *row)
{
	struct vhdx_mending m;

	vhdx_mending_begin(&m, img);
	breaking_allow(&m, row);
	m.full = true;
	ck_assert_int_eq(vhdx_mending_run(&m), 0);
	ck_assert_msg(vhdx_mending_is(&m, img), "%s: full", row->name);
	vhdx_mending_end(&m);
}

/* @io is taken over.  No worse than before, and the same repair ends well. */
static inline void breaking_ends_well(struct vhd_io *io,
				      const struct breaking *row, bool opens,
				      const char *what, size_t when)
{
	struct vhdx_mending m = { 0 };
	struct vhdx_opened o = { .deep = false };

	m.io = io;
	if (opens) {
		vhdx_opened_begin_io(&o, vhdx_mending_copy(&m));
		ck_assert_msg(!o.rc, "%s: %s %zu: %s", row->name, what, when,
			      o.err.msg);
		if (!row->reads)
			breaking_reads(&o, row);
		vhdx_opened_end(&o);
	}
	breaking_allow(&m, row);
	ck_assert_msg(!vhdx_mending_run(&m), "%s: %s %zu: %s", row->name, what,
		      when, m.err.msg);
	breaking_sound(io, row);
}

/* The power fails: one call that was not flushed is missing, or is half made. */
static inline void breaking_cuts(const struct vhdx_mending *done,
				 const struct vhdx_image *img,
				 const struct breaking *row, bool opens)
{
	static const uint32_t masks[] = { 0x01, 0x0f, 0x5a, 0xfe };
	size_t flushed = 0, count = vhd_trace_count(done->trace);

	for (size_t i = 0; i <= count; i++) {
		enum vhd_trace_kind kind;

		for (size_t missing = flushed; missing <= i; missing += STRIDE)
			breaking_ends_well(vhdx_mending_cut(done, img, i,
							    missing),
					   row, opens, "cut at", i);
		if (i == count)
			break;
		kind = vhd_trace_op(done->trace, i)->kind;
		if (kind == VHD_TRACE_FLUSH)
			flushed = i + 1;
		if (kind == VHD_TRACE_WRITE && i % STRIDE == 0)
			breaking_ends_well(vhdx_mending_torn(done, img, i,
							     masks[i % 4]),
					   row, opens, "torn at", i);
	}
}

/*
 * The file fails instead, once, at any call; with @short_io in the middle of
 * one.  What was announced and not done is done by the next repair.
 */
static inline void breaking_faults(const struct vhdx_image *img,
				   const struct breaking *row, bool opens,
				   size_t short_io, size_t stride)
{
	bool met = true;

	for (size_t n = 1; met; n += stride) {
		struct vhdx_mending m;
		int rc;

		vhdx_mending_begin(&m, img);
		breaking_allow(&m, row);
		m.plan = (struct vhd_fault_plan){
			.kinds = VHD_FAULT_WRITE | VHD_FAULT_FLUSH |
				 VHD_FAULT_SIZE | VHD_FAULT_ZERO,
			.fail_at = n, .short_io = short_io };
		rc = vhdx_mending_run(&m);
		met = m.plan.calls >= n;
		ck_assert_msg(rc == (met ? VHD_E_IO : 0), "%s: fault %zu: %d",
			      row->name, n, rc);
		m.plan = (struct vhd_fault_plan){ .kinds = 0 };
		breaking_ends_well(vhdx_mending_copy(&m), row, opens,
				   "fault at", n);
		vhdx_mending_end(&m);
	}
}

static inline void breaking_mends(const struct vhdx_image *img,
				  const struct breaking *row, bool opens)
{
	struct vhdx_mending m;
	size_t calls;

	vhdx_mending_begin(&m, img);
	breaking_allow(&m, row);
	ck_assert_msg(!vhdx_mending_run(&m), "%s: %s", row->name, m.err.msg);
	ck_assert_msg(vhdx_mending_steps(&m, row->rule, true), "%s: no step",
		      row->name);
	breaking_sound(vhdx_mending_copy(&m), row);
	calls = vhd_trace_count(m.trace);
	ck_assert_int_eq(vhd_trace_op(m.trace, calls - 1)->kind,
			 VHD_TRACE_FLUSH);
	ck_assert_int_eq(vhdx_mending_run(&m), 0);
	ck_assert_msg(!vhdx_mending_granted(&m), "%s: %s", row->name,
		      m.step[0].msg);
	for (size_t i = calls; i < vhd_trace_count(m.trace); i++)
		ck_assert_int_eq(vhd_trace_op(m.trace, i)->kind,
				 VHD_TRACE_FLUSH);
	breaking_cuts(&m, img, row, opens);
	vhdx_mending_end(&m);
}

static inline void breaking_run(const struct breaking *row)
{
	struct vhdx_image img;
	bool opens;

	breaking_image(&img, row);
	row->damage(&img);
	opens = breaking_opens(&img, row);
	if (vhd_rule_get(row->rule)->repair != VHD_REPAIR_AUTO &&
	    !row->also_auto)
		breaking_refuses(&img, row);
	breaking_full(&img, row);
	breaking_mends(&img, row, opens);
	breaking_faults(&img, row, opens, 0, 2 * STRIDE);
	breaking_faults(&img, row, opens, 1536, 17 * STRIDE);
	vhdx_image_free(&img);
}

#endif
