/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/vhdx_opened.h"

#include <check.h>
#include <stdio.h>

#include "vhdx/vhdx_engine.h"

static void keep(void *arg, const struct vhd_rule *rule, uint64_t off,
		 const char *msg)
{
	struct vhdx_opened *o = arg;
	struct vhdx_seen *s = &o->seen[o->seen_count];

	ck_assert_uint_lt(o->seen_count, VHDX_SEEN_MAX);
	ck_assert_ptr_nonnull(rule);
	o->seen_count++;
	s->rule = rule;
	s->off = off;
	snprintf(s->msg, sizeof(s->msg), "%s", msg);
}

void vhdx_opened_begin_io(struct vhdx_opened *o, struct vhd_io *io)
{
	struct vhd_engine_open req = { .io = io, .sink = { keep, o } };

	ck_assert_ptr_nonnull(io);
	o->io = io;
	o->eng = NULL;
	o->seen_count = 0;
	o->err.rule = NULL;
	o->rc = vhdx_engine.open(&req, &o->eng, &o->err);
}

void vhdx_opened_begin(struct vhdx_opened *o, const struct vhdx_image *img)
{
	vhdx_opened_begin_io(o, vhdx_image_io(img));
}

void vhdx_opened_end(struct vhdx_opened *o)
{
	vhdx_engine.close(o->eng);
	vhd_io_close(&o->io, NULL);
}

void vhdx_opened_check(struct vhdx_opened *o)
{
	struct vhd_engine_check req = { .sink = { keep, o }, .deep = o->deep };

	ck_assert_ptr_nonnull(o->eng);
	o->seen_count = 0;
	ck_assert_int_eq(vhdx_engine.check(o->eng, &req, &o->err), 0);
}

size_t vhdx_opened_saw(const struct vhdx_opened *o, enum vhd_rule_idx rule)
{
	size_t n = 0;

	for (size_t i = 0; i < o->seen_count; i++)
		n += o->seen[i].rule == vhd_rule_get(rule);
	return n;
}

size_t vhdx_opened_worse(const struct vhdx_opened *o, enum vhd_severity sev)
{
	size_t n = 0;

	for (size_t i = 0; i < o->seen_count; i++)
		n += o->seen[i].rule->severity >= sev;
	return n;
}

const struct vhdx_seen *vhdx_opened_first(const struct vhdx_opened *o,
					  enum vhd_rule_idx rule)
{
	for (size_t i = 0; i < o->seen_count; i++) {
		if (o->seen[i].rule == vhd_rule_get(rule))
			return &o->seen[i];
	}
	return NULL;
}

struct vhd_run vhdx_opened_map(struct vhdx_opened *o, uint64_t off,
			       uint64_t len)
{
	struct vhd_run run = { 0 };

	ck_assert_ptr_nonnull(o->eng);
	ck_assert_msg(!vhdx_engine.map(o->eng, off, len, &run, &o->err), "%s",
		      o->err.msg);
	ck_assert_uint_gt(run.len, 0);
	ck_assert_uint_le(run.len, len);
	return run;
}

enum vhd_rule_idx vhdx_rule_of(const struct vhd_error *err)
{
	int i = 0;

	while (i < VHD_RULE_COUNT &&
	       vhd_rule_get((enum vhd_rule_idx)i) != err->rule)
		i++;
	return (enum vhd_rule_idx)i;
}

enum vhd_rule_idx vhdx_opened_map_breaks(struct vhdx_opened *o, uint64_t off)
{
	struct vhd_run run;

	ck_assert_ptr_nonnull(o->eng);
	o->err.rule = NULL;
	if (!vhdx_engine.map(o->eng, off, 512, &run, &o->err))
		return VHD_RULE_NONE;
	return vhdx_rule_of(&o->err);
}
