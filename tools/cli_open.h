/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_CLI_OPEN_H
#define VHD_TOOLS_CLI_OPEN_H

/*
 * The options that say how an image and its parents are opened, shared by all
 * verbs that read one.
 */

#include "cli.h"

/* Their `val` codes start here; those of verbs stay below. */
enum { CLI_OPEN_FIRST = 1000 };

/* --parent-dir, --any-parent-dir, --ignore-parent-id */
extern const struct poptOption cli_open_where_opts[];
/* the same and --no-lock */
extern const struct poptOption cli_open_base_opts[];
/* that and --parent */
extern const struct poptOption cli_open_opts[];

/* for verbs that write: the same without --no-lock */
extern const struct poptOption cli_open_write_opts[];

/**
 * struct cli_open - how to open, from the options
 *
 * @held: while an image is being opened, what the library remarks about it;
 *        printed only when that succeeds, so that a failure stays one sentence
 */
struct cli_open {
	struct cli *cli;
	struct vhd_open_opts opts;
	FILE *held;
	const char **parents;
	const char **dirs;
	size_t parent_count, dir_count;
};

/* Returns CLI_GO, or CLI_FAILED when there is no memory. */
int cli_open_init(struct cli_open *open, struct cli *cli);
void cli_open_free(struct cli_open *open);

/* vhd_open(), with the remarks held back as said above */
int cli_open_image(struct cli_open *open, const char *path,
		   struct vhd_image **img_out, struct vhd_error *err);

/* The same with vhd_stream_open(). */
int cli_open_stream(struct cli_open *open, const struct vhd_stream *stream,
		    struct vhd_image **img_out, struct vhd_error *err);

/* Does the name promise an image, so that raw bytes in it are a mistake? */
bool cli_named_as_image(const char *path);

/*
 * May a file that is no image be taken as a raw disk?  Not under the name of an
 * image, and not when it is known to be something else.
 */
bool cli_guess_raw(const char *path);

/*
 * The same about a parent, which the library guesses for a child that Xen is to
 * use; *@err says what it is.
 */
bool cli_foreign_parent(const struct cli_open *open, const char *path,
			struct vhd_error *err);

/* Takes one option of the tables above. */
int cli_open_option(struct cli_open *open, int val, const char *text);

#endif
