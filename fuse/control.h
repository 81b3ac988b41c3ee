/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHDFUSE_CONTROL_H
#define VHDFUSE_CONTROL_H

#include <stdint.h>
#include <sys/ioctl.h>

/* Asked of the root of a mount: the process that serves it. */
#define CONTROL_PID _IOR('v', 1, uint32_t)

#endif
