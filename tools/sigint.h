/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_SIGINT_H
#define VHD_TOOLS_SIGINT_H

#include <stdbool.h>

/*
 * sigint_catch - from here on SIGINT, SIGTERM, SIGHUP only set a flag
 *
 * A second signal of the same kind kills, as usual.  What ignored them before
 * (nohup, a background job) goes on ignoring them.
 */
void sigint_catch(void);

/* sigint_seen - has one arrived? */
bool sigint_seen(void);

#endif
