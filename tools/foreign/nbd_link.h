/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_FOREIGN_NBD_LINK_H
#define VHD_TOOLS_FOREIGN_NBD_LINK_H

/*
 * One connection to a server of NBD, used by any number of threads at once.
 */

#include <stdint.h>

#include <vhd/vhd.h>

/**
 * struct nbd_where - a server and what it exports
 *
 * @name:  what to call it in messages
 * @uri:   its address; NULL: the sockets
 * @socks: already connected to it, each used up by one link
 * @count: of them
 */
struct nbd_where {
	const char *name;
	const char *uri;
	int *socks;
	unsigned count;
};

enum nbd_op {
	NBD_OP_READ,
	NBD_OP_WRITE,
	NBD_OP_ZERO,		/* stays allocated */
	NBD_OP_PUNCH,		/* zeros too; its space may be given back */
	NBD_OP_FLUSH,
	NBD_OP_STATUS
};

/**
 * struct nbd_run - a piece of what a server says of its disk
 *
 * @zero: it reads as zeros
 */
struct nbd_run {
	uint64_t end;
	bool zero;
};

/**
 * struct nbd_runs - an answer to NBD_OP_STATUS
 *
 * @run:   room for @max of them, in order, neighbours of one kind merged
 * @start: where the first begins
 * @full:  there was more than could be kept
 */
struct nbd_runs {
	struct nbd_run *run;
	size_t count, max;
	uint64_t start;
	bool full;
};

/**
 * struct nbd_request - what a link is to do
 *
 * @buf:  to read into or write from
 * @runs: for NBD_OP_STATUS
 */
struct nbd_request {
	enum nbd_op op;
	void *buf;
	size_t len;
	uint64_t off;
	struct nbd_runs *runs;
};

struct nbd_link;

/*
 * nbd_link_open - connect and agree with the server; the @index'th link to it
 *
 * Returns: 0, VHD_E_IO, VHD_E_UNSUPPORTED, VHD_E_CANCELLED, VHD_E_NOMEM.
 */
int nbd_link_open(const struct nbd_where *where, unsigned index,
		  struct nbd_link **link_out, struct vhd_error *err);

/**
 * struct nbd_facts - what a server says of its disk
 *
 * @size:      bytes; negative: it does not say
 * @least:     smallest unit of a request, @most: largest request; 0 or less: it
 *             does not say
 * @can_share: several links show the same, and a flush of one is for all
 * @can_tell:  NBD_OP_STATUS is answered
 */
struct nbd_facts {
	int64_t size;
	int64_t least, most;
	bool read_only;
	bool can_flush;
	bool can_zero;
	bool can_share;
	bool can_tell;
};

void nbd_link_facts(struct nbd_link *link, struct nbd_facts *out);

/* Returns: 0 or a negative errno; -ECONNRESET once the server is gone. */
int nbd_link_run(struct nbd_link *link, const struct nbd_request *request);

/* Was the connection lost? */
bool nbd_link_lost(struct nbd_link *link);

/* Takes leave of the server, if it is there.  NULL is fine. */
void nbd_link_close(struct nbd_link *link);

#endif
