/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A few links to one export.  A request goes to the link that has the least to
 * do; threads beyond the number of links share them (nbd_link.c).
 *
 * A server may want offsets and lengths in multiples of a block.  What is not is
 * read as a whole block and cut; it is written by reading the block, changing it
 * and writing it back, one thread at a time, because two may share a block.
 */
#include "foreign/nbd_io.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "foreign/nbd_status.h"

enum {
	LINKS = 4,
	/* Servers need not take more than 32 MiB at once. */
	MOST_BYTES = 8 << 20,
	LARGEST_BLOCK = 1 << 20
};
/* A request to zero is answered when all is done: not too much at once. */
#define MOST_ZEROS ((uint64_t)256 << 20)

/**
 * struct nbd_io - an export
 *
 * @busy:  requests under way on each link
 * @block: smallest unit, a power of two
 * @most:  bytes of one request, a multiple of @block
 * @can_zero: it said so, and has not failed since
 * @edge:  held while a part of a block is written
 */
struct nbd_io {
	struct nbd_link *link[LINKS];
	unsigned count;
	pthread_mutex_t lock;
	unsigned busy[LINKS];
	pthread_mutex_t edge;
	struct nbd_status *status;
	uint64_t size;
	uint64_t block;
	uint64_t most;
	bool read_only;
	bool can_flush;
	bool can_share;
	_Atomic bool can_zero;
};

static unsigned take_link(struct nbd_io *io)
{
	unsigned best = 0;

	pthread_mutex_lock(&io->lock);
	for (unsigned i = 1; i < io->count; i++) {
		if (io->busy[i] < io->busy[best])
			best = i;
	}
	io->busy[best]++;
	pthread_mutex_unlock(&io->lock);
	return best;
}

static void give_link(struct nbd_io *io, unsigned i)
{
	pthread_mutex_lock(&io->lock);
	io->busy[i]--;
	pthread_mutex_unlock(&io->lock);
}

static int run(struct nbd_io *io, enum nbd_op op, void *buf, size_t len,
	       uint64_t off)
{
	struct nbd_request r = { .op = op, .buf = buf, .len = len, .off = off };
	unsigned i = take_link(io);
	int rc = nbd_link_run(io->link[i], &r);

	give_link(io, i);
	return rc;
}

/* The block around @off, to be changed or cut; freed by the caller. */
static int read_block(struct nbd_io *io, uint64_t off, unsigned char **out)
{
	unsigned char *block = malloc(io->block);
	int rc;

	if (block == NULL)
		return -ENOMEM;
	rc = run(io, NBD_OP_READ, block, io->block, off - off % io->block);
	if (rc != 0) {
		free(block);
		return rc;
	}
	*out = block;
	return 0;
}

/* How much of @len at @off lies in the block where @off is. */
static size_t in_block(const struct nbd_io *io, size_t len, uint64_t off)
{
	uint64_t room = io->block - off % io->block;

	return len < room ? len : (size_t)room;
}

/* Is there no whole block at @off? */
static bool is_part(const struct nbd_io *io, size_t len, uint64_t off)
{
	return off % io->block != 0 || len < io->block;
}

/* As many whole blocks as one request may have. */
static size_t whole_blocks(const struct nbd_io *io, size_t len)
{
	if (len > io->most)
		len = io->most;
	return len - len % io->block;
}

static size_t until_end(const struct nbd_io *io, size_t len, uint64_t off)
{
	uint64_t room = off < io->size ? io->size - off : 0;

	return len < room ? len : (size_t)room;
}

static int64_t nbd_pread_slot(void *h, void *buf, size_t len, uint64_t off)
{
	struct nbd_io *io = h;
	unsigned char *block;
	int rc;

	len = until_end(io, len, off);
	if (len == 0)
		return 0;
	if (!is_part(io, len, off)) {
		len = whole_blocks(io, len);
		rc = run(io, NBD_OP_READ, buf, len, off);
		return rc != 0 ? rc : (int64_t)len;
	}
	len = in_block(io, len, off);
	rc = read_block(io, off, &block);
	if (rc != 0)
		return rc;
	memcpy(buf, block + off % io->block, len);
	free(block);
	return (int64_t)len;
}

static int write_part(struct nbd_io *io, const void *buf, size_t len,
		      uint64_t off)
{
	unsigned char *block;
	int rc;

	pthread_mutex_lock(&io->edge);
	rc = read_block(io, off, &block);
	if (rc == 0) {
		memcpy(block + off % io->block, buf, len);
		rc = run(io, NBD_OP_WRITE, block, io->block,
			 off - off % io->block);
		free(block);
	}
	pthread_mutex_unlock(&io->edge);
	return rc;
}

static int64_t nbd_pwrite_slot(void *h, const void *buf, size_t len,
			       uint64_t off)
{
	struct nbd_io *io = h;
	int rc;

	len = until_end(io, len, off);
	if (len == 0)
		return -ENOSPC;
	nbd_status_forget(io->status);
	if (is_part(io, len, off)) {
		len = in_block(io, len, off);
		rc = write_part(io, buf, len, off);
	} else {
		len = whole_blocks(io, len);
		rc = run(io, NBD_OP_WRITE, (void *)(uintptr_t)buf, len, off);
	}
	return rc != 0 ? rc : (int64_t)len;
}

/* The library writes zeros itself where this is not supported. */
static int zero(struct nbd_io *io, enum nbd_op op, uint64_t len, uint64_t off)
{
	uint64_t mask = io->block - 1;

	if (!io->can_zero || ((len | off) & mask) != 0)
		return -EOPNOTSUPP;
	if (off > io->size || len > io->size - off)
		return -ENOSPC;
	nbd_status_forget(io->status);
	while (len > 0) {
		uint64_t step = len < MOST_ZEROS ? len : MOST_ZEROS;
		int rc = run(io, op, NULL, (size_t)step, off);

		/* There are servers that promise it and cannot. */
		if (rc == -EINVAL || rc == -ENOTSUP) {
			io->can_zero = false;
			return -EOPNOTSUPP;
		}
		if (rc != 0)
			return rc;
		off += step;
		len -= step;
	}
	return 0;
}

static int nbd_zero_slot(void *h, uint64_t len, uint64_t off)
{
	return zero(h, NBD_OP_ZERO, len, off);
}

static int nbd_punch_slot(void *h, uint64_t len, uint64_t off)
{
	return zero(h, NBD_OP_PUNCH, len, off);
}

/* Servers that let a disk have several links make one flush stand for all. */
static int nbd_flush_slot(void *h)
{
	struct nbd_io *io = h;

	return io->can_flush ? run(io, NBD_OP_FLUSH, NULL, 0, 0) : 0;
}

static int64_t nbd_size_slot(void *h)
{
	const struct nbd_io *io = h;

	return (int64_t)io->size;
}

static int nbd_next_data_slot(void *h, uint64_t off, uint64_t *start_out,
			      uint64_t *end_out)
{
	struct nbd_io *io = h;

	return nbd_status_next_data(io->status, off, start_out, end_out);
}

const struct vhd_io_ops nbd_io_reader = {
	.size = sizeof(struct vhd_io_ops),
	.pread = nbd_pread_slot,
	.get_size = nbd_size_slot,
	.next_data = nbd_next_data_slot,
};

const struct vhd_io_ops nbd_io_writer = {
	.size = sizeof(struct vhd_io_ops),
	.pread = nbd_pread_slot,
	.pwrite = nbd_pwrite_slot,
	.flush = nbd_flush_slot,
	.get_size = nbd_size_slot,
	.next_data = nbd_next_data_slot,
	.zero_range = nbd_zero_slot,
	.punch_hole = nbd_punch_slot,
};

/* What the server says of its blocks, unless that makes no sense. */
static void learn_sizes(struct nbd_io *io, const struct nbd_facts *facts)
{
	int64_t least = facts->least, most = facts->most;

	io->block = 1;
	if (least > 1 && least <= LARGEST_BLOCK && (least & (least - 1)) == 0)
		io->block = (uint64_t)least;
	io->most = MOST_BYTES;
	if (most > 0 && (uint64_t)most < io->most)
		io->most = (uint64_t)most;
	io->most -= io->most % io->block;
	if (io->most == 0)
		io->most = io->block;
}

static int learn(struct nbd_io *io, const struct nbd_where *where,
		 struct vhd_error *err)
{
	struct nbd_facts facts;

	nbd_link_facts(io->link[0], &facts);
	if (facts.size < 0)
		return fail(err, VHD_E_UNSUPPORTED, where->name, 0,
			    "the NBD server does not say how large its disk "
			    "is");
	io->size = (uint64_t)facts.size;
	io->read_only = facts.read_only;
	io->can_flush = facts.can_flush;
	io->can_zero = facts.can_zero;
	io->can_share = facts.can_share;
	learn_sizes(io, &facts);
	if (io->size % io->block != 0)
		return fail(err, VHD_E_UNSUPPORTED, where->name, 0,
			    "the size of the server's disk is no multiple of "
			    "its blocks");
	io->status = nbd_status_new(io->link[0], io->size, io->block);
	return io->status != NULL ? 0 : fail_nomem(err);
}

/* One link is enough: a server that takes no more is no failure. */
static void open_more(struct nbd_io *io, const struct nbd_where *where)
{
	unsigned most = LINKS;
	struct vhd_error ignored;

	if (!io->can_share)
		return;
	if (where->uri == NULL && where->count < most)
		most = where->count;
	while (io->count < most &&
	       nbd_link_open(where, io->count, &io->link[io->count],
			     &ignored) == 0)
		io->count++;
}

int nbd_io_open(const struct nbd_where *where, struct nbd_io **io_out,
		struct vhd_error *err)
{
	struct nbd_io *io = calloc(1, sizeof(*io));
	int rc;

	if (io == NULL)
		return fail_nomem(err);
	pthread_mutex_init(&io->lock, NULL);
	pthread_mutex_init(&io->edge, NULL);
	rc = nbd_link_open(where, 0, &io->link[0], err);
	if (rc == 0) {
		io->count = 1;
		rc = learn(io, where, err);
	}
	if (rc != 0) {
		nbd_io_close(io);
		return rc;
	}
	open_more(io, where);
	*io_out = io;
	return 0;
}

uint32_t nbd_io_writers(const struct nbd_io *io)
{
	return io->can_share ? NBD_THREADS : NBD_WRITERS;
}

uint64_t nbd_io_size(const struct nbd_io *io)
{
	return io->size;
}

bool nbd_io_read_only(const struct nbd_io *io)
{
	return io->read_only;
}

bool nbd_io_all_zero(struct nbd_io *io)
{
	uint64_t start, end;

	return nbd_status_next_data(io->status, 0, &start, &end) == -ENXIO;
}

bool nbd_io_lost(struct nbd_io *io)
{
	for (unsigned i = 0; i < io->count; i++) {
		if (nbd_link_lost(io->link[i]))
			return true;
	}
	return false;
}

void nbd_io_close(struct nbd_io *io)
{
	if (io == NULL)
		return;
	for (unsigned i = 0; i < io->count; i++)
		nbd_link_close(io->link[i]);
	nbd_status_free(io->status);
	pthread_mutex_destroy(&io->edge);
	pthread_mutex_destroy(&io->lock);
	free(io);
}
