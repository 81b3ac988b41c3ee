/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_XEN_XEN_USED_H
#define VHD_XEN_XEN_USED_H

#include "vhd1/vhd1_priv.h"

/* As vhd_xen_used(), of an open engine; the outputs may be NULL. */
int vhd_xen_end(struct vhd1 *v, uint64_t *used_out, uint64_t *blocks_out,
		struct vhd_error *err);

#endif
