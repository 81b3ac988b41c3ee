/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_FOREIGN_NBD_IO_H
#define VHD_TOOLS_FOREIGN_NBD_IO_H

/*
 * What a server of NBD exports, as a file below an image (vhd/io.h).
 */

#include "foreign/nbd_link.h"

struct nbd_io;

/* As many reads as are worth being under way at once. */
enum { NBD_THREADS = 4 };
/* And writes, to one link or to qemu-nbd: more of them only cost. */
enum { NBD_WRITERS = 2 };

/* For disks that are read; tells holes. */
extern const struct vhd_io_ops nbd_io_reader;
/* For disks that are written; its length is what it is. */
extern const struct vhd_io_ops nbd_io_writer;

/*
 * nbd_io_open - connect, several times when the server can take it
 *
 * @where: its sockets that were not used are left to the caller
 *
 * Returns: as nbd_link_open().
 */
int nbd_io_open(const struct nbd_where *where, struct nbd_io **io_out,
		struct vhd_error *err);

/* As many writes as are worth it. */
uint32_t nbd_io_writers(const struct nbd_io *io);

uint64_t nbd_io_size(const struct nbd_io *io);
bool nbd_io_read_only(const struct nbd_io *io);

/* Does the server say that all of its disk reads as zeros? */
bool nbd_io_all_zero(struct nbd_io *io);

/* Did the server go away? */
bool nbd_io_lost(struct nbd_io *io);

/* NULL is fine. */
void nbd_io_close(struct nbd_io *io);

#endif
