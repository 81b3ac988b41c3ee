/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_SURVEY_H
#define VHD_OPS_SURVEY_H

/* The image files of a folder, by their names: .vhd .avhd .vhdx .avhdx */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	VHD_SURVEY_FILES = 65536,	/* images that are told of */
	VHD_SURVEY_NAMES = 1 << 20,	/* names that are looked at */
	VHD_SURVEY_DEPTH = 8		/* folders below folders */
};

struct vhd_survey {
	/* To be filled in: told of each; false ends it. */
	bool (*file)(void *arg, const char *path);
	void *arg;
	unsigned int depth;	/* 0: no folder below; VHD_SURVEY_DEPTH at most */

	/* Counted up, over all calls. */
	uint32_t files, names, dirs;
	bool cut;		/* a limit was reached */
	bool nomem;
};

/*
 * Goes through @dir.  Links to files count as files, links to folders are not
 * followed, devices and the like are passed over.  A folder that cannot be read
 * is empty.
 */
void vhd_survey(struct vhd_survey *s, const char *dir);

#endif
