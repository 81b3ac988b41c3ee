/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/status.h"

#include <errno.h>

/* The system's own word, where it means the same to whoever is told. */
static int from_system(int os_errno)
{
	switch (os_errno) {
	case ENOSYS:		/* a kernel would never ask again */
	case EINTR:
	case EAGAIN:		/* clients would try for ever */
		return EIO;
	default:
		return os_errno > 0 ? os_errno : EIO;
	}
}

int status_errno(const struct vhd_error *err)
{
	switch ((enum vhd_status)err->code) {
	case VHD_OK:
		return 0;
	case VHD_E_INVAL:
	case VHD_E_RANGE:
	case VHD_E_FORMAT:
	case VHD_E_NOTFILE:
		return EINVAL;
	case VHD_E_NOMEM:
		return ENOMEM;
	case VHD_E_IO:
		return from_system(err->os_errno);
	case VHD_E_NOSPACE:
		return err->os_errno == EDQUOT ? EDQUOT : ENOSPC;
	case VHD_E_EXISTS:
		return EEXIST;
	case VHD_E_BUSY:
		return EBUSY;
	case VHD_E_UNSUPPORTED:
		return EOPNOTSUPP;
	case VHD_E_POLICY:
	case VHD_E_REFUSED:
		return EACCES;
	case VHD_E_READONLY:
		return EROFS;
	case VHD_E_CANCELLED:
		return ECANCELED;
	case VHD_E_CORRUPT:
	case VHD_E_PARENT:
	case VHD_E_POISONED:
		break;
	}
	return EIO;
}
