/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_FOREIGN_VMDK_TEXT_H
#define VHD_TOOLS_FOREIGN_VMDK_TEXT_H

/* The text that describes a VMDK: of which files it consists, which parent. */

#include <stddef.h>
#include <stdint.h>

#include <vhd/vhd.h>

enum { VMDK_TEXT_MOST = 64 * 1024, VMDK_EXTENTS = 200, VMDK_NAME = 256 };

/**
 * struct vmdk_extent - one file of a VMDK
 *
 * @sectors: of the disk, that it holds
 * @type:    "FLAT", "SPARSE", ...
 * @start:   FLAT: where they begin in the file, in sectors
 */
struct vmdk_extent {
	uint64_t sectors;
	char type[16];
	char name[VMDK_NAME];
	uint64_t start;
};

/*
 * vmdk_text_parent - does the disk go on in a parent?
 *
 * @name: receives its name, as far as it is recorded and there is room
 */
bool vmdk_text_parent(const char *text, char *name, size_t room);

/* "createType", or an empty text. */
void vmdk_text_type(const char *text, char *type, size_t room);

/*
 * vmdk_text_extents - the files
 *
 * @extents: room for VMDK_EXTENTS of them
 * @why_out: what is wrong, when something is
 *
 * Returns: their number, or -1.
 */
int vmdk_text_extents(const char *text, struct vmdk_extent *extents,
		      const char **why_out);

#endif
