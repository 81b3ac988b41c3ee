/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHDFUSE_LOOP_H
#define VHDFUSE_LOOP_H

#include "fs.h"

struct loop;

/*
 * loop_start - serve requests on up to @threads threads; 0: as many as are good
 *
 * @done: an eventfd that is written to when the file system was unmounted
 *
 * Returns: NULL without memory or threads.
 */
struct loop *loop_start(struct fuse_session *se, unsigned int threads,
			int done);

/* loop_stop - end the threads, even if the file system is still mounted */
void loop_stop(struct loop *l);

#endif
