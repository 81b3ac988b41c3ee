/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_STREAM_FRONT_H
#define VHD_OPS_STREAM_FRONT_H

#include "io/io.h"

/*
 * A nameless file for @room bytes of tables, which may be sparse: in memory that
 * is not the program's when they are few, else in @dir (NULL: /var/tmp).
 */
int vhd_front_new(uint64_t room, const char *dir, struct vhd_io **io_out,
		  struct vhd_error *err);

#endif
