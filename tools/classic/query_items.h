/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_CLASSIC_QUERY_ITEMS_H
#define VHD_TOOLS_CLASSIC_QUERY_ITEMS_H

/* What the query of vhd-util and that of td-util have in common. */

#include <stdbool.h>

#include <vhd/xen.h>

/*
 * query_footer - the footer that is asked about
 *
 * @from_copy: the one at the front, of an image that has one
 *
 * Returns: NULL when it is not there, or is no footer.
 */
const struct vhd_xen_footer *query_footer(const struct vhd_xen_headers *h,
					  bool from_copy);

/* query_is_child - whether an image of that footer has a parent */
bool query_is_child(const struct vhd_xen_footer *f);

/* query_depth - print how deep the chain is; 0 or a positive errno */
int query_depth(const char *name, const struct vhd_xen_footer *f);

#endif
