/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changes to a file that are not made yet: making them.
 *
 * An epoch after the other, with a flush between them.  Inside an epoch the
 * order is ours: first cut, then copy, while what is copied is still there (P4),
 * then zero, then write what was written, in long runs, then the size.
 */

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "io/io_patch_priv.h"

#define RUN_LEN (1 * MiB)

enum { PAGE_SECTORS = VHD_PATCH_PAGE / VHD_PATCH_SECTOR };

/* Writes that follow each other become one. */
struct run {
	const struct vhd_patch *patch;
	struct vhd_io *io;
	uint8_t *buf;		/* RUN_LEN bytes */
	uint64_t off;
	size_t len;
	uint64_t done, total;	/* pages, for who watches */
};

static void tell(struct run *r, uint64_t pages)
{
	r->done = min_u64(r->done + pages, r->total);
	if (r->patch->progress)
		r->patch->progress(r->patch->progress_arg, r->done, r->total);
}

static uint64_t count_pages(const struct vhd_patch *p)
{
	const struct vhd_patch_epoch *e;
	const struct vhd_prange *n;
	uint64_t pages = 0;

	for (e = p->first; e; e = e->next) {
		n = vhd_prange_find(&e->map, 0);
		for (; n; n = vhd_prange_find(&e->map, n->first + n->count)) {
			if (n->kind == VHD_PRANGE_DATA ||
			    n->kind == VHD_PRANGE_COPY)
				pages += n->count;
		}
	}
	return pages;
}

static int run_end(struct run *r, struct vhd_error *err)
{
	size_t len = r->len;

	r->len = 0;
	return len ? vhd_io_write(r->io, r->buf, len, r->off, err) : 0;
}

static int run_add(struct run *r, const uint8_t *data, size_t len,
		   uint64_t off, struct vhd_error *err)
{
	int rc = 0;

	if (!len)
		return 0;
	if (r->len && (off != r->off + r->len || r->len + len > RUN_LEN))
		rc = run_end(r, err);
	if (!r->len)
		r->off = off;
	memcpy(r->buf + r->len, data, len);
	r->len += len;
	return rc;
}

/* The changed sectors of a page, as far as the file reaches. */
static int write_page(const struct vhd_prange *page, uint64_t size,
		      struct run *r, struct vhd_error *err)
{
	uint64_t off = vhd_prange_off(page);
	int rc = 0;

	for (size_t i = 0; !rc && i < PAGE_SECTORS; i++) {
		size_t at = i * VHD_PATCH_SECTOR;

		if (!(page->sectors & 1u << i) || off + at >= size)
			continue;
		rc = run_add(r, page->data + at,
			     (size_t)min_u64(VHD_PATCH_SECTOR,
					     size - (off + at)),
			     off + at, err);
	}
	return rc;
}

static int write_pages(const struct vhd_patch_epoch *e, struct run *r,
		       struct vhd_error *err)
{
	const struct vhd_prange *n = vhd_prange_find(&e->map, 0);
	int rc = 0;

	for (; !rc && n; n = vhd_prange_find(&e->map, n->first + n->count)) {
		if (n->kind != VHD_PRANGE_DATA)
			continue;
		rc = write_page(n, e->size, r, err);
		tell(r, 1);
	}
	return rc ? rc : run_end(r, err);
}

/* Past what the base had there is nothing to copy: the target is zeros. */
static int copy_data(struct run *r, uint64_t from, uint64_t to, uint64_t len,
		     struct vhd_error *err)
{
	int rc = 0;

	while (!rc && len) {
		size_t n = (size_t)min_u64(len, RUN_LEN);

		rc = vhd_io_read(r->io, r->buf, n, from, err);
		if (!rc)
			rc = vhd_io_write(r->io, r->buf, n, to, err);
		from += n;
		to += n;
		len -= n;
		tell(r, n / VHD_PATCH_PAGE);
	}
	return rc;
}

bool vhd_patch_copy_run(const struct vhd_patch *p, const struct vhd_prange *n,
			struct vhd_io *io, uint64_t *at, uint64_t *start_out,
			uint64_t *stop_out, int *rc, struct vhd_error *err)
{
	uint64_t end = min_u64(n->from + vhd_prange_end(n) - vhd_prange_off(n),
			       p->base_size);

	if (*at >= end)
		return false;
	*rc = vhd_io_next_data(io, *at, end, start_out, stop_out, err);
	if (*rc || *start_out >= end)
		return false;
	*start_out -= (*start_out - n->from) % VHD_PATCH_SECTOR;
	*stop_out = min_u64(n->from + align_up(*stop_out - n->from,
					       VHD_PATCH_SECTOR), end);
	*at = *stop_out;
	return true;
}

static int copy_range(const struct vhd_patch *p, const struct vhd_prange *n,
		      struct run *r, struct vhd_error *err)
{
	uint64_t at = n->from, start, stop;
	int rc = 0;

	while (!rc && vhd_patch_copy_run(p, n, r->io, &at, &start, &stop, &rc,
					 err))
		rc = copy_data(r, start, vhd_prange_off(n) + (start - n->from),
			       stop - start, err);
	return rc;
}

static int copy_ranges(const struct vhd_patch *p,
		       const struct vhd_patch_epoch *e, struct run *r,
		       struct vhd_error *err)
{
	const struct vhd_prange *n = vhd_prange_find(&e->map, 0);
	int rc = 0;

	for (; !rc && n; n = vhd_prange_find(&e->map, n->first + n->count)) {
		if (n->kind == VHD_PRANGE_COPY)
			rc = copy_range(p, n, r, err);
	}
	return rc;
}

static int zero_range(const struct vhd_patch_epoch *e,
		      const struct vhd_prange *n, struct vhd_io *io,
		      struct vhd_error *err)
{
	uint64_t off = vhd_prange_off(n);
	uint64_t len = min_u64(vhd_prange_end(n), e->size) - off;

	return n->kind == VHD_PRANGE_ZERO ? vhd_io_zero(io, len, off, err) :
					    vhd_io_punch(io, len, off, err);
}

static int zero_ranges(const struct vhd_patch_epoch *e, struct vhd_io *io,
		       struct vhd_error *err)
{
	const struct vhd_prange *n = vhd_prange_find(&e->map, 0);
	int rc = 0;

	for (; !rc && n; n = vhd_prange_find(&e->map, n->first + n->count)) {
		if (n->kind == VHD_PRANGE_ZERO || n->kind == VHD_PRANGE_HOLE)
			rc = zero_range(e, n, io, err);
	}
	return rc;
}

static int apply_epoch(const struct vhd_patch *p,
		       const struct vhd_patch_epoch *e, struct run *r,
		       struct vhd_error *err)
{
	uint64_t size = 0;
	int rc = 0;

	if (e->low < e->start)
		rc = vhd_io_set_size(r->io, e->low, err);
	if (!rc)
		rc = copy_ranges(p, e, r, err);
	if (!rc)
		rc = zero_ranges(e, r->io, err);
	if (!rc)
		rc = write_pages(e, r, err);
	if (!rc)
		rc = vhd_io_size(r->io, &size, err);
	if (!rc && size != e->size)
		rc = vhd_io_set_size(r->io, e->size, err);
	return rc ? rc : vhd_io_flush(r->io, err);
}

void vhd_patch_watch(struct vhd_patch *p, vhd_progress_fn progress, void *arg)
{
	p->progress = progress;
	p->progress_arg = arg;
}

int vhd_patch_apply(struct vhd_patch *p, struct vhd_io *io,
		    struct vhd_error *err)
{
	const struct vhd_patch_epoch *e;
	struct run r = { .patch = p, .io = io };
	int rc = 0;

	r.buf = vhd_alloc(RUN_LEN);
	if (!r.buf)
		return vhd_err_file(err, vhd_fail_nomem(err), vhd_io_name(io));
	if (p->progress)
		r.total = count_pages(p);
	for (e = p->first; !rc && e; e = e->next)
		rc = apply_epoch(p, e, &r, err);
	vhd_free(r.buf);
	return rc;
}

/* What is overwritten: the ranges of all epochs, sorted, and merged. */

struct old {
	uint64_t off, end;
};

struct olds {
	struct old *list;	/* NULL while they are counted */
	size_t count;
};

static void add_old(struct olds *o, uint64_t off, uint64_t end)
{
	if (o->list)
		o->list[o->count] = (struct old){ off, end };
	o->count++;
}

static void add_page(struct olds *o, const struct vhd_prange *page)
{
	size_t i = 0, first;

	while (i < PAGE_SECTORS) {
		if (!(page->sectors & 1u << i)) {
			i++;
			continue;
		}
		first = i;
		while (i < PAGE_SECTORS && page->sectors & 1u << i)
			i++;
		add_old(o, vhd_prange_off(page) + first * VHD_PATCH_SECTOR,
			vhd_prange_off(page) + i * VHD_PATCH_SECTOR);
	}
}

static void list_olds(const struct vhd_patch *p, struct olds *o)
{
	const struct vhd_patch_epoch *e;
	const struct vhd_prange *n;

	o->count = 0;
	for (e = p->first; e; e = e->next) {
		n = vhd_prange_find(&e->map, 0);
		for (; n; n = vhd_prange_find(&e->map, n->first + n->count)) {
			if (n->kind == VHD_PRANGE_DATA)
				add_page(o, n);
			else
				add_old(o, vhd_prange_off(n),
					vhd_prange_end(n));
		}
	}
	if (p->base_end < p->base_size)
		add_old(o, p->base_end, p->base_size);
}

static int by_offset(const void *a, const void *b)
{
	const struct old *x = a, *y = b;

	return (x->off > y->off) - (x->off < y->off);
}

int vhd_patch_each_old(const struct vhd_patch *p,
		       int (*fn)(void *arg, uint64_t off, uint64_t len,
				 struct vhd_error *err),
		       void *arg, struct vhd_error *err)
{
	struct olds o = { .list = NULL };
	size_t i = 0;
	int rc = 0;

	list_olds(p, &o);
	o.list = vhd_alloc_array(o.count, sizeof(*o.list));
	if (!o.list)
		return vhd_err_file(err, vhd_fail_nomem(err),
				    vhd_io_name(p->base));
	list_olds(p, &o);
	qsort(o.list, o.count, sizeof(*o.list), by_offset);
	while (!rc && i < o.count && o.list[i].off < p->base_size) {
		uint64_t off = o.list[i].off, end = o.list[i].end;

		while (++i < o.count && o.list[i].off <= end)
			end = max_u64(end, o.list[i].end);
		end = min_u64(end, p->base_size);
		rc = fn(arg, off, end - off, err);
	}
	vhd_free(o.list);
	return rc;
}
