/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IO_CANONICAL_H
#define VHD_IO_CANONICAL_H

#include <stdbool.h>

/*
 * The absolute name of an existing file that stays the same as long as the file
 * does (vhd_xen_canonical()).  It has no links in it, but for those of the
 * folders that vhd_path_is_kept() knows.  Belongs to the caller (vhd_free());
 * NULL, with errno, when there is none.
 */
char *vhd_path_canonical(const char *path);

/* Is @canonical a name that the system gives out for volumes? */
bool vhd_path_is_kept(const char *canonical);

#endif
