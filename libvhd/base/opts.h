/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_BASE_OPTS_H
#define VHD_BASE_OPTS_H

/*
 * What callers ask for.  Structs of options grow with the library: each begins
 * with the size that the caller's has, and what that lacks is zero here.
 */

#include <stddef.h>

#include "vhd/error.h"

/*
 * Copies @in, a struct @type, or zeros for NULL, into @out, which gets the size
 * of today.  VHD_E_INVAL: @in ends before the member @later, and every version
 * of it has those in front of that.
 */
#define VHD_OPTS_COPY(type, later, in, out, err)			\
	vhd_opts_copy((const struct type *){ (in) },			\
		      offsetof(struct type, later),			\
		      (struct type *){ (out) }, sizeof(struct type),	\
		      #type, (err))

int vhd_opts_copy(const void *in, size_t least, void *out, size_t room,
		  const char *type, struct vhd_error *err);

/* VHD_E_INVAL "unknown @what 0x...": @flags has others than @known. */
int vhd_flags_check(uint32_t flags, uint32_t known, const char *what,
		    struct vhd_error *err);

#endif
