/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "torture/model.h"

void model_open(struct model *m)
{
	static const uint64_t budgets[] = { 1, 1, 1, 128 * KiB, 0 };
	struct torture_open how = { .cache = budgets[model_below(m, 5)] };

	m->flags = VHD_OPEN_RDWR;
	if (model_below(m, 3) == 0)
		m->flags |= VHD_OPEN_THREAD;
	how.flags = m->flags;
	m->img = torture_open(m->file, &m->parent, &how);
}

/* What a reader sees, and what a writer is told there. */
static void see_file(struct model *m, struct torture_file *f, const char *when)
{
	struct torture_open how = { .cache = model_below(m, 2) };
	uint64_t changes = atomic_load(&f->changes);
	struct vhd_image *img;

	torture_check(f, &m->parent);
	img = torture_open(f, &m->parent, &how);
	torture_compare(img, &m->shape, m->bytes, when);
	if (vhd_pwrite(img, "x", 1, 0, NULL) != VHD_E_READONLY ||
	    vhd_flush(img, NULL) != VHD_E_READONLY ||
	    vhd_write_zeroes(img, 0, 512, 0, NULL) != VHD_E_READONLY)
		torture_fail("an image that is open for reading takes writes");
	vhd_close(&img, NULL);
	if (atomic_load(&f->changes) != changes)
		torture_fail("reading changed the file");
}

void model_close(struct model *m)
{
	struct vhd_error err;

	for (unsigned i = 0; i < MODEL_MOVES; i++)
		model_move_end(m, i);
	torture_compare(m->img, &m->shape, m->bytes, "before closing");
	torture_ok(vhd_close(&m->img, &err), "closing", &err);
	see_file(m, m->file, "after closing");
}

static int write_pieces(struct model *m, const uint8_t *buf,
			struct model_range r, struct vhd_error *err)
{
	uint64_t split = r.at + model_below(m, r.len + 1);
	/* Pieces are written one by one: see model_refused(). */
	size_t a = (size_t)(max_u64(align_down(split, m->shape.sector), r.at) -
			    r.at);
	const struct vhd_iov iov[3] = {
		{ (void *)(uintptr_t)buf, a }, { NULL, 0 },
		{ (void *)(uintptr_t)(buf + a), (size_t)r.len - a },
	};

	return vhd_pwritev(m->img, iov, 3, model_guest(m, r.at), err);
}

void model_write(struct model *m, struct model_range r)
{
	struct vhd_error err;
	uint8_t *buf;
	int rc;

	if (model_busy(m, r))
		return;
	model_say(m, "write", r);
	buf = model_fresh_bytes(m, r.len);
	if (model_below(m, 4) == 0)
		rc = write_pieces(m, buf, r, &err);
	else
		rc = vhd_pwrite(m->img, buf, (size_t)r.len, model_guest(m, r.at),
				&err);
	if (model_refused(m, r, rc)) {
		model_settle(m, r, buf);
	} else {
		torture_ok(rc, "writing", &err);
		memcpy(m->bytes + r.at, buf, (size_t)r.len);
	}
	free(buf);
}

void model_read(struct model *m, struct model_range r)
{
	if (!model_busy(m, r))
		model_see(m, r, "reading");
}

/* A discard takes what this image says, not what its parent shows. */
void model_discard_extent(struct model *m, struct model_range r,
			   const struct vhd_extent *e)
{
	if (e->layer == 0)
		memset(m->bytes + r.at, 0, (size_t)r.len);
}

/* A VHDX can say of a whole block that it is zeros. */
static void discard_whole(struct model *m, struct model_range r)
{
	uint64_t block = m->shape.block, end = r.at + r.len, to;

	if (m->shape.type->format != VHD_FORMAT_VHDX)
		return;
	for (uint64_t at = align_up(r.at, block); at < end; at = to) {
		to = min_u64(at + block, m->used);
		if (to <= end)
			memset(m->bytes + at, 0, (size_t)(to - at));
	}
}

static void expect_discard(struct model *m, struct model_range r)
{
	if (torture_is_fixed(&m->shape))
		return;
	if (!torture_is_child(&m->shape)) {
		memset(m->bytes + r.at, 0, (size_t)r.len);
		return;
	}
	model_each_extent(m, r, model_discard_extent);
	discard_whole(m, r);
}

void model_discard(struct model *m, struct model_range r)
{
	struct vhd_error err;

	if (model_busy(m, r))
		return;
	model_say(m, "discard", r);
	expect_discard(m, r);
	torture_ok(vhd_discard(m->img, model_guest(m, r.at), r.len, &err),
		   "discarding", &err);
	model_see(m, r, "after a discard");
}

void model_zero(struct model *m, struct model_range r)
{
	uint32_t flags = model_below(m, 3) ? 0 : VHD_ZERO_KEEP;
	struct vhd_error err;
	int rc;

	if (model_busy(m, r))
		return;
	model_say(m, flags ? "zero, keep" : "zero", r);
	rc = vhd_write_zeroes(m->img, model_guest(m, r.at), r.len, flags, &err);
	if (model_refused(m, r, rc)) {
		model_settle(m, r, NULL);
		return;
	}
	torture_ok(rc, "zeroing", &err);
	memset(m->bytes + r.at, 0, (size_t)r.len);
	model_see(m, r, "after zeroing");
}

void model_far(struct model *m)
{
	uint64_t at = model_below(m, m->used), len = model_below(m, m->used - at) + 1;
	struct model_range all = { at, len };
	bool vhdx = m->shape.type->format == VHD_FORMAT_VHDX;
	uint64_t off = model_guest(m, at), end = model_guest(m, at + len - 1) + 1;
	struct vhd_error err;

	if (model_busy(m, all))
		return;
	model_say(m, "far", all);
	/* A VHD with a parent would store all of those zeros. */
	if (model_below(m, 2) && (vhdx || !torture_is_child(&m->shape))) {
		int rc = vhd_write_zeroes(m->img, off, end - off, 0, &err);

		for (uint64_t n; len && model_refused(m, all, rc); at += n, len -= n) {
			n = min_u64(len, torture_in_window(&m->shape, at));
			model_settle(m, (struct model_range){ at, n }, NULL);
		}
		if (!len)
			return;
		torture_ok(rc, "zeroing far", &err);
		memset(m->bytes + at, 0, (size_t)len);
		return;
	}
	for (uint64_t n; len; at += n, len -= n) {
		n = min_u64(len, torture_in_window(&m->shape, at));
		expect_discard(m, (struct model_range){ at, n });
	}
	torture_ok(vhd_discard(m->img, off, end - off, &err),
		   "discarding far", &err);
}

void model_flush(struct model *m)
{
	struct vhd_error err;

	model_say(m, "flush", (struct model_range){ 0, 0 });
	torture_ok(vhd_flush(m->img, &err), "flushing", &err);
}

void model_writeback(struct model *m)
{
	struct vhd_error err;

	model_say(m, "write back", (struct model_range){ 0, 0 });
	torture_ok(vhd_writeback(m->img, &err), "writing back", &err);
}

void model_kill(struct model *m)
{
	const struct torture_open how = { .flags = VHD_OPEN_RDWR, .cache = 1 };
	struct vhd_image *img;

	/* A thread would write while the file is copied. */
	if (m->flags & VHD_OPEN_THREAD || model_any_busy(m))
		return;
	model_writeback(m);
	torture_file_copy(m->copy, m->file);
	see_file(m, m->copy, "after a kill");
	img = torture_open(m->copy, &m->parent, &how);
	torture_compare(img, &m->shape, m->bytes, "after a kill, for writing");
	vhd_close(&img, NULL);
	see_file(m, m->copy, "after a kill, and a writer");
}
