/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pages count their owners.  A base owns one share of each of its pages; a file
 * has a slot for each page: empty (the base's), the page that stands for zeros,
 * or a page of its own.  A list of the slots in use makes a reset cheap.
 *
 * The base is seen below @base_end only: cutting a file lowers that, so that
 * growing it again shows zeros.  Bytes of the last page past the end are zeros.
 */
#include "crash/crash_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "base/zero.h"
#include "crash/crash.h"

/* No test needs a file that large. */
#define SIZE_LIMIT (UINT64_C(1) << 34)

struct page {
	uint32_t shares;
	uint8_t b[CRASH_PAGE];
};

struct crash_base {
	struct page **page;		/* NULL: zeros */
	size_t count;
	uint64_t size;
};

struct crash_file {
	struct crash_base *base;	/* or NULL: empty */
	uint64_t base_end;
	uint64_t size;
	uint64_t changes;
	bool fixed;			/* its end stays where it is */
	struct page **slot;
	size_t slots;
	size_t *used;
	size_t used_count, used_room;
};

/* Stands for zeros; never written to, never freed. */
static struct page *const zeros = (struct page *)&(struct page){ .shares = 1 };

static void page_put(struct page *p)
{
	if (p && p != zeros && !--p->shares)
		free(p);
}

static struct page *base_page(const struct crash_base *b, uint64_t idx)
{
	return b && idx < b->count ? b->page[idx] : NULL;
}

void crash_base_free(struct crash_base *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->count; i++)
		page_put(b->page[i]);
	free(b->page);
	free(b);
}

uint64_t crash_base_size(const struct crash_base *b)
{
	return b->size;
}

struct crash_file *crash_file_new(void)
{
	return crash_alloc(1, sizeof(struct crash_file));
}

void crash_file_reset(struct crash_file *f, struct crash_base *b)
{
	for (size_t i = 0; i < f->used_count; i++) {
		page_put(f->slot[f->used[i]]);
		f->slot[f->used[i]] = NULL;
	}
	f->used_count = 0;
	f->base = b;
	f->size = f->base_end = b ? b->size : 0;
	f->changes = 0;
}

void crash_file_free(struct crash_file *f)
{
	if (!f)
		return;
	crash_file_reset(f, NULL);
	free(f->slot);
	free(f->used);
	free(f);
}

uint64_t crash_file_size(const struct crash_file *f)
{
	return f->size;
}

uint64_t crash_file_changes(const struct crash_file *f)
{
	return f->changes;
}

/* NULL or zeros: nothing but zeros. */
static struct page *look(const struct crash_file *f, uint64_t idx)
{
	if (idx < f->slots && f->slot[idx])
		return f->slot[idx];
	return idx * CRASH_PAGE < f->base_end ? base_page(f->base, idx) : NULL;
}

const uint8_t *crash_file_page(const struct crash_file *f, uint64_t idx)
{
	struct page *p = look(f, idx);

	return p && p != zeros ? p->b : NULL;
}

struct crash_base *crash_file_freeze(const struct crash_file *f)
{
	struct crash_base *b = crash_alloc(1, sizeof(*b));

	b->size = f->size;
	b->count = (size_t)div_ceil(f->size, CRASH_PAGE);
	b->page = crash_alloc(b->count, sizeof(struct page *));
	for (size_t i = 0; i < b->count; i++) {
		struct page *p = look(f, i);

		if (!p || p == zeros)
			continue;
		b->page[i] = p;
		p->shares++;
	}
	return b;
}

static void make_slots(struct crash_file *f, uint64_t idx)
{
	size_t want = (size_t)align_up(idx + 1, 1024);

	if (idx < f->slots)
		return;
	CRASH_NEED(idx * CRASH_PAGE < SIZE_LIMIT);
	f->slot = crash_grow(f->slot, want, sizeof(struct page *));
	memset(f->slot + f->slots, 0,
	       (want - f->slots) * sizeof(struct page *));
	f->slots = want;
}

static void set_slot(struct crash_file *f, uint64_t idx, struct page *p)
{
	make_slots(f, idx);
	if (!f->slot[idx]) {
		if (f->used_count == f->used_room) {
			f->used_room = f->used_room ? 2 * f->used_room : 256;
			f->used = crash_grow(f->used, f->used_room,
					     sizeof(*f->used));
		}
		f->used[f->used_count++] = (size_t)idx;
	} else {
		page_put(f->slot[idx]);
	}
	f->slot[idx] = p;
}

/* The page, fit to be written to. */
static uint8_t *own(struct crash_file *f, uint64_t idx)
{
	struct page *p = look(f, idx), *mine;

	if (p && p != zeros && p->shares == 1 && idx < f->slots &&
	    f->slot[idx] == p)
		return p->b;
	mine = malloc(sizeof(*mine));
	CRASH_NEED(mine);
	mine->shares = 1;
	if (p)
		memcpy(mine->b, p->b, CRASH_PAGE);
	else
		memset(mine->b, 0, CRASH_PAGE);
	set_slot(f, idx, mine);
	return mine->b;
}

static uint64_t in_page(uint64_t off, uint64_t len)
{
	return min_u64(len, CRASH_PAGE - off % CRASH_PAGE);
}

void crash_file_read(const struct crash_file *f, void *buf, uint64_t len,
		     uint64_t off)
{
	uint8_t *out = buf;

	while (len) {
		uint64_t n = in_page(off, len);
		const uint8_t *p = off < f->size ?
			crash_file_page(f, off / CRASH_PAGE) : NULL;

		if (p)
			memcpy(out, p + off % CRASH_PAGE, (size_t)n);
		else
			memset(out, 0, (size_t)n);
		out += n;
		off += n;
		len -= n;
	}
}

void crash_file_write(struct crash_file *f, const void *buf, uint64_t len,
		      uint64_t off)
{
	const uint8_t *in = buf;

	f->changes++;
	while (len) {
		uint64_t n = in_page(off, len);

		memcpy(own(f, off / CRASH_PAGE) + off % CRASH_PAGE, in,
		       (size_t)n);
		in += n;
		off += n;
		len -= n;
		f->size = max_u64(f->size, off);
	}
}

void crash_file_clear(struct crash_file *f, uint64_t len, uint64_t off)
{
	f->changes++;
	if (off >= f->size)
		return;
	len = min_u64(len, f->size - off);
	while (len) {
		uint64_t n = in_page(off, len), idx = off / CRASH_PAGE;

		if (crash_file_page(f, idx)) {
			if (n == CRASH_PAGE)
				set_slot(f, idx, zeros);
			else
				memset(own(f, idx) + off % CRASH_PAGE, 0,
				       (size_t)n);
		}
		off += n;
		len -= n;
	}
}

void crash_file_set_size(struct crash_file *f, uint64_t size)
{
	CRASH_NEED(size < SIZE_LIMIT);
	f->changes++;
	if (size < f->size) {
		uint64_t whole = align_up(size, CRASH_PAGE);

		if (whole > size)
			crash_file_clear(f, whole - size, size);
		for (uint64_t i = whole / CRASH_PAGE;
		     i < f->slots && i * CRASH_PAGE < f->size; i++) {
			if (f->slot[i])
				set_slot(f, i, zeros);
		}
		f->base_end = min_u64(f->base_end, whole);
	}
	f->size = size;
}

void crash_file_fix_size(struct crash_file *f)
{
	f->fixed = true;
}

static int64_t op_pread(void *h, void *buf, size_t len, uint64_t off)
{
	struct crash_file *f = h;

	if (off >= f->size)
		return 0;
	len = (size_t)min_u64(len, f->size - off);
	crash_file_read(f, buf, len, off);
	return (int64_t)len;
}

static int64_t op_pwrite(void *h, const void *buf, size_t len, uint64_t off)
{
	struct crash_file *f = h;

	if (!range_in(off, len, SIZE_LIMIT))
		return -EFBIG;
	if (f->fixed && !range_in(off, len, f->size))
		return -ENOSPC;
	crash_file_write(f, buf, len, off);
	return (int64_t)len;
}

static int op_flush(void *h)
{
	(void)h;
	return 0;
}

static int64_t op_get_size(void *h)
{
	return (int64_t)crash_file_size(h);
}

static int op_set_size(void *h, uint64_t size)
{
	struct crash_file *f = h;

	if (size >= SIZE_LIMIT)
		return -EFBIG;
	if (f->fixed)
		return -EINVAL;
	crash_file_set_size(f, size);
	return 0;
}

static int op_zero_range(void *h, uint64_t len, uint64_t off)
{
	struct crash_file *f = h;

	if (!range_in(off, len, SIZE_LIMIT - 1))
		return -EFBIG;
	if (f->fixed && off + len > f->size)
		return -ENOSPC;
	if (off + len > f->size)
		crash_file_set_size(f, off + len);
	crash_file_clear(f, len, off);
	return 0;
}

static int op_punch_hole(void *h, uint64_t len, uint64_t off)
{
	if (!range_in(off, len, SIZE_LIMIT))
		return -EFBIG;
	crash_file_clear(h, len, off);
	return 0;
}

static int op_next_data(void *h, uint64_t off, uint64_t *start_out,
			uint64_t *end_out)
{
	struct crash_file *f = h;
	uint64_t end = div_ceil(f->size, CRASH_PAGE), i = off / CRASH_PAGE;
	uint64_t start;

	while (i < end && !crash_file_page(f, i))
		i++;
	if (i >= end)
		return -ENXIO;
	start = i;
	while (i < end && crash_file_page(f, i))
		i++;
	*start_out = max_u64(off, start * CRASH_PAGE);
	*end_out = min_u64(i * CRASH_PAGE, f->size);
	return *start_out < *end_out ? 0 : -ENXIO;
}

const struct vhd_io_ops crash_file_ops = {
	.size = sizeof(struct vhd_io_ops),
	.pread = op_pread,
	.pwrite = op_pwrite,
	.flush = op_flush,
	.get_size = op_get_size,
	.set_size = op_set_size,
	.zero_range = op_zero_range,
	.punch_hole = op_punch_hole,
	.next_data = op_next_data,
};

const struct vhd_io_ops crash_file_ro_ops = {
	.size = sizeof(struct vhd_io_ops),
	.pread = op_pread,
	.get_size = op_get_size,
	.next_data = op_next_data,
};
