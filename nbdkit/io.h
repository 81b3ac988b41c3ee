/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_NBDKIT_IO_H
#define VHD_NBDKIT_IO_H

#include <stdint.h>

#include "api.h"

/*
 * Requests of a client, as nbdkit hands them to a plugin: the handle is a struct
 * export, the range lies inside it, flags are NBDKIT_FLAG_*.  Each returns 0,
 * or -1 after saying why.
 */
int io_pread(void *handle, void *buf, uint32_t count, uint64_t off,
	     uint32_t flags);
int io_pwrite(void *handle, const void *buf, uint32_t count, uint64_t off,
	      uint32_t flags);
int io_flush(void *handle, uint32_t flags);
int io_trim(void *handle, uint32_t count, uint64_t off, uint32_t flags);
int io_zero(void *handle, uint32_t count, uint64_t off, uint32_t flags);
int io_cache(void *handle, uint32_t count, uint64_t off, uint32_t flags);
int io_extents(void *handle, uint32_t count, uint64_t off, uint32_t flags,
	       struct nbdkit_extents *extents);

#endif
