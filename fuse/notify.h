/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHDFUSE_NOTIFY_H
#define VHDFUSE_NOTIFY_H

/*
 * notify_ready - tell systemd, if it started us, that the mount stands
 *
 * sd_notify(3) is one datagram to the socket that NOTIFY_SOCKET names; it needs
 * no library.
 */
void notify_ready(void);

#endif
