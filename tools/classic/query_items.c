/* SPDX-License-Identifier: BSD-2-Clause */
#include "classic/query_items.h"

#include "classic/classic.h"
#include "classic/headers_text.h"

enum { DIFFERENCING = 4 };

/* A fixed disk has one footer, whichever is asked for. */
const struct vhd_xen_footer *query_footer(const struct vhd_xen_headers *h,
					  bool from_copy)
{
	const struct vhd_xen_footer *f = headers_footer(h);

	if (!from_copy || !f || !(h->have & VHD_XEN_HEADER))
		return f;
	return h->have & VHD_XEN_FRONT_SOUND ? &h->front : NULL;
}

bool query_is_child(const struct vhd_xen_footer *f)
{
	return f->type == DIFFERENCING;
}

int query_depth(const char *name, const struct vhd_xen_footer *f)
{
	struct vhd_image *chain = NULL;
	struct vhd_error err = { 0 };
	int status;

	if (!query_is_child(f)) {
		puts("chain depth: 1");
		return 0;
	}
	if (vhd_open(name, &classic_open_opts, &chain, &err)) {
		status = classic_status(&err);
		printf("error checking chain depth: %d\n", -status);
		return status;
	}
	printf("chain depth: %u\n", (unsigned int)vhd_layers(chain));
	vhd_close(&chain, NULL);
	return 0;
}
