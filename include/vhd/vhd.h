/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHD_H
#define VHD_VHD_H

/*
 * libvhd: virtual hard disks in VHD and VHDX files.
 *
 *	struct vhd_image *img;
 *	struct vhd_error err;
 *
 *	if (vhd_open("disk.vhdx", NULL, &img, &err)) {
 *		fprintf(stderr, "%s: %s\n", err.file, err.msg);
 *		return 1;
 *	}
 *	vhd_pread(img, buf, sizeof(buf), 0, &err);
 *	vhd_close(&img, NULL);
 *
 * See image.h for images, write.h for writing to them, ops.h for work on whole
 * images, change.h for changing them in place, chain.h for parents and
 * children, compare.h for two disks side by side, repair.h for damaged ones,
 * lint.h for what others demand of them, stream.h for images that pass through a
 * pipe, xen.h for the steps of Xen's storage managers, xen_look.h for looking at
 * a VHD as they do, io.h for files of your own, error.h for what can go wrong.
 */

#include "chain.h"
#include "change.h"
#include "compare.h"
#include "error.h"
#include "image.h"
#include "io.h"
#include "lint.h"
#include "ops.h"
#include "repair.h"
#include "stream.h"
#include "types.h"
#include "write.h"
#include "xen.h"
#include "xen_look.h"

#endif
