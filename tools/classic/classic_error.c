/* SPDX-License-Identifier: BSD-2-Clause */
#include "classic/classic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int of_code(int code)
{
	switch (code) {
	case VHD_E_NOMEM:
		return ENOMEM;
	case VHD_E_NOSPACE:
		return ENOSPC;
	case VHD_E_EXISTS:
		return EEXIST;
	case VHD_E_BUSY:
		/* Somebody holds a lock: clients try again. */
		return EAGAIN;
	case VHD_E_PARENT:
		return ENOENT;
	case VHD_E_POLICY:
		return EACCES;
	case VHD_E_RANGE:
		return ERANGE;
	case VHD_E_CANCELLED:
		return EINTR;
	case VHD_E_IO:
		return EIO;
	default:
		return EINVAL;
	}
}

int classic_status(const struct vhd_error *err)
{
	/* A chain that comes back to itself lacks nothing. */
	if (err->rule && strcmp(err->rule->name, "VHD1_CHAIN") == 0)
		return EINVAL;
	return err->os_errno > 0 ? err->os_errno : of_code(err->code);
}

int classic_open_error(const char *name, const struct vhd_error *err)
{
	int status = classic_status(err);

	printf("error opening %s: %d\n", name, -status);
	return status;
}
