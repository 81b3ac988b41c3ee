/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHDFUSE_ALLOWED_H
#define VHDFUSE_ALLOWED_H

#include "options.h"

/*
 * allowed_check - may this user mount at all, and the way he wants to?
 *
 * libfuse and fusermount3 would find out as well, and say less.
 *
 * Returns: 0, or -1 with the reason on stderr.
 */
int allowed_check(const struct options *o);

/* allowed_messages - what libfuse has to say is said in our name */
void allowed_messages(void);

#endif
