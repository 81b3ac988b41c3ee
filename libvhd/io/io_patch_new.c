/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changes to a file that are not made yet: what the file may hold while they are
 * made, so that what somebody else wrote can be told from it.
 */

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "io/io_patch_priv.h"

#define CHUNK (64 * KiB)

enum { PAGE_SECTORS = VHD_PATCH_PAGE / VHD_PATCH_SECTOR };

struct teller {
	const struct vhd_patch *patch;
	int (*fn)(void *arg, uint64_t off, uint64_t len, const uint8_t *data,
		  struct vhd_error *err);
	void *arg;
	uint8_t *buf;		/* CHUNK bytes */
};

static int tell_page(struct teller *t, const struct vhd_prange *n,
		     uint64_t size, struct vhd_error *err)
{
	uint64_t off = vhd_prange_off(n);
	int rc = 0;

	for (size_t i = 0; !rc && i < PAGE_SECTORS; i++) {
		size_t at = i * VHD_PATCH_SECTOR;

		if (n->sectors & 1u << i && off + at < size)
			rc = t->fn(t->arg, off + at, VHD_PATCH_SECTOR,
				   n->data + at, err);
	}
	return rc;
}

/* One run of what is copied; @off is where it goes. */
static int tell_run(struct teller *t, uint64_t from, uint64_t off,
		    uint64_t len, struct vhd_error *err)
{
	int rc = 0;

	while (!rc && len) {
		size_t n = (size_t)min_u64(len, CHUNK);
		size_t full = (size_t)align_up(n, VHD_PATCH_SECTOR);

		for (size_t i = n; i < full; i++)
			t->buf[i] = 0;
		rc = vhd_io_read(t->patch->base, t->buf, n, from, err);
		if (!rc)
			rc = t->fn(t->arg, off, full, t->buf, err);
		from += n;
		off += n;
		len -= n;
	}
	return rc;
}

/* Where nothing is stored the target keeps the zeros that it grew with. */
static int tell_copy(struct teller *t, const struct vhd_prange *n,
		     struct vhd_error *err)
{
	uint64_t at = n->from, start, stop;
	int rc = 0;

	while (!rc && vhd_patch_copy_run(t->patch, n, t->patch->base, &at,
					 &start, &stop, &rc, err))
		rc = tell_run(t, start, vhd_prange_off(n) + (start - n->from),
			      stop - start, err);
	return rc;
}

static int tell_range(struct teller *t, const struct vhd_prange *n,
		      uint64_t size, struct vhd_error *err)
{
	uint64_t off = vhd_prange_off(n), end;

	switch (n->kind) {
	case VHD_PRANGE_DATA:
		return tell_page(t, n, size, err);
	case VHD_PRANGE_COPY:
		return tell_copy(t, n, err);
	case VHD_PRANGE_ZERO:
	case VHD_PRANGE_HOLE:
		break;
	}
	end = min_u64(vhd_prange_end(n), align_up(size, VHD_PATCH_SECTOR));
	return off < end ? t->fn(t->arg, off, end - off, NULL, err) : 0;
}

int vhd_patch_each_new(const struct vhd_patch *p,
		       int (*fn)(void *arg, uint64_t off, uint64_t len,
				 const uint8_t *data, struct vhd_error *err),
		       void *arg, struct vhd_error *err)
{
	struct teller t = { .patch = p, .fn = fn, .arg = arg };
	const struct vhd_patch_epoch *e;
	const struct vhd_prange *n;
	int rc = 0;

	t.buf = vhd_alloc(CHUNK);
	if (!t.buf)
		return vhd_err_file(err, vhd_fail_nomem(err),
				    vhd_io_name(p->base));
	for (e = p->first; !rc && e; e = e->next) {
		n = vhd_prange_find(&e->map, 0);
		for (; !rc && n;
		     n = vhd_prange_find(&e->map, n->first + n->count))
			rc = tell_range(&t, n, e->size, err);
	}
	vhd_free(t.buf);
	return rc;
}

int vhd_patch_each_edge(const struct vhd_patch *p,
			int (*fn)(void *arg, uint64_t off,
				  struct vhd_error *err),
			void *arg, struct vhd_error *err)
{
	const struct vhd_patch_epoch *e;
	int rc = 0;

	if (p->base_size % VHD_PATCH_SECTOR)
		rc = fn(arg, align_down(p->base_size, VHD_PATCH_SECTOR), err);
	for (e = p->first; !rc && e; e = e->next) {
		if (e->low % VHD_PATCH_SECTOR)
			rc = fn(arg, align_down(e->low, VHD_PATCH_SECTOR), err);
		if (!rc && e->size != e->low && e->size % VHD_PATCH_SECTOR)
			rc = fn(arg, align_down(e->size, VHD_PATCH_SECTOR),
				err);
	}
	return rc;
}

void vhd_patch_sizes(const struct vhd_patch *p, uint64_t *least_out,
		     uint64_t *most_out)
{
	const struct vhd_patch_epoch *e;
	const struct vhd_prange *n;

	*least_out = *most_out = p->base_size;
	for (e = p->first; e; e = e->next) {
		*least_out = min_u64(*least_out, min_u64(e->low, e->size));
		*most_out = max_u64(*most_out, e->size);
		/* Copies are made in whole pages, and then cut. */
		n = vhd_prange_find(&e->map, 0);
		for (; n; n = vhd_prange_find(&e->map, n->first + n->count)) {
			if (n->kind == VHD_PRANGE_COPY)
				*most_out = max_u64(*most_out,
						    vhd_prange_end(n));
		}
	}
}
