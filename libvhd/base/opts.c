/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/opts.h"

#include <inttypes.h>
#include <string.h>

#include "base/ckd.h"
#include "base/fail.h"

int vhd_opts_copy(const void *in, size_t least, void *out, size_t room,
		  const char *type, struct vhd_error *err)
{
	const uint32_t now = (uint32_t)room;
	uint32_t size = 0;

	memset(out, 0, room);
	if (in) {
		memcpy(&size, in, sizeof(size));
		if (size < least)
			return vhd_fail(err, VHD_E_INVAL,
					"struct %s has no size", type);
		memcpy(out, in, (size_t)min_u64(size, room));
	}
	memcpy(out, &now, sizeof(now));
	return 0;
}

int vhd_flags_check(uint32_t flags, uint32_t known, const char *what,
		    struct vhd_error *err)
{
	uint32_t unknown = flags & ~known;

	return unknown ? vhd_fail(err, VHD_E_INVAL, "unknown %s 0x%" PRIx32,
				  what, unknown)
		       : 0;
}
