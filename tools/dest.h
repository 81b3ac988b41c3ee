/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_DEST_H
#define VHD_TOOLS_DEST_H

/*
 * Where a converted disk goes: a file, a stream (standard output, a gzip file),
 * a server of NBD, or a file of another program, written through qemu-nbd.
 */

#include "cli.h"
#include "progress.h"

enum { DEST_NO_GZIP = -1 };

/**
 * struct dest_how - what is to be made
 *
 * @name:    as the user gave it
 * @source:  what the user calls the disk
 * @img:     the disk
 * @convert: options; their progress is set to @pr here
 * @foreign: a format of another program, such as "qcow2"; NULL: by the name, or
 *           one of ours
 * @gzip:    level of the compression: 1 to 9, 0 for zlib's own choice,
 *           DEST_NO_GZIP: by the name
 * @gzip_threads: that compress; 0: as many as there are processors
 * @sync:    wait until it is on the disk
 */
struct dest_how {
	struct cli *cli;
	const char *name;
	const char *source;
	struct vhd_image *img;
	struct vhd_convert_opts *convert;
	struct progress *pr;
	const char *foreign;
	int gzip;
	unsigned gzip_threads;
	bool sync;
};

/* Is there such a format of another program? */
bool dest_foreign_format(const char *name);

/* Usage errors that can be told before the source is opened: CLI_GO or a
 * status. */
int dest_check(const struct dest_how *how);

/*
 * dest_write - convert
 *
 * Returns: CLI_OK, or a status after it has said what is wrong.
 */
int dest_write(const struct dest_how *how, struct vhd_convert_result *result);

/* How long the image would be: the same two for who only asks. */
int dest_size_check(const struct dest_how *how);
int dest_size_print(const struct dest_how *how, bool json);

/* The kinds: is it one, is it used rightly, and do it. */
bool dest_stream_is(const struct dest_how *how);
int dest_stream_check(const struct dest_how *how);
int dest_stream_write(const struct dest_how *how,
		      struct vhd_convert_result *result);
/* The format of the image, where the user left it to the name. */
void dest_stream_format(const struct dest_how *how);
bool dest_stream_gzip(const struct dest_how *how);
bool dest_nbd_is(const struct dest_how *how);
int dest_nbd_check(const struct dest_how *how);
int dest_nbd_write(const struct dest_how *how,
		   struct vhd_convert_result *result);

#endif
