/* SPDX-License-Identifier: BSD-2-Clause */
#include "children.h"

#include "errors.h"

int children_refuse(struct cli *cli, struct vhd_image *img, bool orphan)
{
	struct vhd_error err = { .code = VHD_OK };

	if (orphan || vhd_refuse_children(img, &err) == 0)
		return CLI_GO;
	return error_report(cli, &err, vhd_layer_path(img, 0));
}
