/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changes to a file that are not made yet: how they are remembered.
 *
 * There are two kinds of maps from pages to what became of them.  One, @now,
 * says what each page is at present; it answers reads.  The others, one for
 * each stretch between two flushes, say what was changed in it and own the
 * pages; they are what will be done to the file.  Every change goes into @now
 * and into the map of the present epoch alike, so that no range of @now points
 * at a page that has gone.
 *
 * Invariants:
 *
 *	P1  a page that is not in @now is the base's up to base_end, and zeros
 *	    from there on; base_end only falls
 *	P2  @now has nothing at or past the end of the views, and the bytes of
 *	    its last page that lie past the end are zero, so growing needs no
 *	    work
 *	P3  of a page of data only the sectors marked in it have changed in its
 *	    epoch; the others are as the epochs before have left them
 *	P4  what the copies of an epoch read is not changed in that epoch: who
 *	    writes there begins a new one
 *
 * Bytes that are written as they are change nothing and cost nothing.
 */

#include "io/io_patch.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "io/io_patch_priv.h"

#define BYTES_MAX (256 * MiB)
/* Zeroing less than this is writing, which sees what is zero already. */
#define WIDE_ZERO (64 * KiB)

int vhd_patch_errno(const struct vhd_error *e)
{
	if (e->os_errno)
		return -e->os_errno;
	return e->code == VHD_E_NOMEM ? -ENOMEM : -EIO;
}

int vhd_patch_fail(const struct vhd_patch *p, int rc, uint64_t off,
		   const char *what, uint64_t len, struct vhd_error *err)
{
	rc = vhd_fail_errno(err, -rc, off,
			    "cannot %s %" PRIu64 " bytes at 0x%" PRIx64, what,
			    len, off);
	return vhd_err_file(err, rc, vhd_io_name(p->base));
}

void vhd_patch_seal(struct vhd_patch *p)
{
	p->sealed = true;
}

/* The epoch that a change belongs to, made if need be; NULL: no memory. */
static struct vhd_patch_epoch *epoch_now(struct vhd_patch *p)
{
	struct vhd_patch_epoch *e = p->last;

	if (e && !p->sealed)
		return e;
	e = vhd_alloc(sizeof(*e));
	if (!e)
		return NULL;
	e->map = (struct vhd_prange_map){ &p->pool, NULL, true };
	e->start = e->low = e->size = p->size;
	e->src_low = UINT64_MAX;
	if (p->last)
		p->last->next = e;
	else
		p->first = e;
	p->last = e;
	p->sealed = false;
	p->pool.bytes += sizeof(*e);
	return e;
}

/*
 * Before every change of [off, off + len): an epoch for it, nodes for both maps,
 * and no more memory than may be.
 */
static int begin_change(struct vhd_patch *p, uint64_t off, uint64_t len,
			struct vhd_patch_epoch **e_out)
{
	struct vhd_patch_epoch *e = p->last;

	if (p->pool.bytes > BYTES_MAX)
		return -ENOSPC;
	if (e && ranges_overlap(off, len, e->src_low, e->src_end - e->src_low))
		p->sealed = true;
	e = epoch_now(p);
	if (!e || !vhd_prange_reserve(&p->pool, 2 * VHD_PATCH_NODES))
		return -ENOMEM;
	*e_out = e;
	return 0;
}

static void put_both(struct vhd_patch *p, struct vhd_patch_epoch *e,
		     const struct vhd_prange *range)
{
	/* First the borrower. */
	vhd_prange_put(&p->now, range);
	vhd_prange_put(&e->map, range);
}

static void grow(struct vhd_patch *p, struct vhd_patch_epoch *e, uint64_t end)
{
	p->size = max_u64(p->size, end);
	e->size = p->size;
}

/* A bit for each sector of [at, at + len) where @page is not @buf. */
static uint8_t changed_sectors(const uint8_t *page, const uint8_t *buf,
			       size_t at, size_t len)
{
	uint8_t bits = 0;

	while (len) {
		size_t sector = at / VHD_PATCH_SECTOR;
		size_t n = VHD_PATCH_SECTOR - at % VHD_PATCH_SECTOR;

		n = n < len ? n : len;
		if (memcmp(page + at, buf, n))
			bits |= (uint8_t)(1u << sector);
		at += n;
		buf += n;
		len -= n;
	}
	return bits;
}

/* A page of data for the present epoch with the contents of @content. */
static int new_page(struct vhd_patch *p, struct vhd_patch_epoch *e,
		    uint64_t page, const uint8_t *content, uint8_t sectors)
{
	struct vhd_prange range = {
		.first = page, .count = 1, .kind = VHD_PRANGE_DATA,
		.sectors = sectors,
	};

	/* Of what this epoch has zeroed or copied nothing else will tell. */
	if (vhd_prange_at(&e->map, page))
		range.sectors = 0xff;
	range.data = vhd_alloc(VHD_PATCH_PAGE);
	if (!range.data)
		return -ENOMEM;
	memcpy(range.data, content, VHD_PATCH_PAGE);
	put_both(p, e, &range);
	return 0;
}

/* Writes inside one page. */
static int put_in_page(struct vhd_patch *p, const uint8_t *buf, size_t len,
		       uint64_t off)
{
	uint64_t page = off / VHD_PATCH_PAGE;
	size_t at = off % VHD_PATCH_PAGE;
	uint8_t content[VHD_PATCH_PAGE];
	struct vhd_patch_epoch *e;
	struct vhd_prange *have;
	uint8_t bits;
	int rc;

	rc = vhd_patch_get(p, content, sizeof(content),
			   page * VHD_PATCH_PAGE);
	if (rc)
		return rc;
	bits = changed_sectors(content, buf, at, len);
	if (!bits && off + len <= p->size)
		return 0;
	rc = begin_change(p, off, len, &e);
	if (rc)
		return rc;
	have = bits ? vhd_prange_at(&e->map, page) : NULL;
	if (have && have->kind == VHD_PRANGE_DATA) {
		memcpy(have->data + at, buf, len);
		have->sectors |= bits;
	} else if (bits) {
		memcpy(content + at, buf, len);
		rc = new_page(p, e, page, content, bits);
	}
	if (!rc)
		grow(p, e, off + len);
	return rc;
}

int vhd_patch_put(struct vhd_patch *p, const void *buf, size_t len,
		  uint64_t off)
{
	const uint8_t *in = buf;
	int rc = 0;

	while (!rc && len) {
		size_t n = VHD_PATCH_PAGE - off % VHD_PATCH_PAGE;

		n = n < len ? n : len;
		rc = put_in_page(p, in, n, off);
		in += n;
		off += n;
		len -= n;
	}
	return rc;
}

static int put_zeros(struct vhd_patch *p, uint64_t len, uint64_t off)
{
	static const uint8_t zeros[VHD_PATCH_PAGE];
	int rc = 0;

	while (!rc && len) {
		uint64_t n = VHD_PATCH_PAGE - off % VHD_PATCH_PAGE;

		n = min_u64(n, len);
		rc = put_in_page(p, zeros, (size_t)n, off);
		off += n;
		len -= n;
	}
	return rc;
}

int vhd_patch_put_range(struct vhd_patch *p, const struct vhd_prange *range)
{
	uint64_t off = vhd_prange_off(range), end = vhd_prange_end(range);
	struct vhd_patch_epoch *e;
	int rc = begin_change(p, off, end - off, &e);

	if (rc)
		return rc;
	put_both(p, e, range);
	grow(p, e, end);
	return 0;
}

int vhd_patch_clear(struct vhd_patch *p, enum vhd_prange_kind kind,
		    uint64_t len, uint64_t off)
{
	struct vhd_prange range = { .kind = kind };
	uint64_t head = align_up(off, VHD_PATCH_PAGE) - off;
	int rc;

	if (len < (kind == VHD_PRANGE_HOLE ? VHD_PATCH_PAGE : WIDE_ZERO))
		return put_zeros(p, len, off);
	head = min_u64(head, len);
	rc = put_zeros(p, head, off);
	off += head;
	len -= head;
	if (!rc && len >= VHD_PATCH_PAGE) {
		range.first = off / VHD_PATCH_PAGE;
		range.count = len / VHD_PATCH_PAGE;
		rc = vhd_patch_put_range(p, &range);
		off = vhd_prange_end(&range);
		len %= VHD_PATCH_PAGE;
	}
	return rc ? rc : put_zeros(p, len, off);
}

/* P2 for the page in which the file now ends. */
static int clear_tail(struct vhd_patch *p, uint64_t size)
{
	uint64_t page = size / VHD_PATCH_PAGE;
	size_t at = size % VHD_PATCH_PAGE;
	const struct vhd_prange *r;
	uint8_t zeros[VHD_PATCH_PAGE] = { 0 };

	r = at ? vhd_prange_at(&p->now, page) : NULL;
	if (!r || (r->kind != VHD_PRANGE_DATA && r->kind != VHD_PRANGE_COPY))
		return 0;
	return put_in_page(p, zeros, (size_t)min_u64(VHD_PATCH_PAGE - at,
						     p->size - size), size);
}

static int shrink(struct vhd_patch *p, uint64_t size)
{
	uint64_t first = div_ceil(size, VHD_PATCH_PAGE);
	uint64_t end = div_ceil(p->size, VHD_PATCH_PAGE);
	struct vhd_patch_epoch *e;
	int rc;

	rc = begin_change(p, size, p->size - size, &e);
	if (!rc)
		rc = clear_tail(p, size);
	/* Clearing may have taken nodes. */
	if (!rc)
		rc = begin_change(p, size, p->size - size, &e);
	if (rc)
		return rc;
	vhd_prange_clear(&p->now, first, max_u64(first, end));
	vhd_prange_clear(&e->map, first, max_u64(first, end));
	p->base_end = min_u64(p->base_end, size);
	p->size = e->size = size;
	e->low = min_u64(e->low, size);
	return 0;
}

int vhd_patch_resize(struct vhd_patch *p, uint64_t size)
{
	struct vhd_patch_epoch *e;
	int rc;

	if (size > INT64_MAX)
		return -EFBIG;
	if (size < p->size)
		return shrink(p, size);
	if (size == p->size)
		return 0;
	rc = begin_change(p, p->size, size - p->size, &e);
	if (!rc)
		grow(p, e, size);
	return rc;
}

int vhd_patch_new(struct vhd_io *base, struct vhd_patch **patch_out,
		  struct vhd_error *err)
{
	struct vhd_patch *p;
	uint64_t size = 0;
	int rc = vhd_io_size(base, &size, err);

	if (rc)
		return rc;
	p = vhd_alloc(sizeof(*p));
	if (!p)
		return vhd_err_file(err, vhd_fail_nomem(err),
				    vhd_io_name(base));
	p->base = base;
	p->base_size = p->base_end = p->size = size;
	p->now.pool = &p->pool;
	*patch_out = p;
	return 0;
}

void vhd_patch_free(struct vhd_patch *p)
{
	if (!p)
		return;
	vhd_prange_drop(&p->now);
	while (p->first) {
		struct vhd_patch_epoch *e = p->first;

		p->first = e->next;
		vhd_prange_drop(&e->map);
		vhd_free(e);
	}
	vhd_prange_pool_free(&p->pool);
	vhd_free(p);
}

uint64_t vhd_patch_bytes(const struct vhd_patch *p)
{
	return p->pool.bytes;
}

bool vhd_patch_dirty(const struct vhd_patch *p)
{
	const struct vhd_patch_epoch *e;

	for (e = p->first; e; e = e->next) {
		if (e->map.root || e->low < e->start || e->size != e->start)
			return true;
	}
	return false;
}

uint64_t vhd_patch_growth(const struct vhd_patch *p)
{
	return p->size > p->base_size ? p->size - p->base_size : 0;
}
