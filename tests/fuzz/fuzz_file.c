/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "fuzz/fuzz.h"

struct fuzz_file *fuzz_file_new(void)
{
	struct fuzz_file *f = calloc(1, sizeof(*f));

	FUZZ_CHECK(f);
	return f;
}

void fuzz_file_free(struct fuzz_file *f)
{
	if (!f)
		return;
	for (uint32_t i = 0; i < f->room; i++)
		free(f->page[i]);
	free(f);
}

struct fuzz_file *fuzz_file_shared(void)
{
	static struct fuzz_file *f;

	if (!f)
		f = fuzz_file_new();
	return f;
}

void fuzz_file_reset(struct fuzz_file *f, const struct fuzz_base *base)
{
	for (uint32_t i = 0; i < f->used; i++)
		f->slot[f->used_slot[i]].data = NULL;
	f->used = 0;
	f->base = base;
	f->size = base ? base->size : 0;
	f->calls = 0;
	f->call_limit = 0;
	f->bytes = 0;
	f->byte_limit = 0;
	f->flat = false;
	f->short_io = 0;
}

/* Where page @idx is, or would be. */
static uint32_t slot_of(const struct fuzz_file *f, uint64_t idx)
{
	uint32_t i = (uint32_t)((idx * UINT64_C(0x9e3779b97f4a7c15)) >> 52);

	while (f->slot[i].data && f->slot[i].idx != idx)
		i = (i + 1) % FUZZ_SLOTS;
	return i;
}

static const uint8_t *base_page(const struct fuzz_file *f, uint64_t idx)
{
	if (!f->base || idx >= f->base->page_count)
		return NULL;
	return f->base->page[idx];
}

/* NULL: zeros. */
static const uint8_t *page_at(const struct fuzz_file *f, uint64_t idx)
{
	const uint8_t *own = f->slot[slot_of(f, idx)].data;

	return own ? own : base_page(f, idx);
}

/* NULL: all pages are in use. */
static uint8_t *own_page(struct fuzz_file *f, uint64_t idx)
{
	uint32_t i = slot_of(f, idx);
	const uint8_t *old;
	uint8_t *data;

	if (f->slot[i].data)
		return f->slot[i].data;
	if (f->used == FUZZ_PAGES)
		return NULL;
	if (f->used == f->room) {
		f->page[f->room] = malloc(FUZZ_PAGE);
		FUZZ_CHECK(f->page[f->room]);
		f->room++;
	}
	data = f->page[f->used];
	old = base_page(f, idx);
	if (old)
		memcpy(data, old, FUZZ_PAGE);
	else
		memset(data, 0, FUZZ_PAGE);
	f->used_slot[f->used++] = (uint16_t)i;
	f->slot[i] = (struct fuzz_slot){ idx, data };
	return data;
}

static size_t in_page(uint64_t off, size_t len)
{
	return (size_t)min_u64(len, FUZZ_PAGE - off % FUZZ_PAGE);
}

/* How much of [off, off + len) lies in the file. */
static size_t inside(const struct fuzz_file *f, size_t len, uint64_t off)
{
	return off >= f->size ? 0 : (size_t)min_u64(len, f->size - off);
}

void fuzz_file_get(const struct fuzz_file *f, void *buf, size_t len,
		   uint64_t off)
{
	size_t limit = inside(f, len, off), done = 0, n;
	uint8_t *out = buf;

	for (; done < limit; done += n) {
		uint64_t at = off + done;
		const uint8_t *data = page_at(f, at / FUZZ_PAGE);

		n = in_page(at, limit - done);
		if (data)
			memcpy(out + done, data + at % FUZZ_PAGE, n);
		else
			memset(out + done, 0, n);
	}
	memset(out + done, 0, len - done);
}

void fuzz_file_put(struct fuzz_file *f, const void *buf, size_t len,
		   uint64_t off)
{
	size_t limit = inside(f, len, off), done = 0, n;
	const uint8_t *in = buf;

	for (; done < limit; done += n) {
		uint64_t at = off + done;
		uint8_t *data = own_page(f, at / FUZZ_PAGE);

		n = in_page(at, limit - done);
		if (data)
			memcpy(data + at % FUZZ_PAGE, in + done, n);
	}
}

/* The first page of the base at or after @idx. */
static uint64_t base_next(const struct fuzz_base *base, uint64_t idx)
{
	size_t low = 0, high = base->present_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (base->present[mid] < idx)
			low = mid + 1;
		else
			high = mid;
	}
	return low < base->present_count ? base->present[low] : UINT64_MAX;
}

uint64_t fuzz_file_next(const struct fuzz_file *f, uint64_t off)
{
	uint64_t best = UINT64_MAX, idx = off / FUZZ_PAGE;

	if (off >= f->size)
		return UINT64_MAX;
	for (uint32_t i = 0; i < f->used; i++) {
		uint64_t own = f->slot[f->used_slot[i]].idx;

		if (own >= idx)
			best = min_u64(best, own);
	}
	if (f->base)
		best = min_u64(best, base_next(f->base, idx));
	if (best > (f->size - 1) / FUZZ_PAGE)
		return UINT64_MAX;
	return best * FUZZ_PAGE;
}

bool fuzz_file_exhausted(const struct fuzz_file *f)
{
	return (f->call_limit && f->calls > f->call_limit) ||
	       (f->byte_limit && f->bytes > f->byte_limit);
}

/* Counts a call; false when it is one too many. */
static bool counted(struct fuzz_file *f)
{
	f->calls++;
	return !fuzz_file_exhausted(f);
}

static int64_t file_pread(void *h, void *buf, size_t len, uint64_t off)
{
	struct fuzz_file *f = h;

	if (!counted(f))
		return -EIO;
	len = inside(f, len, off);
	if (f->short_io && len > f->short_io)
		len = f->short_io;
	fuzz_file_get(f, buf, len, off);
	f->bytes += len;
	return (int64_t)len;
}

static int64_t file_get_size(void *h)
{
	struct fuzz_file *f = h;

	return counted(f) ? (int64_t)f->size : -EIO;
}

static int file_next_data(void *h, uint64_t off, uint64_t *start_out,
			  uint64_t *end_out)
{
	struct fuzz_file *f = h;
	uint64_t start, end;

	if (!counted(f))
		return -EIO;
	start = fuzz_file_next(f, off);
	if (start == UINT64_MAX)
		return -ENXIO;
	end = start + FUZZ_PAGE;
	while (end < f->size && page_at(f, end / FUZZ_PAGE))
		end += FUZZ_PAGE;
	*start_out = max_u64(start, off);
	*end_out = min_u64(end, f->size);
	return 0;
}

static int file_close(void *h)
{
	(void)h;
	return 0;
}

const struct vhd_io_ops fuzz_file_ops = {
	.size = sizeof(struct vhd_io_ops),
	.pread = file_pread,
	.get_size = file_get_size,
	.next_data = file_next_data,
	.close = file_close,
};

const struct vhd_io_ops fuzz_file_flat_ops = {
	.size = sizeof(struct vhd_io_ops),
	.pread = file_pread,
	.get_size = file_get_size,
	.close = file_close,
};
