/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IO_CACHEHINT_H
#define VHD_IO_CACHEHINT_H

/*
 * What we know about a file that the system's cache does not: hints, which do
 * nothing where there is no descriptor or the system does not take them.
 */

#include "io/io.h"

/*
 * What was written there should be on its way to the disk; nobody waits for it.
 * @len 0: all from @off on.
 */
void vhd_io_writeback_start(struct vhd_io *io, uint64_t off, uint64_t len);

/*
 * Nobody will ask for these bytes again.  Of a file that is open for writing they
 * are brought to the disk first: VHD_E_IO when that fails, and then they are lost,
 * and the next flush does not know of it any more.  @len 0: all from @off on.
 */
int vhd_io_forget(struct vhd_io *io, uint64_t off, uint64_t len,
		  struct vhd_error *err);

/*
 * A trail follows somebody who writes a file roughly front to back.  Some way
 * behind, what was written starts on its way to the disk, so that a flush in the
 * end has little left to do; further behind, with @forget, it leaves the cache.
 * Distances are in bytes that were written: gaps do not count.
 */
struct vhd_trail;

/* NULL: there is no memory.  @io must outlive it. */
struct vhd_trail *vhd_trail_new(struct vhd_io *io, bool forget);
void vhd_trail_free(struct vhd_trail *t);

/*
 * These bytes were written.  By any number of threads.  VHD_E_IO when bytes that
 * were written before could not be brought to the disk: the file is spoilt, and
 * every call from then on says so.
 */
int vhd_trail_wrote(struct vhd_trail *t, uint64_t off, uint64_t len,
		    struct vhd_error *err);

/* All was written: starts what is left, and with @forget empties the cache. */
int vhd_trail_end(struct vhd_trail *t, struct vhd_error *err);

#endif
