/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_IO_FORWARD_PRIV_H
#define VHD_IO_FORWARD_PRIV_H

#include <pthread.h>

#include "io/forward_store.h"
#include "io/io_forward.h"

enum {
	FORWARD_WINDOW = 1 << 20,
	FORWARD_DIRECT = 64 << 10,	/* reads past the window from this on */
	FORWARD_FOOTER = 512,
	FORWARD_PIN_MAX = 2 << 20	/* a bitmap of the largest block */
};

enum forward_fault {
	FORWARD_FINE = 0,
	FORWARD_SOURCE,		/* reading failed, with errno fault_arg */
	FORWARD_CUT,		/* it ended, and fault_arg was needed */
	FORWARD_BACK,		/* fault_arg has passed */
	FORWARD_LONGER,		/* more than the fault_arg bytes it should have */
	FORWARD_STORE		/* it could not be kept; see why */
};

/*
 * The window is win[0, fill) and holds the bytes up to pos, which is how many
 * have come.  hold: so many of the newest bytes are not shown before the end is
 * known.
 */
struct vhd_forward {
	pthread_mutex_t lock;	/* guards everything below */
	struct vhd_forward_how how;
	char *name;
	char *dir;
	struct forward_store store;
	uint8_t *win;
	size_t fill;
	uint64_t pos;
	uint64_t size;		/* of the content, when ended; else a guess */
	bool keeping;
	bool ended;
	bool raw;
	size_t hold;
	size_t (*trailer)(const uint8_t last[512], uint64_t end);
	uint64_t claim;		/* of a raw disk: its size */
	uint64_t need;
	uint8_t *pin;
	uint64_t pin_off, pin_len;
	enum forward_fault fault;
	uint64_t fault_arg;
	struct vhd_error why;
};

/* One more read of the source into the window; 0 or -errno. */
int vhd_forward_pull(struct vhd_forward *fw);
/* The next @len bytes straight to @buf: how many, or -errno. */
int64_t vhd_forward_direct(struct vhd_forward *fw, uint8_t *buf, size_t len);
/* One more read of the source into the store; 0 or -errno. */
int vhd_forward_keep(struct vhd_forward *fw);
/* Up to @len bytes at @off; the lock is held.  Their number, or -errno. */
int64_t vhd_forward_read(struct vhd_forward *fw, uint8_t *buf, size_t len,
			 uint64_t off);

#endif
