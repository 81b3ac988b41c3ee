/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_NBDKIT_API_H
#define VHD_NBDKIT_API_H

/* nbdkit's interface, in the one version that all of this is written for. */
#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#endif
