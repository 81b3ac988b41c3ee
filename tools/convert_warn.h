/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_CONVERT_WARN_H
#define VHD_TOOLS_CONVERT_WARN_H

/* What a person should hear of a conversion that went well. */

#include "cli.h"

/* @size is what is converted of @path, a VHD of which another program may have
 * shown its guest more or less. */
void convert_warn_size(struct cli *cli, const char *path,
		       const struct vhd_open_opts *how, uint64_t size);
void convert_warn_missing(struct cli *cli, const char *path, bool stream,
			  const struct vhd_convert_result *r);
/* Of the new disk: other sectors, a GPT whose backup is in the wrong place. */
void convert_warn_target(struct cli *cli, const char *dst,
			 struct vhd_image *src,
			 const struct vhd_convert_result *r);
/* @dst has a name by which other programs take it for another format than it
 * has: @foreign, or else @format. */
void convert_warn_name(struct cli *cli, const char *dst,
		       enum vhd_format format, const char *foreign);

#endif
