/* SPDX-License-Identifier: BSD-2-Clause */
#include "ops/stream_front.h"

#include <sys/mman.h>

#include "base/ckd.h"
#include "io/io_posix_fd.h"
#include "io/nameless.h"

/* The table of 8 TiB in blocks of 2 MiB, or of 64 TiB in those of 32. */
#define MEMORY_MOST (32 * MiB)

int vhd_front_new(uint64_t room, const char *dir, struct vhd_io **io_out,
		  struct vhd_error *err)
{
	int fd = -1;

#ifdef MFD_CLOEXEC
	if (room <= MEMORY_MOST)
		fd = memfd_create("vhd-stream", MFD_CLOEXEC);
#endif
	if (fd >= 0)
		return vhd_io_new_fd(fd, "the image's tables", true, io_out,
				     err);
	return vhd_io_new_nameless(dir ? dir : "/var/tmp", "the image's tables",
				   io_out, err);
}
