/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhd1/vhd1_check.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/fail.h"

bool vhd1_may_say(struct vhd1_checker *c, enum vhd_rule_idx rule)
{
	return c->said[rule]++ < VHD1_REPEATS;
}

static void say_more(const struct vhd1_checker *c)
{
	size_t i;

	for (i = 0; i < VHD_RULE_COUNT; i++)
		if (c->said[i] > VHD1_REPEATS)
			vhd_report(c->sink, (enum vhd_rule_idx)i,
				   VHD_NO_OFFSET, "and %" PRIu64
				   " more like the ones before",
				   c->said[i] - VHD1_REPEATS);
}

int vhd1_check_tick(struct vhd1_checker *c, uint64_t done,
		    struct vhd_error *err)
{
	uint64_t n = c->v->hdr.max_entries;

	if (!c->req->progress ||
	    c->req->progress(c->req->progress_arg, c->pass * n + done,
			     c->passes * n))
		return 0;
	return vhd_fail(err, VHD_E_CANCELLED, "check was cancelled");
}

static int check_sparse(struct vhd1_checker *c, struct vhd_error *err)
{
	int rc;

	c->passes = 1 + vhd1_check_place_passes(c->v);
	rc = vhd1_check_header(c, err);
	if (!rc)
		rc = vhd1_check_blocks(c, err);
	if (!rc)
		rc = vhd1_check_place(c, err);
	if (!rc && c->v->has_batmap)
		rc = vhd1_check_batmap(c, err);
	return rc;
}

int vhd1_check(void *eng, struct vhd_engine_check *req, struct vhd_error *err)
{
	struct vhd1_checker *c = vhd_alloc(sizeof(*c));
	int rc;

	if (!c)
		return vhd_fail_nomem(err);
	c->v = eng;
	c->req = req;
	c->sink = &req->sink;
	req->blocks = 0;
	rc = vhd1_check_footer(c, err);
	if (!rc && vhd1_is_sparse(c->v))
		rc = check_sparse(c, err);
	if (!rc)
		say_more(c);
	vhd_free(c);
	return rc;
}
