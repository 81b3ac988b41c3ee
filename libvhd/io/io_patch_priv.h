/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IO_IO_PATCH_PRIV_H
#define VHD_IO_IO_PATCH_PRIV_H

/* What the parts of io_patch share. */

#include "io/io_patch.h"
#include "io/io_patch_map.h"

/*
 * What was changed between two flushes.  Making it happen: cut the file to
 * @low, make the changes of the map, set the size to @size.
 */
struct vhd_patch_epoch {
	struct vhd_patch_epoch *next;
	struct vhd_prange_map map;	/* owns its pages */
	uint64_t start;			/* size at the beginning */
	uint64_t low;			/* smallest size */
	uint64_t size;			/* size at the end */
	/* What its copies read lies between these. */
	uint64_t src_low, src_end;
};

struct vhd_patch {
	struct vhd_io *base;
	uint64_t base_size;
	uint64_t base_end;	/* bytes of the base from here on were cut off */
	uint64_t size;		/* of the views */
	struct vhd_prange_pool pool;
	struct vhd_prange_map now;	/* borrows the pages of the epochs */
	struct vhd_patch_epoch *first, *last;
	bool sealed;		/* the next change begins an epoch */
	vhd_progress_fn progress;	/* may be NULL */
	void *progress_arg;
};

/* Like a backend's functions: 0 or -errno. */
int vhd_patch_get(struct vhd_patch *p, void *buf, size_t len, uint64_t off);
/* Of the base, whatever was changed; zeros past its end. */
int vhd_patch_get_base(struct vhd_patch *p, void *buf, size_t len,
		       uint64_t off);
int vhd_patch_put(struct vhd_patch *p, const void *buf, size_t len,
		  uint64_t off);
int vhd_patch_clear(struct vhd_patch *p, enum vhd_prange_kind kind,
		    uint64_t len, uint64_t off);
int vhd_patch_put_range(struct vhd_patch *p, const struct vhd_prange *range);
int vhd_patch_resize(struct vhd_patch *p, uint64_t size);
void vhd_patch_seal(struct vhd_patch *p);

/*
 * The next stored run of what a copy reads, from *at on, which moves behind it;
 * its borders are those of sectors of the target, so that none is torn.  False:
 * there is none.
 */
bool vhd_patch_copy_run(const struct vhd_patch *p, const struct vhd_prange *n,
			struct vhd_io *io, uint64_t *at, uint64_t *start_out,
			uint64_t *stop_out, int *rc, struct vhd_error *err);

/* Sets @err for @rc, a negative errno. */
int vhd_patch_fail(const struct vhd_patch *p, int rc, uint64_t off,
		   const char *what, uint64_t len, struct vhd_error *err);
/* The errno behind a failure of an io. */
int vhd_patch_errno(const struct vhd_error *e);

#endif
