/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHDFUSE_OPTIONS_H
#define VHDFUSE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fuse_opt.h>

#include <vhd/vhd.h>

/* What the program was started for. */
enum action {
	ACTION_MOUNT,
	ACTION_UNMOUNT,		/* -u */
	ACTION_HELP,
	ACTION_VERSION,
	ACTION_NOTHING		/* mount -f: only pretend */
};

/* enum cache_mode - what the kernel keeps */
enum cache_mode {
	CACHE_WRITEBACK,	/* pages, written back later (the default) */
	CACHE_NORMAL,		/* pages, written through */
	CACHE_NONE		/* nothing */
};

/* A list of words, ended by NULL. */
struct words {
	char **word;
	size_t count;
};

/**
 * struct options - the command line, understood
 *
 * @image:      absolute where it exists
 * @mountpoint: as given
 * @read_only:  asked for; @read_write likewise, so that no fallback is wanted
 * @overlay:    image that takes the writes, or NULL
 * @snapshot:   writes are thrown away
 * @partition:  the one to show instead of the disk; 0: none
 * @layer:      the layer to show, counted from the base; -1: the top
 * @umask:      -1: files are as visible as the image is
 * @uid, @gid:  owner of the files
 * @fuse:       what is left for libfuse
 */
struct options {
	enum action action;
	char *image;
	char *mountpoint;
	bool read_only;
	bool read_write;
	bool foreground;
	bool debug;
	bool layers;
	bool snapshot;
	bool write_parent;
	bool allow_other;
	char *overlay;
	char *log;
	enum cache_mode cache;
	enum vhd_format format;
	uint32_t open_flags;		/* VHD_OPEN_* about parents */
	struct words parents;
	struct words parent_dirs;
	uint64_t offset;
	uint64_t size_limit;		/* 0: none */
	uint32_t threads;		/* 0: as many as are good */
	uint32_t partition;
	int32_t layer;
	int32_t umask;
	uint32_t uid;
	uint32_t gid;
	struct fuse_args fuse;
};

/*
 * options_parse - read the command line
 *
 * Called as mount.SOMETHING, it takes what mount(8) passes to its helpers.
 *
 * Returns: 0; or the status to exit with, having said why on stderr.
 */
int options_parse(struct options *o, int argc, char **argv);

void options_free(struct options *o);

/* options_help - what --help prints */
void options_help(void);

#endif
