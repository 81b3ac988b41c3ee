/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IO_NAMELESS_H
#define VHD_IO_NAMELESS_H

#include "io/io.h"

/*
 * A file in @dir that nobody can find and that is gone when it is closed, also
 * for a process that is killed: made without a name, or, where the file system
 * knows no such files, under one that is removed at once.  @name is what errors
 * call it.
 */
int vhd_io_new_nameless(const char *dir, const char *name,
			struct vhd_io **io_out, struct vhd_error *err);

#endif
