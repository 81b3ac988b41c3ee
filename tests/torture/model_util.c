/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "support/base_rand.h"
#include "torture/model.h"

enum { EXTENTS = 64, UNIT = 4096 };

uint64_t model_below(struct model *m, uint64_t limit)
{
	return base_rand_below(&m->rng, limit);
}

uint64_t model_guest(const struct model *m, uint64_t at)
{
	return torture_guest(&m->shape, at);
}

void model_say(const struct model *m, const char *what, struct model_range r)
{
	if (m->verbose)
		printf("%" PRIu64 ": %s 0x%" PRIx64 " + 0x%" PRIx64 " (0x%"
		       PRIx64 " of the windows)\n", m->step, what,
		       model_guest(m, r.at), r.len, r.at);
}

/* A few bytes beside a move: in its sector, or in its unit. */
static struct model_range near(struct model *m, const struct model_move *v)
{
	uint64_t len = 1 + model_below(m, 700), at = v->r.at + v->r.len;

	if (model_below(m, 2))
		at = v->r.at - min_u64(v->r.at, len);
	at += model_below(m, 2) ? 0 : model_below(m, 1500);
	at = min_u64(at, m->used - 1);
	return (struct model_range){
		at, min_u64(len, torture_in_window(&m->shape, at))
	};
}

struct model_range model_range(struct model *m, uint64_t most)
{
	const struct model_move *v = &m->move[model_below(m, MODEL_MOVES)];
	static const uint64_t aligns[] = { 1, 1, 512, 512, 4096, 4096 };
	uint64_t align = aligns[model_below(m, 6)], block = m->shape.block;
	uint64_t at = model_below(m, div_ceil(m->used, block)) * block, len;

	if (v->bytes && model_below(m, 2))
		return near(m, v);
	/* Small ones as often as large ones; near borders of blocks. */
	most = min_u64(most >> model_below(m, 8), 2 * block);
	len = align + align_down(model_below(m, most), align);
	at += align_down(model_below(m, model_below(m, 3) ? block :
			       min_u64(block, 8 * KiB)), align);
	at = min_u64(at, m->used - 1);
	if (model_below(m, 8) == 0)
		at = align_down(m->used - min_u64(len, m->used), align);
	return (struct model_range){
		at, min_u64(len, torture_in_window(&m->shape, at))
	};
}

struct model_range model_blocks(struct model *m)
{
	uint64_t block = m->shape.block;
	uint64_t at = model_below(m, div_ceil(m->used, block)) * block;
	uint64_t len = block * (1 + model_below(m, 2));

	return (struct model_range){
		at, min_u64(len, torture_in_window(&m->shape, at))
	};
}

bool model_busy(const struct model *m, struct model_range r)
{
	for (size_t i = 0; i < MODEL_MOVES; i++) {
		const struct model_move *v = &m->move[i];

		if (v->bytes && ranges_overlap(v->r.at, v->r.len, r.at, r.len))
			return true;
	}
	return false;
}

bool model_any_busy(const struct model *m)
{
	return model_busy(m, (struct model_range){ 0, m->used });
}

/* Is byte @at in a unit of a bitmap that a move writes to? */
static bool in_unit(const struct model *m, uint64_t at)
{
	const struct model_range unit = { align_down(at, UNIT), UNIT };

	return model_busy(m, unit);
}

/*
 * A part of a sector cannot become the image's own while a move does something
 * to that unit.
 */
bool model_refused(const struct model *m, struct model_range r, int rc)
{
	uint64_t end = r.at + r.len, sector = m->shape.sector;

	return rc == VHD_E_BUSY && torture_is_child(&m->shape) &&
	       ((r.at % sector && in_unit(m, r.at)) ||
		(end % sector && in_unit(m, end - 1)));
}

/* Incompressible is not needed, but every word says something. */
uint8_t *model_fresh_bytes(struct model *m, uint64_t len)
{
	uint64_t words = len / 8 + 1, w = base_rand(&m->rng);
	uint8_t *p = torture_alloc(words * 8);

	/* Zeros that are written are data too. */
	if (model_below(m, 16) == 0)
		return p;
	for (uint64_t i = 0; i < words; i++) {
		w = w * UINT64_C(6364136223846793005) + 1442695040888963407U;
		memcpy(p + 8 * i, &w, 8);
	}
	return p;
}

void model_see(struct model *m, struct model_range r, const char *when)
{
	uint8_t *buf = torture_alloc(r.len);
	struct vhd_error err;
	uint64_t d;

	torture_ok(vhd_pread(m->img, buf, (size_t)r.len, model_guest(m, r.at), &err),
		   when, &err);
	d = torture_differ(buf, m->bytes + r.at, r.len);
	if (d < r.len)
		torture_fail("%s: byte 0x%" PRIx64 " (0x%" PRIx64 " of the "
			     "windows) is 0x%02x, not 0x%02x", when,
			     model_guest(m, r.at + d), r.at + d, buf[d],
			     m->bytes[r.at + d]);
	free(buf);
}

/* A call failed halfway: each byte is the old one or that of @fresh. */
void model_settle(struct model *m, struct model_range r, const uint8_t *fresh)
{
	uint8_t *buf = torture_alloc(r.len), *was = m->bytes + r.at;
	struct vhd_error err;

	torture_ok(vhd_pread(m->img, buf, (size_t)r.len, model_guest(m, r.at), &err),
		   "reading", &err);
	for (uint64_t i = 0; i < r.len; i++) {
		if (buf[i] != was[i] && buf[i] != (fresh ? fresh[i] : 0))
			torture_fail("byte 0x%" PRIx64 " is nobody's after a "
				     "call that failed", model_guest(m, r.at + i));
	}
	memcpy(was, buf, (size_t)r.len);
	free(buf);
}

void model_each_extent(struct model *m, struct model_range r, model_extent_fn fn)
{
	struct vhd_extent ext[EXTENTS];
	struct vhd_error err;

	while (r.len) {
		size_t n;

		torture_ok(vhd_resolve(m->img, model_guest(m, r.at), r.len, ext,
				       EXTENTS, &n, &err), "resolving", &err);
		for (size_t i = 0; i < n; i++) {
			fn(m, (struct model_range){ r.at, ext[i].len },
			   &ext[i]);
			r.at += ext[i].len;
			r.len -= ext[i].len;
		}
	}
}

bool model_is_stored(const struct vhd_extent *e)
{
	return e->layer == 0 && e->kind == VHD_EXTENT_DATA;
}
