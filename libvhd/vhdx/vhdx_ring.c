/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "base/zero.h"
#include "vhdx/vhdx_ring.h"

/*
 * A valid entry has no second sector that begins with the signature of an
 * entry (VHDX-LOG-05): verifying one ends where the next begins.  So valid
 * entries never overlap, each sector is verified at most once or twice, and
 * finding them all is one walk round the ring, whatever is in it.
 *
 * An entry is followed by the one that starts where it ends, if that one's
 * sequence number is the next.  As entries are disjoint, nothing has two
 * predecessors; as numbers grow, nothing comes round to itself.  The valid
 * entries thus fall into chains, each with one head, its newest entry.  A chain
 * counts when its head's tail is a member (VHDX-LOG-22), and of those the one
 * with the highest head.  That is what vhdx.md 13.3 finds by trial from every
 * sector; here the trials that share a head are made once.
 *
 * Memory is 24 bytes per 4 KiB of log.
 */

/* What stands at a sector of the ring. */
struct slot {
	uint64_t seq;		/* 0: no valid entry starts here */
	uint32_t len;
	uint32_t tail_off;
	uint32_t chain;		/* sector of the first entry, plus 1 */
};

struct scan {
	struct vhdx_ring *ring;
	struct slot *slots;
	uint32_t count;		/* sectors */
	bool blank;
};

void vhdx_ring_init(struct vhdx_ring *ring, struct vhd_io *io,
		    const struct vhdx_header *h)
{
	ring->io = io;
	ring->log_off = h->log_off;
	ring->log_len = h->log_len;
	ring->log_guid = h->log_guid;
	ring->win_valid = false;
}

int vhdx_ring_sector(struct vhdx_ring *ring, uint32_t ring_off,
		     const uint8_t **sector_out, struct vhd_error *err)
{
	uint32_t win_off = ring_off & ~(uint32_t)(VHDX_RING_WINDOW - 1);
	int rc;

	if (!ring->win_valid || ring->win_off != win_off) {
		/* The log is whole MiB, so the window never passes its end. */
		ring->win_valid = false;
		rc = vhd_io_read(ring->io, ring->win, VHDX_RING_WINDOW,
				 ring->log_off + win_off, err);
		if (rc)
			return rc;
		ring->win_off = win_off;
		ring->win_valid = true;
	}
	*sector_out = ring->win + (ring_off - win_off);
	return 0;
}

uint32_t vhdx_ring_step(const struct vhdx_ring *ring, uint32_t ring_off,
			uint64_t len)
{
	return (uint32_t)((ring_off + len) % ring->log_len);
}

/*
 * Verifies the entry with header @hdr at @ring_off.  *passed_out is how many
 * bytes from there on hold no start of another entry.
 */
static int entry_verify(struct vhdx_ring *ring, uint32_t ring_off,
			const struct vhdx_log_hdr *hdr, bool *valid_out,
			uint32_t *passed_out, struct vhd_error *err)
{
	struct vhdx_log_verify v;
	const uint8_t *sector;
	uint32_t done = 0;
	int rc;

	vhdx_log_verify_begin(&v, hdr);
	while (done < hdr->len) {
		rc = vhdx_ring_sector(ring,
				      vhdx_ring_step(ring, ring_off, done),
				      &sector, err);
		if (rc)
			return rc;
		if (!vhdx_log_verify_sector(&v, sector))
			break;
		done += VHDX_LOG_SECTOR;
	}
	*valid_out = vhdx_log_verify_end(&v);
	*passed_out = done ? done : VHDX_LOG_SECTOR;
	return 0;
}

/* Looks at one sector and says how far to go on. */
static int scan_sector(struct scan *s, uint32_t ring_off, uint32_t *passed_out,
		       struct vhd_error *err)
{
	struct slot *slot = &s->slots[ring_off / VHDX_LOG_SECTOR];
	struct vhdx_log_hdr hdr;
	const uint8_t *sector;
	bool valid;
	int rc;

	rc = vhdx_ring_sector(s->ring, ring_off, &sector, err);
	if (rc)
		return rc;
	if (s->blank && !vhd_is_zero(sector, VHDX_LOG_SECTOR))
		s->blank = false;
	*passed_out = VHDX_LOG_SECTOR;
	if (!vhdx_log_hdr_decode(sector, &s->ring->log_guid,
				 s->ring->log_len, &hdr))
		return 0;
	rc = entry_verify(s->ring, ring_off, &hdr, &valid, passed_out, err);
	if (rc || !valid)
		return rc;
	slot->seq = hdr.seq;
	slot->len = hdr.len;
	slot->tail_off = hdr.tail_off;
	return 0;
}

/* Over a hole of the file: zeros are no entries. */
static int skip_hole(const struct vhdx_ring *ring, uint64_t *ring_off,
		     struct vhd_error *err)
{
	uint64_t start, stop;
	int rc = vhd_io_next_data(ring->io, ring->log_off + *ring_off,
				  ring->log_off + ring->log_len, &start, &stop,
				  err);

	if (!rc)
		*ring_off = align_down(start - ring->log_off, VHDX_LOG_SECTOR);
	return rc;
}

static int scan_ring(struct scan *s, struct vhd_error *err)
{
	uint64_t ring_off = 0;
	uint32_t passed;
	int rc;

	while (ring_off < s->ring->log_len) {
		if (ring_off % VHDX_RING_WINDOW == 0) {
			rc = skip_hole(s->ring, &ring_off, err);
			if (rc || ring_off == s->ring->log_len)
				return rc;
		}
		rc = scan_sector(s, (uint32_t)ring_off, &passed, err);
		if (rc)
			return rc;
		ring_off += passed;
	}
	return 0;
}

static uint32_t sector_after(const struct scan *s, uint32_t sector)
{
	return vhdx_ring_step(s->ring, sector * VHDX_LOG_SECTOR,
			      s->slots[sector].len) / VHDX_LOG_SECTOR;
}

/* The entry that follows, or @sector itself when there is none. */
static uint32_t follower(const struct scan *s, uint32_t sector)
{
	uint32_t next = sector_after(s, sector);

	/* A number of 2^64 - 1 is followed by 0, which no entry has. */
	if (s->slots[next].seq && s->slots[next].seq == s->slots[sector].seq + 1)
		return next;
	return sector;
}

/* Marks all that follow something: what is left begins a chain. */
static void chains_begin(struct scan *s)
{
	for (uint32_t i = 0; i < s->count; i++) {
		uint32_t next;

		if (!s->slots[i].seq)
			continue;
		next = follower(s, i);
		if (next != i)
			s->slots[next].chain = UINT32_MAX;
	}
}

/* Numbers the members of the chain that begins at @first; returns its head. */
static uint32_t chain_mark(struct scan *s, uint32_t first)
{
	uint32_t i = first;

	for (;;) {
		uint32_t next = follower(s, i);

		s->slots[i].chain = first + 1;
		if (next == i)
			return i;
		i = next;
	}
}

/* Head of the best chain whose tail is a member; s->count when none is. */
static uint32_t best_head(struct scan *s)
{
	uint32_t best = s->count;

	chains_begin(s);
	for (uint32_t i = 0; i < s->count; i++) {
		uint32_t head, tail;

		if (!s->slots[i].seq || s->slots[i].chain)
			continue;
		head = chain_mark(s, i);
		tail = s->slots[head].tail_off / VHDX_LOG_SECTOR;
		if (!s->slots[tail].seq || s->slots[tail].chain != i + 1)
			continue;
		if (best == s->count ||
		    s->slots[head].seq > s->slots[best].seq)
			best = head;
	}
	return best;
}

/* Collects what replay wants to know of the entries from tail to head. */
static int active_load(struct scan *s, uint32_t head,
		       struct vhdx_ring_active *a, struct vhd_error *err)
{
	uint32_t i = s->slots[head].tail_off / VHDX_LOG_SECTOR;
	const uint8_t *sector;
	int rc;

	a->tail_off = s->slots[head].tail_off;
	for (;;) {
		rc = vhdx_ring_sector(s->ring, i * VHDX_LOG_SECTOR, &sector,
				      err);
		if (rc)
			return rc;
		if (!vhdx_log_hdr_decode(sector, &s->ring->log_guid,
					 s->ring->log_len, &a->head))
			return vhd_fail(err, VHD_E_CORRUPT,
					"log changes while it is read");
		a->entry_count++;
		a->desc_count += a->head.desc_count;
		a->reserved_set = a->reserved_set || a->head.reserved_set;
		if (i == head)
			return 0;
		i = follower(s, i);
	}
}

/*
 * Entries that are whole and were written after the head: something between is
 * damaged.  Either it never came to the disk before the power failed, and then
 * they do not matter, or it was damaged later, and then they are lost.
 */
static uint32_t count_beyond(const struct scan *s, uint32_t head)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->count; i++)
		n += s->slots[i].seq > s->slots[head].seq;
	return n;
}

int vhdx_ring_find(struct vhdx_ring *ring, struct vhdx_ring_active *out,
		   struct vhd_error *err)
{
	struct scan s = {
		.ring = ring,
		.count = ring->log_len / VHDX_LOG_SECTOR,
		.blank = true,
	};
	struct vhdx_ring_active a = { 0 };
	uint32_t head;
	int rc;

	s.slots = vhd_alloc_array(s.count, sizeof(*s.slots));
	if (!s.slots)
		return vhd_fail_nomem(err);
	rc = scan_ring(&s, err);
	if (rc)
		goto out;
	head = best_head(&s);
	a.blank = s.blank;
	if (head != s.count) {
		a.beyond = count_beyond(&s, head);
		rc = active_load(&s, head, &a, err);
	}
	if (!rc)
		*out = a;
out:
	vhd_free(s.slots);
	return rc;
}
