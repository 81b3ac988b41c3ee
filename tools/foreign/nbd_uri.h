/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_FOREIGN_NBD_URI_H
#define VHD_TOOLS_FOREIGN_NBD_URI_H

#include <stdbool.h>

/* Is it the address of a server of NBD, such as nbd+unix:///?socket=S? */
bool nbd_uri_is(const char *name);

#endif
