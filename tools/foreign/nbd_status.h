/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_FOREIGN_NBD_STATUS_H
#define VHD_TOOLS_FOREIGN_NBD_STATUS_H

/*
 * Where a server's disk reads as zeros: its last answer, and new questions when
 * that does not reach.
 */

#include <pthread.h>

#include "foreign/nbd_link.h"

enum { NBD_STATUS_RUNS = 4096 };

/**
 * struct nbd_status - what is known
 *
 * @ask:   how much to ask about next
 * @known: the answer covers [runs.start, known)
 */
struct nbd_status {
	pthread_mutex_t lock;
	struct nbd_link *link;
	uint64_t size;
	uint64_t align;
	uint64_t ask;
	uint64_t known;
	bool can_tell;
	struct nbd_runs runs;
	struct nbd_run run[NBD_STATUS_RUNS];
};

/* @align: offsets and lengths are multiples of it.  NULL without memory. */
struct nbd_status *nbd_status_new(struct nbd_link *link, uint64_t size,
				  uint64_t align);
void nbd_status_free(struct nbd_status *status);

/* As the slot of struct vhd_io_ops; -EOPNOTSUPP when the server cannot tell. */
int nbd_status_next_data(struct nbd_status *status, uint64_t off,
			 uint64_t *start_out, uint64_t *end_out);

/* Something is about to be written: answers are old now. */
void nbd_status_forget(struct nbd_status *status);

#endif
