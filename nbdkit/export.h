/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_NBDKIT_EXPORT_H
#define VHD_NBDKIT_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "api.h"
#include "disk.h"

/**
 * struct export - what one connection sees
 *
 * @disk:     in use until export_close()
 * @img:      the disk, or the view of one of its layers
 * @view:     @img if that is a view, to be closed; else NULL
 * @off:      first byte in @img
 * @len:      bytes
 * @writable: the client may write
 * @unit:     bytes that are best read and written at once
 * @text:     one line about it
 */
struct export {
	struct disk *disk;
	struct vhd_image *img;
	struct vhd_image *view;
	uint64_t off;
	uint64_t len;
	bool writable;
	uint32_t unit;
	char text[256];
};

/*
 * export_open - the export of that name
 *
 * @name:     as the client gave it; empty for the default
 * @readonly: the client may not write
 *
 * Returns: NULL after saying why not.
 */
struct export *export_open(struct disk *disk, const char *name, bool readonly);
void export_close(struct export *ex);

/*
 * exports_list - tell nbdkit of all there are; 0 or -1
 *
 * @list: may be NULL, to see whether there is the default one
 */
int exports_list(struct disk *disk, struct nbdkit_exports *list);

#endif
