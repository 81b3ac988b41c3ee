/* SPDX-License-Identifier: BSD-2-Clause */
/* Changes to a file that are not made yet: how the file looks with them. */

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "io/io_patch_priv.h"

int vhd_patch_get_base(struct vhd_patch *p, void *buf, size_t len,
		       uint64_t off)
{
	struct vhd_error e = { .code = 0 };
	size_t n = 0;

	if (off < p->base_size)
		n = (size_t)min_u64(len, p->base_size - off);
	if (n && vhd_io_read_padded(p->base, buf, n, off, &e))
		return vhd_patch_errno(&e);
	memset((uint8_t *)buf + n, 0, len - n);
	return 0;
}

/* @len bytes that nothing was written to. */
static int get_untouched(struct vhd_patch *p, void *buf, size_t len,
			 uint64_t off)
{
	size_t n = 0;
	int rc = 0;

	if (off < p->base_end)
		n = (size_t)min_u64(len, p->base_end - off);
	if (n)
		rc = vhd_patch_get_base(p, buf, n, off);
	memset((uint8_t *)buf + n, 0, len - n);
	return rc;
}

static int get_range(struct vhd_patch *p, const struct vhd_prange *r,
		     void *buf, size_t len, uint64_t off)
{
	uint64_t skip = off - vhd_prange_off(r);

	switch (r->kind) {
	case VHD_PRANGE_DATA:
		memcpy(buf, r->data + skip, len);
		return 0;
	case VHD_PRANGE_ZERO:
	case VHD_PRANGE_HOLE:
		memset(buf, 0, len);
		return 0;
	case VHD_PRANGE_COPY:
		return vhd_patch_get_base(p, buf, len, r->from + skip);
	}
	return -EIO;
}

/* Past the end of the views there are zeros. */
int vhd_patch_get(struct vhd_patch *p, void *buf, size_t len, uint64_t off)
{
	uint8_t *out = buf;
	int rc = 0;

	while (!rc && len) {
		const struct vhd_prange *r =
			vhd_prange_find(&p->now, off / VHD_PATCH_PAGE);
		size_t n = len;

		if (r && vhd_prange_off(r) <= off) {
			n = (size_t)min_u64(n, vhd_prange_end(r) - off);
			rc = get_range(p, r, out, n, off);
		} else {
			if (r)
				n = (size_t)min_u64(n, vhd_prange_off(r) - off);
			rc = get_untouched(p, out, n, off);
		}
		out += n;
		off += n;
		len -= n;
	}
	return rc;
}

/*
 * Copying.  Whole pages of the new place are remembered by where their bytes
 * come from, as far as those are the base's own; the rest goes through memory.
 */

/* Bytes through memory, up to the next border of a page of the target. */
static int copy_bytes(struct vhd_patch *p, uint64_t from, uint64_t to,
		      uint64_t *len)
{
	uint8_t page[VHD_PATCH_PAGE];
	int rc;

	*len = min_u64(*len, VHD_PATCH_PAGE - to % VHD_PATCH_PAGE);
	rc = vhd_patch_get(p, page, (size_t)*len, from);
	return rc ? rc : vhd_patch_put(p, page, (size_t)*len, to);
}

/* How many bytes at @from, at most @len, the base alone answers for. */
static uint64_t of_base(const struct vhd_patch *p, uint64_t from, uint64_t len)
{
	const struct vhd_prange *r =
		vhd_prange_find(&p->now, from / VHD_PATCH_PAGE);

	if (from >= p->base_end || (r && vhd_prange_off(r) <= from))
		return 0;
	len = min_u64(len, p->base_end - from);
	return r ? min_u64(len, vhd_prange_off(r) - from) : len;
}

static int copy_range(struct vhd_patch *p, uint64_t from, uint64_t to,
		      uint64_t len)
{
	struct vhd_prange range = {
		.kind = VHD_PRANGE_COPY,
		.first = to / VHD_PATCH_PAGE,
		.count = len / VHD_PATCH_PAGE,
		.from = from,
	};
	struct vhd_patch_epoch *e;
	int rc = vhd_patch_put_range(p, &range);

	if (rc)
		return rc;
	e = p->last;
	e->src_low = min_u64(e->src_low, from);
	e->src_end = max_u64(e->src_end, from + len);
	return 0;
}

static int copy_some(struct vhd_patch *p, uint64_t from, uint64_t to,
		     uint64_t *len)
{
	uint64_t n = align_down(of_base(p, from, *len), VHD_PATCH_PAGE);

	if (to % VHD_PATCH_PAGE || !n)
		return copy_bytes(p, from, to, len);
	*len = n;
	return copy_range(p, from, to, n);
}

int vhd_patch_copy(struct vhd_patch *p, uint64_t from, uint64_t to,
		   uint64_t len, struct vhd_error *err)
{
	uint64_t done = 0, n;
	int rc = 0;

	if (!range_in(from, len, INT64_MAX) || !range_in(to, len, INT64_MAX))
		rc = -EFBIG;
	else if (to < p->size || ranges_overlap(from, len, to, len))
		rc = -EINVAL;
	for (; !rc && done < len; done += n) {
		n = len - done;
		rc = copy_some(p, from + done, to + done, &n);
	}
	/* Zeros at the end leave no trace but the size. */
	if (!rc && len && to + len > p->size)
		rc = vhd_patch_resize(p, to + len);
	return rc ? vhd_patch_fail(p, rc, to, "copy", len, err) : 0;
}

/* The backend that views are. */

struct view {
	struct vhd_patch *patch;
};

static int64_t view_pread(void *h, void *buf, size_t len, uint64_t off)
{
	struct view *v = h;
	int rc;

	if (off >= v->patch->size)
		return 0;
	len = (size_t)min_u64(len, v->patch->size - off);
	rc = vhd_patch_get(v->patch, buf, len, off);
	return rc ? rc : (int64_t)len;
}

static int64_t view_pwrite(void *h, const void *buf, size_t len, uint64_t off)
{
	struct view *v = h;
	int rc;

	if (!range_in(off, len, INT64_MAX))
		return -EFBIG;
	rc = vhd_patch_put(v->patch, buf, len, off);
	return rc ? rc : (int64_t)len;
}

static int view_flush(void *h)
{
	struct view *v = h;

	vhd_patch_seal(v->patch);
	return 0;
}

static int64_t view_get_size(void *h)
{
	struct view *v = h;

	return (int64_t)v->patch->size;
}

static int view_set_size(void *h, uint64_t size)
{
	struct view *v = h;

	return vhd_patch_resize(v->patch, size);
}

static int view_zero_range(void *h, uint64_t len, uint64_t off)
{
	struct view *v = h;

	if (!range_in(off, len, INT64_MAX))
		return -EFBIG;
	return vhd_patch_clear(v->patch, VHD_PRANGE_ZERO, len, off);
}

static int view_punch_hole(void *h, uint64_t len, uint64_t off)
{
	struct view *v = h;

	if (off >= v->patch->size)
		return 0;
	return vhd_patch_clear(v->patch, VHD_PRANGE_HOLE,
			       min_u64(len, v->patch->size - off), off);
}

static bool is_data(const struct vhd_prange *r)
{
	return r->kind == VHD_PRANGE_DATA || r->kind == VHD_PRANGE_COPY;
}

/* The end of the stored ranges that follow each other from @r on. */
static uint64_t data_end(const struct vhd_patch *p, const struct vhd_prange *r)
{
	uint64_t page;

	do {
		page = r->first + r->count;
		r = vhd_prange_at(&p->now, page);
	} while (r && is_data(r));
	return min_u64(page * VHD_PATCH_PAGE, p->size);
}

/*
 * Data of the base in [off, end), where nothing was changed.  @hole_end is how
 * far the base is known to have none, so that it is asked once for each of its
 * holes and not once for each page that was written into it.
 */
static int base_data(struct vhd_patch *p, uint64_t off, uint64_t end,
		     uint64_t *hole_end, uint64_t *start, uint64_t *stop)
{
	struct vhd_error e = { .code = 0 };

	uint64_t limit = min_u64(end, p->base_end);

	*start = *stop = end;
	if (off < *hole_end)
		off = *hole_end;
	if (off >= limit)
		return 0;
	if (vhd_io_next_data(p->base, off, p->base_end, start, stop, &e))
		return vhd_patch_errno(&e);
	*hole_end = *start;
	/* The base has holes to its end, and the view may go on. */
	if (*start >= p->base_end)
		*start = *stop = end;
	return 0;
}

static int view_next_data(void *h, uint64_t off, uint64_t *start_out,
			  uint64_t *end_out)
{
	struct vhd_patch *p = ((struct view *)h)->patch;
	uint64_t hole_end = 0;

	while (off < p->size) {
		const struct vhd_prange *r =
			vhd_prange_find(&p->now, off / VHD_PATCH_PAGE);
		uint64_t end = p->size, start, stop;
		int rc;

		if (r && vhd_prange_off(r) <= off) {
			if (is_data(r)) {
				*start_out = off;
				*end_out = data_end(p, r);
				return 0;
			}
			off = vhd_prange_end(r);
			continue;
		}
		if (r)
			end = min_u64(end, vhd_prange_off(r));
		rc = base_data(p, off, end, &hole_end, &start, &stop);
		if (rc)
			return rc;
		if (start < end) {
			*start_out = start;
			*end_out = min_u64(stop, end);
			return 0;
		}
		off = end;
	}
	return -ENXIO;
}

static int view_close(void *h)
{
	vhd_free(h);
	return 0;
}

static const struct vhd_io_ops view_ops = {
	.size = sizeof(struct vhd_io_ops),
	.pread = view_pread,
	.pwrite = view_pwrite,
	.flush = view_flush,
	.get_size = view_get_size,
	.set_size = view_set_size,
	.zero_range = view_zero_range,
	.punch_hole = view_punch_hole,
	.next_data = view_next_data,
	.close = view_close,
};

int vhd_patch_view(struct vhd_patch *p, struct vhd_io **io_out,
		   struct vhd_error *err)
{
	struct view *v = vhd_alloc(sizeof(*v));

	if (!v)
		return vhd_patch_fail(p, -ENOMEM, 0, "view", p->size, err);
	v->patch = p;
	return vhd_io_new(&view_ops, v, vhd_io_name(p->base), io_out, err);
}
