/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_FOREIGN_QEMU_NBD_H
#define VHD_TOOLS_FOREIGN_QEMU_NBD_H

/*
 * qemu-nbd, started for one image and for us alone.
 */

#include "foreign/nbd_io.h"
#include "foreign/private_dir.h"
#include "foreign/process.h"

/**
 * struct qemu_nbd_how - what it serves
 *
 * @name:     of the image, for messages
 * @graph:    the image in QEMU's terms, "json:{...}"
 * @fds:      that the graph names
 * @dir:      where the names in the graph are; may be a folder without a path.
 *            It is removed once the image is open
 * @writable: else it is only read
 * @durable:  a flush waits for the disk
 */
struct qemu_nbd_how {
	const char *name;
	const char *graph;
	const int *fds;
	size_t fd_count;
	struct private_dir *dir;
	bool writable;
	bool durable;
};

struct qemu_nbd {
	struct process process;
	struct nbd_io *io;
};

#define QEMU_NBD_NONE { .process = PROCESS_NONE }

/* Returns: 0, VHD_E_UNSUPPORTED, VHD_E_BUSY, VHD_E_IO, VHD_E_CANCELLED. */
int qemu_nbd_start(const struct qemu_nbd_how *how, struct qemu_nbd *q,
		   struct vhd_error *err);

/*
 * qemu_nbd_finish - what was written is handed over: end it, and wait until it
 * has closed the image
 */
int qemu_nbd_finish(struct qemu_nbd *q, const char *name,
		    struct vhd_error *err);

/* Why its disk went away; false when it is still there. */
bool qemu_nbd_failed(struct qemu_nbd *q, const char *name,
		     struct vhd_error *err);

/* Ends it at once.  Never started is fine. */
void qemu_nbd_free(struct qemu_nbd *q);

#endif
