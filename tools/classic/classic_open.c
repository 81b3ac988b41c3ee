/* SPDX-License-Identifier: BSD-2-Clause */
#include "classic/classic.h"

enum {
	READING = VHD_OPEN_NO_LOCK | VHD_OPEN_ANY_PARENT_DIR |
		  VHD_OPEN_IGNORE_PARENT_ID | VHD_OPEN_POISONED |
		  VHD_OPEN_CIPHERTEXT | VHD_OPEN_DEVICES | VHD_OPEN_XEN_PARENT
};

const struct vhd_open_opts classic_open_opts = {
	.size = sizeof(classic_open_opts),
	.flags = READING,
	.format = VHD_FORMAT_VHD,
};

const struct vhd_open_opts classic_alone_opts = {
	.size = sizeof(classic_alone_opts),
	.flags = READING | VHD_OPEN_NO_PARENT,
	.format = VHD_FORMAT_VHD,
};

const struct vhd_open_opts classic_change_opts = {
	.size = sizeof(classic_change_opts),
	.flags = VHD_OPEN_ANY_PARENT_DIR | VHD_OPEN_IGNORE_PARENT_ID |
		 VHD_OPEN_CIPHERTEXT | VHD_OPEN_DEVICES,
	.format = VHD_FORMAT_VHD,
};

bool classic_writable(const char *name, struct vhd_error *err)
{
	struct vhd_open_opts opts = classic_change_opts;
	struct vhd_image *img = NULL;

	opts.flags |= VHD_OPEN_RDWR | VHD_OPEN_NO_PARENT;
	return !vhd_open(name, &opts, &img, err) && !vhd_close(&img, err);
}

int classic_may_write(const char *name)
{
	struct vhd_error err;

	return classic_writable(name, &err) ? 0 : classic_open_error(name, &err);
}
