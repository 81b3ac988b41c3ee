/* SPDX-License-Identifier: BSD-2-Clause */
/* What a check says on its way: not too much of one kind, and how far it is. */
#include "vhd1/vhd1_check.h"

#include <inttypes.h>

#include "base/fail.h"

bool vhd1_may_say(struct vhd1_checker *c, enum vhd_rule_idx rule)
{
	return c->said[rule]++ < VHD1_REPEATS;
}

void vhd1_say_more(const struct vhd1_checker *c)
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
