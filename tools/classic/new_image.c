/* SPDX-License-Identifier: BSD-2-Clause */
#include "classic/new_image.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "classic/classic.h"

bool new_image_mib(const char *text, uint64_t *mib_out)
{
	return classic_number(text, NEW_IMAGE_MIB, mib_out) && *mib_out;
}

uint64_t new_image_bytes(uint64_t mib)
{
	return ((mib + 1) & ~UINT64_C(1)) << 20;
}

/* An error keeps the end of a long name. */
static bool is_about(const struct vhd_error *err, const char *name)
{
	size_t len = strlen(name), kept = strlen(err->file);

	if (kept + 1 < sizeof(err->file))
		return strcmp(err->file, name) == 0;
	return len >= kept && strcmp(err->file + 8, name + len - kept + 8) == 0;
}

static int status_of(const char *name, const struct vhd_error *err)
{
	struct stat st;

	if (err->code == VHD_E_NOTFILE && stat(name, &st) == 0 &&
	    S_ISDIR(st.st_mode))
		return EISDIR;
	return classic_status(err);
}

int new_image_failed(const char *name, const struct vhd_error *err)
{
	int status;

	if (!is_about(err, name))
		return classic_status(err);
	status = status_of(name, err);
	fprintf(stderr, "%s: failed to create: %d\n", name, -status);
	return status;
}

bool new_image_no_file(const struct vhd_error *err)
{
	switch (err->os_errno) {
	case EACCES: case EPERM: case EROFS:
	case ENOENT: case ENOTDIR: case ELOOP: case ENAMETOOLONG:
		return err->code == VHD_E_IO;
	default:
		return false;
	}
}
