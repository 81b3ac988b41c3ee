/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_FOREIGN_QEMU_GRAPH_H
#define VHD_TOOLS_FOREIGN_QEMU_GRAPH_H

/*
 * An image as QEMU is told of it: its format, named and not guessed, and
 * descriptors instead of file names.
 */

#include "foreign/private_dir.h"
#include "foreign/vmdk_text.h"

enum { GRAPH_FDS = VMDK_EXTENTS + 1 };

/**
 * struct qemu_graph - what qemu-nbd is to open
 *
 * @text: for its command line
 * @fds:  that the text names; closed by qemu_graph_free()
 * @dir:  with files that it names; empty: there are none
 * @driver: QEMU's word for the format of a source
 * @len:  bytes of a source's file; 0: its data is in others
 * @open_end: a source was not closed by who wrote it last
 */
struct qemu_graph {
	char *text;
	int fds[GRAPH_FDS];
	size_t fd_count;
	struct private_dir dir;
	const char *driver;
	uint64_t len;
	bool open_end;
};

/**
 * struct qemu_source - an image that is read
 *
 * @name:    path, also for messages
 * @off:     where it begins in the file
 * @len:     its bytes; 0: all of the file
 * @follow:  QEMU may open what it names
 * @no_lock: somebody may be changing it
 */
struct qemu_source {
	const char *name;
	uint64_t off;
	uint64_t len;
	bool follow;
	bool no_lock;
};

/*
 * qemu_graph_source - look at an image and describe it
 *
 * @fd: of the file, closed here in any case
 *
 * Returns: 0; VHD_E_UNSUPPORTED when QEMU does not know it or cannot have it,
 *          VHD_E_POLICY when it names other files, VHD_E_IO, VHD_E_NOMEM.
 */
int qemu_graph_source(const struct qemu_source *src, int fd,
		      struct qemu_graph *graph, struct vhd_error *err);

/* The same of a file that is written; @fd as above. */
int qemu_graph_target(const char *driver, int fd, struct qemu_graph *graph,
		      struct vhd_error *err);

/* All zero is fine. */
void qemu_graph_free(struct qemu_graph *graph);

/* A descriptor for the graph, which gets it in any case: its number or -1. */
int qemu_graph_fd(struct qemu_graph *graph, int fd);

/*
 * vmdk_parts_open - put the files of a VMDK together, from its text
 *
 * A folder gets a text of our own, "disk.vmdk", that says the same, and links to
 * the files, which have to lie beside the original.
 */
int vmdk_parts_open(const char *path, int fd, struct qemu_graph *graph,
		    struct vhd_error *err);

#endif
