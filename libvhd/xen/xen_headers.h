/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_XEN_HEADERS_H
#define VHD_XEN_HEADERS_H

#include "io/io.h"
#include "vhd/xen.h"

/* vhd_xen_headers() of a file that is open. */
int vhd_xen_headers_read(struct vhd_io *io, uint64_t base, uint64_t len,
			 uint32_t flags, struct vhd_xen_headers *out,
			 struct vhd_error *err);

#endif
