/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_GZ_IN_H
#define VHD_TOOLS_GZ_IN_H

/* Unpacks gzip: members one behind the other are one stream (RFC 1952, 2.2). */

#include <stdbool.h>

#include "fd_in.h"

enum { GZ_IN_MARK = 4 };	/* bytes that gz_in_is() looks at */

struct gz_in;

bool gz_in_is(const unsigned char *bytes, size_t len);

/* NULL: no memory. @from outlives it. */
struct gz_in *gz_in_new(struct fd_in *from);
void gz_in_free(struct gz_in *gz);

/* Takes a struct gz_in; bytes or -errno, and then gz_in_why() has a sentence
 * unless the source failed. */
int64_t gz_in_read(void *gz, void *buf, size_t len);
const char *gz_in_why(const struct gz_in *gz);

/* Behind the end there was something that is no gzip, and was left alone. */
bool gz_in_trailing(const struct gz_in *gz);

#endif
