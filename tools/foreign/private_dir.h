/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_FOREIGN_PRIVATE_DIR_H
#define VHD_TOOLS_FOREIGN_PRIVATE_DIR_H

/* A temporary folder that nobody else may enter, with a few files in it. */

#include <stdint.h>

#include <vhd/vhd.h>

enum { PRIVATE_PATH = 108 };		/* what fits the address of a socket */

struct private_dir {
	char path[PRIVATE_PATH - 16];	/* empty: there is none */
};

int private_dir_make(struct private_dir *dir, struct vhd_error *err);

/* A link in it, named @name, to a descriptor of ours. */
int private_dir_link(const struct private_dir *dir, const char *name, int fd,
		     struct vhd_error *err);

/* A file in it with these bytes. */
int private_dir_put(const struct private_dir *dir, const char *name,
		    const char *text, size_t len, struct vhd_error *err);

/* Removes it and what is in it.  Not there is fine. */
void private_dir_remove(struct private_dir *dir);

#endif
