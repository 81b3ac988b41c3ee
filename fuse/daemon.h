/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHDFUSE_DAEMON_H
#define VHDFUSE_DAEMON_H

/*
 * Going into the background, so that who started us learns how it went: the
 * server is a child from the beginning, before there are locks and threads, and
 * its parent stays until the mount stands or failed.
 */

/*
 * daemon_begin - returns in the child
 *
 * The parent ends with status 0 once the child called daemon_ready(), or with
 * the child's own status.
 *
 * Returns: what to give to daemon_ready(), or -1.
 */
int daemon_begin(void);

/* daemon_ready - leave the terminal and let the parent go */
void daemon_ready(int token);

#endif
