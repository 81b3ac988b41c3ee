/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "io/canonical.h"
#include "vhd/xen.h"

int vhd_xen_canonical(const char *path, char *buf, size_t room,
		      struct vhd_error *err)
{
	char *name;
	size_t len;
	int rc;

	if (!path || !buf)
		return vhd_fail(err, VHD_E_INVAL, "no file is named");
	name = vhd_path_canonical(path);
	if (!name) {
		rc = vhd_fail_errno(err, errno, VHD_NO_OFFSET,
				    "the file is not found");
		return vhd_err_file(err, rc, path);
	}
	len = strlen(name);
	if (len < room)
		memcpy(buf, name, len + 1);
	vhd_free(name);
	if (len < room)
		return 0;
	rc = vhd_fail(err, VHD_E_RANGE, "the name of the file has %zu bytes",
		      len);
	return vhd_err_file(err, rc, path);
}
