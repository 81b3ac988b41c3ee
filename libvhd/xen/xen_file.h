/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_XEN_XEN_FILE_H
#define VHD_XEN_XEN_FILE_H

/* One VHD, alone and locked, whose headers are about to be changed. */

#include "vhd1/vhd1_priv.h"

struct xen_file {
	struct vhd_io *io;
	struct vhd1 *v;
	uint64_t size;			/* of the file or device */
	bool device;
};

/* As vhd_open() for writing: by a writer of the engine's, or past it. */
enum xen_file_how { XEN_FILE_WRITER, XEN_FILE_PAST };

/* Errors name the file; after one there is nothing to close. */
int vhd_xen_file_open(const char *path, enum xen_file_how how,
		      const struct vhd_open_opts *open, struct xen_file *out,
		      struct vhd_error *err);
/* The same for who finds the footer himself: @out->v is NULL. */
int vhd_xen_file_lock(const char *path, const struct vhd_open_opts *open,
		      struct xen_file *out, struct vhd_error *err);

/* @io, which is taken over, instead of a name; no lock. */
int vhd_xen_file_use(struct vhd_io *io, enum xen_file_how how,
		     struct xen_file *out, struct vhd_error *err);

/* @rc is how the work went; the first failure. */
int vhd_xen_file_close(struct xen_file *f, int rc, struct vhd_error *err);

/* What vhd_xen_repair(), vhd_xen_set_end() and vhd_xen_forget() do to a file that is
 * open: the first two past the writer, the last one with it. */
int vhd_xen_file_repair(struct xen_file *f, struct vhd_error *err);
int vhd_xen_file_set_end(struct xen_file *f, uint64_t end,
			 struct vhd_error *err);
int vhd_xen_file_forget(struct xen_file *f, struct vhd_error *err);

/* What vhd_xen_wrap() and vhd_xen_unwrap() do to a file that is open; @end is that
 * of the disk.  Durable when they return. */
int vhd_xen_wrap_io(struct vhd_io *io, struct vhd_error *err);
int vhd_xen_unwrap_io(struct vhd_io *io, uint64_t end, struct vhd_error *err);

/* How the engine is opened. */
struct vhd_engine_open vhd_xen_file_req(const struct xen_file *f,
					enum xen_file_how how);

#endif
