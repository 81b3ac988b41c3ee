/* SPDX-License-Identifier: BSD-2-Clause */
#include "unmount.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <vhd/vhd.h>

#include "common/text.h"
#include "control.h"
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

static int refuse_busy(const char *path)
{
	refuse(path, "is in use: unmount what lies on it, detach loop devices, "
	       "and leave its directories");
	fputs("hint: who it is: fuser -vm ", stderr);
	text_put_shell(stderr, path);
	fputs("; loop devices: losetup --list\n", stderr);
	return 1;
}

/*
 * A handle of the process that serves a mount, or -1 when it cannot be known:
 * the number may be of another namespace, then its name is another.
 */
static int server_of(const char *real)
{
	int fd = open(real, O_RDONLY | O_NONBLOCK | O_CLOEXEC), server = -1;
	char path[64], name[32] = "";
	uint32_t pid = 0;
	FILE *f = NULL;

	if (fd < 0)
		return -1;
	if (ioctl(fd, CONTROL_PID, &pid) == 0)
		server = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	close(fd);
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/comm", pid);
	if (server >= 0)
		f = fopen(path, "re");
	if (f != NULL && fgets(name, sizeof(name), f) == NULL)
		name[0] = '\0';
	if (f != NULL)
		fclose(f);
	if (server >= 0 && strcmp(name, "vhdfuse\n") != 0) {
		close(server);
		server = -1;
	}
	return server;
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

static int wait_until_closed(const char *image, int server)
{
	struct timespec step = { 0, STEP_MS * 1000000 };
	struct pollfd p = { .fd = server, .events = POLLIN };

	if (server >= 0 && poll(&p, 1, WAIT_MS) == 1)
		return 0;
	for (int ms = 0; in_use(image); ms += STEP_MS) {
		if (ms >= WAIT_MS)
			return refuse(image, "is unmounted, but still in use");
		nanosleep(&step, NULL);
	}
	return 0;
}

/* The server itself may be putting something right there for a moment. */
static int unmount(const char *real)
{
	struct timespec pause = { 0, 100000000 };
	int rc = mountpoint_unmount(real, false);

	for (int i = 0; rc == EBUSY && i < 5; i++) {
		nanosleep(&pause, NULL);
		rc = mountpoint_unmount(real, false);
	}
	return rc;
}

int unmount_and_wait(const char *path)
{
	char *real = realpath(path, NULL), *image = NULL;
	int rc, server;

	/* Its server may have died. */
	if (real == NULL && errno == ENOTCONN)
		real = mountpoint_resolve(path);
	if (real == NULL)
		return refuse(path, strerror(errno));
	if (!mountpoint_find(real, &image)) {
		free(real);
		return refuse(path, "no image is mounted there");
	}
	server = server_of(real);
	rc = unmount(real);
	if (rc == EBUSY)
		rc = refuse_busy(path);
	else if (rc == ENOTSUP)
		rc = refuse(path, "fusermount3 needs " MOUNTPOINT_TABLE
			    ", which is not there; as root: ln -s "
			    "/proc/self/mounts " MOUNTPOINT_TABLE);
	else if (rc != 0)
		rc = refuse(path, strerror(rc));
	else
		rc = wait_until_closed(image, server);
	if (server >= 0)
		close(server);
	free(image);
	free(real);
	return rc;
}
