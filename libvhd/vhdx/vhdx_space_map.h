/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHDX_SPACE_MAP_H
#define VHD_VHDX_SPACE_MAP_H

#include "base/ckd.h"
#include "vhd/error.h"

/*
 * No file needs to be longer: 64 TiB of blocks, their bitmaps and tables.  What
 * lies behind it is not looked at, and nothing is put there.
 */
#define VHDX_FILE_LEN_MAX (66 * TiB)

/* One bit for each MiB of the file: in use.  Past @mib_count nothing is known. */
struct vhdx_space {
	uint8_t *map;
	uint64_t mib_count;
};

int vhdx_space_init(struct vhdx_space *s, uint64_t file_size,
		    struct vhd_error *err);
void vhdx_space_free(struct vhdx_space *s);
/*
 * Marks a range.  Returns true when a part of it was marked already;
 * *@mib_out is then the first such MiB.
 */
bool vhdx_space_mark(struct vhdx_space *s, uint64_t off, uint64_t len,
		     uint64_t *mib_out);
/*
 * Of @count MiB from @mib on, those before the first that is marked; they are
 * marked then, but only a multiple of @unit of them.
 */
uint64_t vhdx_space_take_free(struct vhdx_space *s, uint64_t mib,
			      uint64_t count, uint64_t unit);
/* Unmarked MiB among the first @count. */
uint64_t vhdx_space_unused(const struct vhdx_space *s, uint64_t count);

#endif
