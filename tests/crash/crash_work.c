/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Operations are drawn so that blocks meet their past often: few blocks are
 * busy at a time, discards take whole blocks, and what was given back is soon
 * needed again.
 */
#include "crash/crash_work.h"

#include <string.h>

#include "base/ckd.h"
#include "support/base_rand.h"

struct range {
	uint64_t off, len;
};

enum { LONGEST = 128 * 1024 };

/* Any block; for lazy work one after the other. */
static uint64_t draw_block(const struct crash_disk *d, uint64_t *rng)
{
	uint64_t n = div_ceil(d->setup->size, d->setup->block);

	if (d->setup->mood == CRASH_MOOD_LAZY && base_rand_below(rng, 4))
		return d->op / 2 % n;
	return base_rand_below(rng, n);
}

/* Any bytes, up to @most of them, aligned or not. */
static struct range draw_range(const struct crash_disk *d, uint64_t *rng,
			       uint64_t most)
{
	static const uint64_t aligns[] = { 512, 512, 4096, 4096, 4096, 1 };
	uint64_t align = aligns[base_rand_below(rng, 6)];
	uint64_t size = d->setup->size, block = d->setup->block;
	uint64_t blk = draw_block(d, rng);
	uint64_t in, len;

	most = min_u64(most, 4 * block);
	if (base_rand_below(rng, 2))
		most = min_u64(most, 16 * KiB);
	len = align + align_down(base_rand_below(rng, most), align);
	/* Near an end of the block as often as anywhere. */
	in = base_rand_below(rng, block);
	if (base_rand_below(rng, 3) == 0)
		in = base_rand_below(rng, min_u64(block, 8 * KiB));
	in = align_down(blk * block + in, align);
	in = min_u64(in, size - min_u64(size, 512));
	return (struct range){ in, min_u64(len, size - in) };
}

static struct range draw_blocks(const struct crash_disk *d, uint64_t *rng)
{
	uint64_t size = d->setup->size, block = d->setup->block;
	uint64_t n = div_ceil(size, block);
	uint64_t blk = base_rand_below(rng, n);
	uint64_t count = base_rand_below(rng, 4) ? 1 :
			 1 + base_rand_below(rng, n - blk);

	return (struct range){ blk * block,
			       min_u64(count * block, size - blk * block) };
}

/* The blocks that a range touches, so that a move there is not disturbed. */
static bool busy_blocks(const struct crash_disk *d, struct range r)
{
	uint64_t from = align_down(r.off, d->setup->block);
	uint64_t to = align_up(r.off + r.len, d->setup->block);

	return crash_disk_busy(d, to - from, from);
}

static bool do_write(struct crash_disk *d, uint64_t *rng)
{
	struct range r = draw_range(d, rng, LONGEST);

	return crash_disk_busy(d, r.len, r.off) ||
	       crash_disk_write(d, r.len, r.off);
}

static bool do_whole_write(struct crash_disk *d, uint64_t *rng)
{
	struct range r = draw_blocks(d, rng);

	r.len = min_u64(r.len, max_u64(d->setup->block, 64 * KiB));
	return d->setup->block > 512 * KiB || busy_blocks(d, r) ||
	       crash_disk_write(d, r.len, r.off);
}

static bool do_discard(struct crash_disk *d, uint64_t *rng, bool whole)
{
	struct range r = whole ? draw_blocks(d, rng) :
				 draw_range(d, rng, 2 * LONGEST);

	return busy_blocks(d, r) || crash_disk_discard(d, r.len, r.off);
}

static bool do_zero(struct crash_disk *d, uint64_t *rng, bool whole)
{
	struct range r = whole ? draw_blocks(d, rng) :
				 draw_range(d, rng, LONGEST);
	uint32_t flags = base_rand_below(rng, 3) ? 0 : VHD_ZERO_KEEP;

	return busy_blocks(d, r) || crash_disk_zero(d, r.len, r.off, flags);
}

static bool do_move(struct crash_disk *d, uint64_t *rng)
{
	struct range r = draw_range(d, rng, LONGEST);
	unsigned which = (unsigned)base_rand_below(rng, CRASH_MOVES);
	bool room = false;

	for (unsigned i = 0; i < CRASH_MOVES; i++)
		room = room || !d->move[i].move;
	if (!room || base_rand_below(rng, 2) || crash_disk_busy(d, r.len, r.off))
		return crash_disk_move_on(d, which);
	return crash_disk_move(d, r.len, r.off);
}

static bool do_reopen(struct crash_disk *d)
{
	return crash_disk_close(d) && crash_disk_open(d);
}

enum what {
	WRITE, WHOLE_WRITE, DISCARD, DISCARD_WHOLE, ZERO, ZERO_WHOLE, MOVE,
	FLUSH, WRITEBACK, REOPEN, KINDS
};

static const uint8_t weights[CRASH_MOODS][KINDS] = {
	/*		      W  WW   D  DW  Z  ZW  M   F  WB  R */
	[CRASH_MOOD_FILL] = { 60, 12, 2, 1,  4, 1,  6,  6, 4,  1 },
	[CRASH_MOOD_MIX]  = { 40, 4,  6, 10, 6, 6,  14, 9, 6,  2 },
	[CRASH_MOOD_CHURN] = { 36, 6, 2, 26, 2, 8,  8,  8, 6,  1 },
	[CRASH_MOOD_LOG] =  { 50, 0,  2, 6,  2, 2,  4,  40, 2, 0 },
	[CRASH_MOOD_LAZY] = { 60, 0,  1, 3,  1, 2,  2,  2,  60, 0 },
	[CRASH_MOOD_RING] = { 1, 0,   0, 0,  0, 0,  0,  0,  0,  0 },
};

static enum what draw_what(enum crash_mood mood, uint64_t *rng)
{
	unsigned sum = 0, at;
	int i;

	for (i = 0; i < KINDS; i++)
		sum += weights[mood][i];
	at = (unsigned)base_rand_below(rng, sum);
	for (i = 0; at >= weights[mood][i]; i++)
		at -= weights[mood][i];
	return (enum what)i;
}

static bool step(struct crash_disk *d, uint64_t *rng, enum crash_mood mood)
{
	switch (draw_what(mood, rng)) {
	case WRITE:
		return do_write(d, rng);
	case WHOLE_WRITE:
		return do_whole_write(d, rng);
	case DISCARD:
		return do_discard(d, rng, false);
	case DISCARD_WHOLE:
		return do_discard(d, rng, true);
	case ZERO:
		return do_zero(d, rng, false);
	case ZERO_WHOLE:
		return do_zero(d, rng, true);
	case MOVE:
		return do_move(d, rng);
	case FLUSH:
		return crash_disk_flush(d);
	case WRITEBACK:
		return crash_disk_writeback(d);
	case REOPEN:
		return do_reopen(d);
	case KINDS:
		break;
	}
	return true;
}

/* Where the builder of a VHDX puts the log, of which a half is used at a time. */
enum { LOG_OFF = 1 << 20, LOG_HALF = 512 * 1024, LOG_PAGE = 4096 };

/* Room behind the last entry of the log; 0 when there is none. */
static uint64_t log_room(const struct crash_disk *d)
{
	size_t i = vhd_trace_count(d->trace);

	while (i--) {
		const struct vhd_trace_op *op = vhd_trace_op(d->trace, i);

		if (op->kind == VHD_TRACE_WRITE && op->len >= LOG_PAGE &&
		    !memcmp(op->data, "loge", 4))
			return LOG_HALF - 1 -
			       (op->off + op->len - 1 - LOG_OFF) % LOG_HALF;
	}
	return 0;
}

/*
 * Entries that hold a page of bits only; then, as the last one that fits, one
 * that maps a block, so that its page of the table is in no other entry.
 */
static bool ring_step(struct crash_disk *d, uint64_t *rng)
{
	uint64_t n = div_ceil(d->setup->size, d->setup->block);
	uint64_t room = log_room(d), blk = d->op % 3, at;

	if (room >= 3 * LOG_PAGE && room < 5 * LOG_PAGE)
		blk = n / 2 + base_rand_below(rng, n - n / 2);
	at = blk * d->setup->block + base_rand_below(rng, d->setup->block);
	at = min_u64(align_down(at, LOG_PAGE), d->setup->size - LOG_PAGE);
	return crash_disk_write(d, LOG_PAGE, at) && crash_disk_writeback(d);
}

bool crash_work(struct crash_disk *d, uint64_t *rng, enum crash_mood mood,
		unsigned steps)
{
	while (steps--) {
		if (mood == CRASH_MOOD_RING ? !ring_step(d, rng) :
					      !step(d, rng, mood))
			return false;
	}
	return true;
}
