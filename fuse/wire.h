/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHDFUSE_WIRE_H
#define VHDFUSE_WIRE_H

#include "fs.h"

/*
 * The last step before the kernel.
 *
 * libfuse answers by itself when pages cannot be handed over, with whatever
 * errno the image's file gave.  All answers pass here, so that such a one says
 * what a disk says, and is logged.
 */

/* wire_attach - after fuse_session_mount(); returns 0 or -1, reason logged */
int wire_attach(struct fs *fs);

/* wire_reply_pages - fuse_reply_data() of a read at @off */
void wire_reply_pages(fuse_req_t req, struct fuse_bufvec *vec, uint64_t off);

#endif
