/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/ckd.h"
#include "base/fail.h"
#include "ops/compare_walk.h"
#include "vhd/compare.h"

/* The walk ends, and not because something went wrong. */
enum { ENOUGH = 1 };

struct state {
	const struct vhd_compare_opts *opts;
	uint64_t total;
	uint64_t off, len;	/* differs, and is not told of yet */
};

static int opts_get(const struct vhd_compare_opts *in,
		    struct vhd_compare_opts *out, struct vhd_error *err)
{
	memset(out, 0, sizeof(*out));
	if (!in)
		return 0;
	if (in->size < sizeof(*out))
		return vhd_fail(err, VHD_E_INVAL,
				"struct vhd_compare_opts has no size");
	memcpy(out, in, sizeof(*out));
	return 0;
}

/* What was found goes to the caller as soon as it can grow no more. */
static int tell_of(struct state *s)
{
	const struct vhd_compare_opts *o = s->opts;
	uint64_t len = s->len;

	s->len = 0;
	if (!len || !o->differ || o->differ(o->differ_arg, s->off, len))
		return 0;
	return ENOUGH;
}

static int on_differ(void *arg, uint64_t off, uint64_t len, const uint8_t *a,
		     const uint8_t *b, struct vhd_error *err)
{
	struct state *s = arg;
	int rc = 0;

	(void)a;
	(void)b;
	(void)err;
	if (s->len && s->off + s->len == off) {
		s->len += len;
		return 0;
	}
	rc = tell_of(s);
	if (rc)
		return rc;
	s->off = off;
	s->len = len;
	return s->opts->stop_first ? ENOUGH : 0;
}

static int on_reached(void *arg, uint64_t off, struct vhd_error *err)
{
	const struct state *s = arg;
	const struct vhd_compare_opts *o = s->opts;

	if (!o->progress || o->progress(o->progress_arg, off, s->total))
		return 0;
	return vhd_fail(err, VHD_E_CANCELLED, "cancelled");
}

int vhd_compare(struct vhd_image *a, struct vhd_image *b,
		const struct vhd_compare_opts *opts,
		struct vhd_compare_result *result_out, struct vhd_error *err)
{
	struct vhd_compare_opts o;
	struct state s = { .opts = &o };
	struct vhd_compare_walk w = {
		.a = a, .b = b, .differ = on_differ, .reached = on_reached,
		.arg = &s,
	};
	int rc;

	if (!a || !b || !result_out)
		return vhd_fail(err, VHD_E_INVAL, "nothing to compare");
	rc = opts_get(opts, &o, err);
	if (rc)
		return rc;
	w.granule = o.granule;
	s.total = max_u64(vhd_size(a), vhd_size(b));
	rc = vhd_compare_begin(&w, err);
	if (!rc)
		rc = on_reached(&s, 0, err);
	if (!rc)
		rc = vhd_compare_range(&w, 0, s.total, err);
	vhd_compare_end(&w);
	if (rc >= 0)
		tell_of(&s);
	if (rc < 0)
		return rc;
	*result_out = (struct vhd_compare_result){
		.compared = s.total,
		.read_bytes = vhd_compare_read_bytes(&w),
		.same_bytes = w.same_bytes,
		.zero_bytes = w.zero_bytes,
		.differing = w.differing,
		.first = w.first,
	};
	return 0;
}
