/* SPDX-License-Identifier: BSD-2-Clause */
/* vhdfuse: the disk in a VHD or VHDX image as a file, through FUSE. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "allowed.h"
#include "daemon.h"
#include "fs.h"
#include "life.h"
#include "mountpoint.h"
#include "options.h"
#include "unmount.h"
#include "wire.h"

static int add_option(struct fuse_args *args, const char *opt)
{
	return fuse_opt_add_arg(args, "-o") || fuse_opt_add_arg(args, opt);
}

/* Names may hold commas. */
static int add_name(struct fuse_args *args, const char *image)
{
	char *name = NULL, *opts = NULL;
	int rc = -1;

	if (asprintf(&name, "fsname=%s", image) >= 0 &&
	    fuse_opt_add_opt_escaped(&opts, name) == 0)
		rc = add_option(args, opts);
	free(name);
	free(opts);
	return rc;
}

/* What libfuse and the kernel are to know about the mount. */
static int mount_options(struct fs *fs, struct fuse_args *args)
{
	char max_read[32];
	int rc;

	snprintf(max_read, sizeof(max_read), "max_read=%u", fs->max_read);
	rc = add_name(args, fs->disk.name) ||
	     add_option(args, "subtype=vhdfuse,default_permissions") ||
	     add_option(args, max_read) ||
	     add_option(args, fs->read_only ? "ro" : "rw");
	if (rc == 0 && fs->opts->allow_other)
		rc = add_option(args, "allow_other");
	if (rc == 0 && fs->opts->debug)
		rc = add_option(args, "debug");
	return rc;
}

/*
 * libfuse takes off whatever is at the mount point, unless its descriptor says
 * that the mount is gone.  When another one may be there, the descriptor becomes
 * one that says so: a pipe that nobody reads.
 */
static void forget_mount(struct fuse_session *se)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return;
	close(ends[0]);
	dup3(ends[1], fuse_session_fd(se), O_CLOEXEC);
	close(ends[1]);
}

static int mount_and_serve(struct fs *fs, struct fuse_args *args,
			   const char *mountpoint, int token)
{
	int rc = -1;

	if (mount_options(fs, args) != 0) {
		log_line(fs->log, "out of memory");
		return -1;
	}
	/* What cannot be mounted is explained by libfuse. */
	fs->se = fuse_session_new(args, &fs_ops, sizeof(fs_ops), fs);
	if (fs->se == NULL)
		return -1;
	if (fuse_session_mount(fs->se, mountpoint) == 0) {
		rc = wire_attach(fs);
		if (rc == 0)
			rc = life_run(fs, mountpoint, token);
		if (fs->dev != 0 && !mountpoint_is(mountpoint, fs->dev))
			forget_mount(fs->se);
		fuse_session_unmount(fs->se);
	}
	fuse_session_destroy(fs->se);
	fs->se = NULL;
	return rc;
}

static int run_mount(struct options *o, struct log *log, int token)
{
	struct fs *fs = calloc(1, sizeof(*fs));
	char *mountpoint = NULL;
	enum mountpoint_kind kind;
	int rc = -1;

	if (fs == NULL || allowed_check(o) != 0)
		goto out;
	kind = mountpoint_look(o->mountpoint, &mountpoint);
	if (kind == MOUNTPOINT_BAD)
		goto out;
	if (fs_init(fs, o, log, kind == MOUNTPOINT_FILE))
		goto out;
	rc = mount_and_serve(fs, &o->fuse, mountpoint, token);
	/* The image is closed in order whatever happened before. */
	if (disk_close(&fs->disk, log))
		rc = -1;
	fs_free(fs);
out:
	free(mountpoint);
	free(fs);
	return rc != 0 ? 1 : 0;
}

static int run(struct options *o)
{
	struct log log;
	int rc, token = -1;

	allowed_messages();
	if (!o->foreground) {
		token = daemon_begin();
		if (token < 0)
			return 1;
	}
	log_init(&log);
	if (o->log != NULL) {
		rc = log_to(&log, o->log);
		if (rc != 0) {
			fprintf(stderr, "vhdfuse: log=%s: cannot be opened: "
				"%s\n", o->log, strerror(rc));
			return 1;
		}
	}
	life_block_signals();
	rc = run_mount(o, &log, token);
	log_close(&log);
	return rc;
}

int main(int argc, char **argv)
{
	struct options o;
	int rc = options_parse(&o, argc, argv);

	if (rc == 0) {
		switch (o.action) {
		case ACTION_MOUNT:
			rc = run(&o);
			break;
		case ACTION_UNMOUNT:
			rc = unmount_and_wait(o.image);
			break;
		case ACTION_HELP:
			options_help();
			break;
		case ACTION_VERSION:
			printf("vhdfuse %s, libfuse %s\n", vhd_version_string(),
			       fuse_pkgversion());
			break;
		case ACTION_NOTHING:
			break;
		}
	}
	options_free(&o);
	return rc;
}
