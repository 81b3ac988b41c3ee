/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/vhdx_mending.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vhdx/vhdx_engine.h"

enum { ROUNDS_MAX = 60 };

static const char *on_choice(void *arg, const struct vhd_rule *rule)
{
	struct vhdx_mending *m = arg;

	for (size_t i = 0; i < m->allow_count; i++) {
		if (vhd_rule_get(m->allow[i].rule) == rule)
			return m->allow[i].choice;
	}
	return rule->repair == VHD_REPAIR_AUTO ? "" : NULL;
}

static bool on_step(void *arg, const struct vhd_rule *rule, bool granted,
		    uint64_t off, const char *msg)
{
	struct vhdx_mending *m = arg;
	struct vhdx_step *s = &m->step[m->step_count];

	(void)off;
	ck_assert_uint_lt(m->step_count, VHDX_STEPS_MAX);
	ck_assert_ptr_nonnull(rule);
	m->step_count++;
	s->rule = rule;
	s->granted = granted;
	snprintf(s->msg, sizeof(s->msg), "%s", msg);
	return !m->full;
}

static int on_copy(void *arg, uint64_t from, uint64_t to, uint64_t len,
		   struct vhd_error *err)
{
	struct vhdx_mending *m = arg;
	uint8_t buf[65536];

	for (uint64_t at = 0; at < len; at += sizeof(buf)) {
		size_t n = len - at < sizeof(buf) ? (size_t)(len - at)
						  : sizeof(buf);
		int rc = vhd_io_read_padded(m->io, buf, n, from + at, err);

		if (!rc)
			rc = vhd_io_write(m->io, buf, n, to + at, err);
		if (rc)
			return rc;
	}
	return 0;
}

void vhdx_mending_begin(struct vhdx_mending *m, const struct vhdx_image *img)
{
	void *h;

	memset(m, 0, sizeof(*m));
	m->trace = vhd_trace_new();
	h = vhd_record_new(&vhd_mem_ops, vhd_mem_new(img->bytes, img->len),
			   m->trace);
	h = vhd_fault_new(&vhd_record_ops, h, &m->plan);
	ck_assert_int_eq(vhd_io_new(&vhd_fault_ops, h, "mended", &m->io, NULL),
			 0);
}

void vhdx_mending_end(struct vhdx_mending *m)
{
	vhd_io_close(&m->io, NULL);
	vhd_trace_free(m->trace);
}

void vhdx_mending_allow(struct vhdx_mending *m, enum vhd_rule_idx rule,
			const char *choice)
{
	ck_assert_uint_lt(m->allow_count, VHDX_ALLOW_MAX);
	m->allow[m->allow_count++] = (struct vhdx_allow){ rule, choice };
}

int vhdx_mending_run(struct vhdx_mending *m)
{
	struct vhd_engine_repair req = {
		.io = m->io, .salvage = m->salvage,
		.disk_size = m->disk_size, .parent = m->parent,
		.mender = { on_choice, on_step, m },
		.copy = on_copy, .copy_arg = m,
	};
	size_t before;

	m->step_count = 0;
	m->rounds = 0;
	do {
		int rc;

		ck_assert_uint_lt(m->rounds, ROUNDS_MAX);
		m->rounds++;
		before = vhdx_mending_granted(m);
		rc = vhdx_engine.repair(&req, &m->err);
		if (rc)
			return rc;
	} while (vhdx_mending_granted(m) > before && !m->full);
	return 0;
}

size_t vhdx_mending_steps(const struct vhdx_mending *m, enum vhd_rule_idx rule,
			  bool granted)
{
	size_t n = 0;

	for (size_t i = 0; i < m->step_count; i++)
		n += m->step[i].rule == vhd_rule_get(rule) &&
		     m->step[i].granted == granted;
	return n;
}

size_t vhdx_mending_granted(const struct vhdx_mending *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->step_count; i++)
		n += m->step[i].granted;
	return n;
}

struct vhd_io *vhdx_mending_copy(const struct vhdx_mending *m)
{
	struct vhd_io *io = NULL;
	uint8_t *bytes;
	uint64_t len;

	ck_assert_int_eq(vhd_io_size(m->io, &len, NULL), 0);
	bytes = malloc((size_t)len);
	ck_assert_ptr_nonnull(bytes);
	ck_assert_int_eq(vhd_io_read(m->io, bytes, (size_t)len, 0, NULL), 0);
	ck_assert_int_eq(vhd_io_open_mem(bytes, (size_t)len, &io, NULL), 0);
	free(bytes);
	return io;
}

struct vhd_io *vhdx_mending_cut(const struct vhdx_mending *m,
				const struct vhdx_image *img, size_t calls,
				size_t missing)
{
	struct vhd_io *cut = vhdx_image_io(img);

	for (size_t i = 0; i < calls; i++) {
		if (i != missing)
			ck_assert_int_eq(vhd_trace_apply(
				vhd_trace_op(m->trace, i), cut, NULL), 0);
	}
	return cut;
}

struct vhd_io *vhdx_mending_torn(const struct vhdx_mending *m,
				 const struct vhdx_image *img, size_t calls,
				 uint32_t mask)
{
	const struct vhd_trace_op *op = vhd_trace_op(m->trace, calls);
	struct vhd_io *cut = vhdx_mending_cut(m, img, calls, calls);

	for (uint64_t at = 0; at < op->len; at += 512) {
		struct vhd_trace_op sector = *op;

		if (!(mask >> (op->off + at) / 512 % 8 & 1))
			continue;
		sector.off = op->off + at;
		sector.len = op->len - at < 512 ? op->len - at : 512;
		sector.data = op->data + at;
		ck_assert_int_eq(vhd_trace_apply(&sector, cut, NULL), 0);
	}
	return cut;
}

bool vhdx_mending_is(const struct vhdx_mending *m,
		     const struct vhdx_image *img)
{
	uint8_t *bytes = malloc(img->len);
	uint64_t len;
	bool same;

	ck_assert_ptr_nonnull(bytes);
	ck_assert_int_eq(vhd_io_size(m->io, &len, NULL), 0);
	same = len == img->len &&
	       !vhd_io_read(m->io, bytes, img->len, 0, NULL) &&
	       !memcmp(bytes, img->bytes, img->len);
	free(bytes);
	return same;
}
