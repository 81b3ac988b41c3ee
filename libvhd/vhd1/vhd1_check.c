/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhd1/vhd1_check.h"

#include "base/alloc.h"
#include "base/fail.h"
#include "vhd1/vhd1_place.h"

static int check_sparse(struct vhd1_checker *c, struct vhd_error *err)
{
	int rc;

	c->passes = 1 + vhd1_place_passes(c->v) + c->req->deep;
	rc = vhd1_check_header(c, err);
	if (!rc)
		rc = vhd1_check_blocks(c, err);
	if (!rc)
		rc = vhd1_check_place(c, err);
	if (!rc && c->v->has_batmap)
		rc = vhd1_check_batmap(c, err);
	if (!rc && c->req->deep)
		rc = vhd1_check_deep(c, err);
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
	rc = vhd1_expose(c->v, err);
	if (!rc)
		rc = vhd1_check_footer(c, err);
	if (!rc && vhd1_is_sparse(c->v))
		rc = check_sparse(c, err);
	if (!rc)
		vhd1_say_more(c);
	vhd_free(c);
	return rc;
}
