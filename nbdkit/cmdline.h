/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_NBDKIT_CMDLINE_H
#define VHD_NBDKIT_CMDLINE_H

#include <stdbool.h>

/* cmdline_wants_writing - is it certain that clients will want to write? */
bool cmdline_wants_writing(void);

#endif
