/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_SOURCE_H
#define VHD_TOOLS_SOURCE_H

/*
 * Where a disk that is converted comes from: a file, a stream (standard input,
 * a gzip file), a server of NBD, or a file of another program, read through
 * qemu-nbd.  Whatever it is, it is an image that the library has open.
 */

#include <sys/stat.h>

#include "cli_open.h"

/**
 * struct source_how - what is to be opened
 *
 * @name:          as the user gave it
 * @open:          formats, parents; flags may be added to its options
 * @spool_dir:     where a temporary file may be made; NULL: nowhere
 * @disk_size:     bytes of a raw disk that comes as a stream; 0: not known
 * @allow_backing: an image of another program may name files that it reads
 * @disk:          which disk of an archive; 0: the only one
 * @again:         it is read more than once
 * @in_order:      it is read front to back, for a target that is a stream
 */
struct source_how {
	struct cli *cli;
	struct cli_open *open;
	const char *name;
	const char *spool_dir;
	uint64_t disk_size;
	bool allow_backing;
	unsigned disk;
	bool again;
	bool in_order;
};

/**
 * struct source - an open source
 *
 * @img:  the disk
 * @more: what lies below it
 * @holds: is a file one of those that it is read from?  NULL: only what the
 *        library knows and the one that the user named
 * @end:  releases that once the image is closed; returns a status, having
 *        reported; NULL: nothing to do
 */
struct source {
	struct vhd_image *img;
	void *more;
	bool (*holds)(void *more, const struct stat *file);
	int (*end)(struct cli *cli, void *more);
	bool stream;		/* comes front to back, once */
	bool archive;		/* it had the disk that was chosen */
	uint32_t threads;	/* that it likes to be read by; 0: no matter */
};

/* Why @name, which need not exist, must not be written: the disk is read from
 * it.  NULL: it is not, or the library knows. */
const char *source_has(const struct source_how *how, const struct source *src,
		       const char *name);

/* Returns CLI_GO, or a status after it has said what is wrong. */
int source_open(const struct source_how *how, struct source *src);

/* Returns @status, or why closing failed if that was CLI_OK.  A source that was
 * not opened (all zero) is fine. */
int source_close(const struct source_how *how, struct source *src, int status);

/* The kinds; each is asked in this order.  *mine_out false: not of this kind. */
int source_nbd_open(const struct source_how *how, struct source *src,
		    bool *mine_out);
int source_stream_open(const struct source_how *how, struct source *src,
		       bool *mine_out);

#endif
