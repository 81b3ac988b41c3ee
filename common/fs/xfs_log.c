/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Was it unmounted?
 *
 * The log is a ring of blocks of 512 bytes.  Each bears the number of the round
 * it was written in, so it reads c c c ... c-1 c-1 c-1, and where the number
 * drops is the head.  A log that looks otherwise was cut off and is left alone,
 * though XFS could make sense of it.  Clean is one whose last record ends at the
 * head and is the single operation "unmount".
 */
#include "common/fs/xfs.h"

#include <string.h>

enum {
	BB = 512,
	CHUNK = 64 << 10,
	MAGIC = (int)0xfeedbabe,
	CYCLES = 32768,		/* bytes of a record that one header covers */
	FLAG_UNMOUNT = 0x20
};

#define LOG_LIMIT (UINT64_C(2) << 30)
#define NONE UINT64_MAX

struct ring {
	uint64_t off;		/* in the volume */
	uint64_t count;		/* blocks of 512 */
	uint32_t first;		/* the round of block 0 */
	uint64_t head;		/* the first block of the round before */
	uint64_t last;		/* the last record before the head, or NONE */
	uint64_t last_old;	/* the last one after it */
};

static int dirty(struct xfs *x)
{
	return fs_left(x->v->part, "its log has to be recovered first: mount "
		       "and unmount it, or shut the guest down");
}

static int ring_find(struct xfs *x, struct ring *r)
{
	uint64_t mask = (UINT64_C(1) << x->ag_log) - 1;
	uint64_t ag = x->log_start >> x->ag_log, blk = x->log_start & mask;
	uint64_t len = (uint64_t)x->log_blocks * x->block;

	if (!x->log_start)
		return fs_left(x->v->part, "its log is on another disk");
	if (ag >= x->ag_count || !x->log_blocks ||
	    !range_in(blk, x->log_blocks, x->ag_blocks) || len > LOG_LIMIT)
		return xfs_damaged(x, "superblock");
	*r = (struct ring){ .off = (ag * x->ag_blocks + blk) * x->block,
			    .count = len / BB, .head = NONE, .last = NONE,
			    .last_old = NONE };
	return FS_OK;
}

static int ring_take(struct xfs *x, struct ring *r, uint64_t at,
		     const uint8_t *raw)
{
	bool record = be32(raw) == (uint32_t)MAGIC;
	uint32_t cycle = be32(record ? raw + 4 : raw);

	if (!at)
		r->first = cycle;
	if (r->head == NONE && cycle + 1 == r->first)
		r->head = at;
	if (cycle != (r->head == NONE ? r->first : r->first - 1))
		return dirty(x);
	if (record && r->head == NONE)
		r->last = at;
	else if (record)
		r->last_old = at;
	return FS_OK;
}

static int ring_read(struct xfs *x, struct ring *r)
{
	uint64_t at, i;
	int rc = FS_OK;

	for (at = 0; at < r->count && !rc; at += CHUNK / BB) {
		uint64_t n = r->count - at;

		if (n > CHUNK / BB)
			n = CHUNK / BB;
		rc = vol_read(x->v, x->buf, (size_t)n * BB, r->off + at * BB);
		for (i = 0; i < n && !rc; i++)
			rc = ring_take(x, r, at + i, x->buf + i * BB);
	}
	if (r->head == NONE)
		r->head = 0;
	if (r->last == NONE)
		r->last = r->last_old;
	return rc;
}

/* Blocks of the record's headers. */
static uint64_t header_blocks(const uint8_t *raw)
{
	uint32_t size = be32(raw + 320);

	if (!(be32(raw + 8) & 2) || size <= CYCLES)
		return 1;
	return ((uint64_t)size + CYCLES - 1) / CYCLES;
}

static int record_check(struct xfs *x, const struct ring *r)
{
	uint8_t raw[BB];
	uint64_t heads, blocks;
	int rc;

	if (r->last == NONE)
		return dirty(x);
	rc = vol_read(x->v, raw, sizeof(raw), r->off + r->last * BB);
	if (rc)
		return rc;
	if (memcmp(raw + 304, x->uuid, 16) &&
	    memcmp(raw + 304, x->meta_uuid, 16))
		return xfs_damaged(x, "log");
	heads = header_blocks(raw);
	blocks = ((uint64_t)be32(raw + 12) + BB - 1) / BB;
	if (be32(raw + 40) != 1 ||
	    (r->last + heads + blocks) % r->count != r->head)
		return dirty(x);
	rc = vol_read(x->v, raw, sizeof(raw),
		      r->off + (r->last + heads) % r->count * BB);
	if (rc)
		return rc;
	return raw[9] & FLAG_UNMOUNT ? FS_OK : dirty(x);
}

int xfs_log_check(struct xfs *x)
{
	struct ring r = { 0 };
	int rc = ring_find(x, &r);

	if (!rc)
		rc = ring_read(x, &r);
	return rc ? rc : record_check(x, &r);
}
