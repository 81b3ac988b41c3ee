/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IO_MEM_H
#define VHD_IO_MEM_H

#include "io/io.h"

/*
 * A file in memory that grows, for tests and fuzzers.  @data (may be NULL) is
 * copied.  Ranges that were never written cost nothing: storage is in 64 KiB
 * pieces, so a 64 TiB file with a few pages in it is fine.
 */
int vhd_io_open_mem(const void *data, size_t len, struct vhd_io **io_out,
		    struct vhd_error *err);

/*
 * The same as a bare backend, for the wrappers: a handle and its table.  The
 * handle is NULL when there is no memory.
 */
extern const struct vhd_io_ops vhd_mem_ops;
void *vhd_mem_new(const void *data, size_t len);

#endif
