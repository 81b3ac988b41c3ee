/* SPDX-License-Identifier: BSD-2-Clause */
#include "unmount.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <vhd/vhd.h>

#include "common/text.h"
#include "mountpoint.h"

#define WAIT_MS 60000
#define STEP_MS 10

static int refuse(const char *path, const char *why)
{
	fputs("vhdfuse: ", stderr);
	text_put(stderr, path);
	fprintf(stderr, ": %s\n", why);
	return 1;
}

/* A server that writes keeps everybody else out of the image. */
static bool in_use(const char *image)
{
	struct vhd_open_opts opts = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img = NULL;
	struct vhd_error err;

	opts.flags = VHD_OPEN_NO_PARENT | VHD_OPEN_ALLOW_RAW;
	if (vhd_open(image, &opts, &img, &err))
		return err.code == VHD_E_BUSY;
	vhd_close(&img, NULL);
	return false;
}

static int wait_until_closed(const char *image)
{
	struct timespec step = { 0, STEP_MS * 1000000 };

	for (int ms = 0; in_use(image); ms += STEP_MS) {
		if (ms >= WAIT_MS)
			return refuse(image, "is unmounted, but still in use");
		nanosleep(&step, NULL);
	}
	return 0;
}

int unmount_and_wait(const char *path)
{
	char *real = realpath(path, NULL), *image = NULL;
	int rc;

	if (real == NULL)
		return refuse(path, strerror(errno));
	if (!mountpoint_find(real, &image)) {
		free(real);
		return refuse(path, "no image is mounted there");
	}
	rc = mountpoint_unmount(real, false);
	if (rc == EBUSY)
		rc = refuse(path, "is in use; unmount what lies on it, and "
			    "leave its directories");
	else if (rc != 0)
		rc = refuse(path, strerror(rc));
	else
		rc = wait_until_closed(image);
	free(image);
	free(real);
	return rc;
}
