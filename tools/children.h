/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_CHILDREN_H
#define VHD_TOOLS_CHILDREN_H

#include "cli.h"

/*
 * children_refuse - before a disk is written to: are there children of it?
 *
 * Whoever writes to a parent spoils its children (VHD-D-5, VHDX-PAR-19).  Those
 * that lie beside it are known.
 *
 * Returns: CLI_GO; CLI_FAILED, having named one, unless @orphan.
 */
int children_refuse(struct cli *cli, struct vhd_image *img, bool orphan);

#endif
