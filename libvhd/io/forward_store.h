/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IO_FORWARD_STORE_H
#define VHD_IO_FORWARD_STORE_H

/*
 * Bytes that arrive one after the other and are kept: the first of them that
 * are not zeros in memory, and when these get too many, all in a nameless file.
 * Zeros are holes.
 */

#include "io/io.h"

enum { FORWARD_STORE_MEMORY = 16 << 20 };

struct forward_store {
	struct vhd_io *io;
	uint64_t len;		/* bytes that were given */
	uint64_t stored;	/* of these, while in memory: not zeros */
	bool in_file;
	const char *dir;	/* for the file; NULL: there must be none */
	const char *name;
};

int vhd_forward_store_open(struct forward_store *s, const char *dir,
			   const char *name, struct vhd_error *err);
void vhd_forward_store_close(struct forward_store *s);

/* VHD_E_UNSUPPORTED when a file is needed and may not be. */
int vhd_forward_store_append(struct forward_store *s, const void *buf,
			     size_t len, struct vhd_error *err);

/* Everything has come: the file, as long as it should be; the caller's. */
int vhd_forward_store_take(struct forward_store *s, struct vhd_io **io_out,
			   struct vhd_error *err);

#endif
