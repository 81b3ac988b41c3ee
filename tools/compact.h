/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_COMPACT_H
#define VHD_TOOLS_COMPACT_H

/* What the file systems of an image do not use, for vhd_compact(). */

#include "common/fs/fs.h"
#include "json.h"

/**
 * struct compact_fs - the question to common/fs, and its answer
 *
 * @asked:  vhd_compact() came to it, and @report is filled
 * @report: about 100 KiB
 */
struct compact_fs {
	bool asked;
	struct fs_report report;
};

/* A vhd_unused_fn whose argument is a struct compact_fs. */
int compact_fs_unused(void *arg, struct vhd_image *img, vhd_range_fn emit,
		      void *emit_arg, struct vhd_error *err);

/* Was a file system recognised and not understood? */
bool compact_fs_left_alone(const struct compact_fs *fs);
/* A table of the partitions, and what was found in them. */
void compact_fs_print(const struct compact_fs *fs);
json_t *compact_fs_object(const struct compact_fs *fs);

#endif
