/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_XEN_RESIZE_H
#define VHD_XEN_RESIZE_H

/* The work of a resize, for files of any kind. */

#include "vhd/xen.h"
#include "xen/xen_grow.h"

/* A journal that is being made: its file, and how it comes into being. */
struct xen_journal_place {
	/* Opens the journal: where it was opened nothing of it can be seen. */
	int (*open)(void *arg, struct vhd_io **io_out, bool *device_out,
		    struct vhd_error *err);
	/* It is complete, and is to stay, under its name; from now on it is
	 * *@io. */
	int (*keep)(void *arg, struct vhd_io **io, struct vhd_error *err);
	/* There is nothing in it any more. */
	int (*drop)(void *arg, struct vhd_error *err);
	void *arg;
};

/* Within the room of the table. */
int vhd_xen_resize_fast(struct vhd_io *image, uint64_t size,
		    struct vhd_error *err);

/*
 * With a journal.  An error is one after which the image is as it was and there
 * is no journal, if that could be had; else the journal is kept.
 */
int vhd_xen_resize_journaled(struct vhd_io *image, uint64_t size,
			 const struct xen_journal_place *place,
			 const struct vhd_xen_resize_opts *opts,
			 struct vhd_error *err);

/* xen_revert.c: the journal is empty afterwards */
int vhd_xen_revert_io(struct vhd_io *image, struct vhd_io *journal,
		  struct vhd_error *err);

/* xen_journal_file.c: a file or device of the system. */
struct vhd_outfile;

struct xen_journal_file {
	const char *path;
	struct vhd_outfile *new;
	struct vhd_io *io;
	bool device;
};
extern const struct xen_journal_place vhd_xen_journal_file_place;
/* The file has no name any more; a device stays. */
int vhd_xen_journal_remove(const char *path, struct vhd_error *err);

#endif
