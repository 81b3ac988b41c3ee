/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHDFUSE_LIFE_H
#define VHDFUSE_LIFE_H

#include "fs.h"

/*
 * life_block_signals - before the first thread: signals are for life_run()
 */
void life_block_signals(void);

/*
 * life_run - serve until the file system is unmounted
 *
 * A first SIGTERM, SIGINT or SIGHUP has the kernel write back what it holds and
 * unmounts; while somebody still uses the mount, serving goes on.  A second one
 * within five seconds ends it all the same.
 *
 * @mountpoint: its absolute name
 * @token:      of daemon_begin(), or -1 in the foreground
 *
 * Returns: 0, or -1 when serving could not begin.
 */
int life_run(struct fs *fs, const char *mountpoint, int token);

#endif
