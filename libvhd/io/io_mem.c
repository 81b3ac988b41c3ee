/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file that lives in memory.
 *
 * Bytes are kept in pieces of 64 KiB; a piece that was never written does not
 * exist and reads as zeros.  The pieces stand in one array in the order of
 * their place in the file, so that finding one is a binary search, appending is
 * cheap, and the next data after an offset is the next element.
 *
 * Invariants:
 *
 *	M1  pieces are sorted, without doubles, and none lies past the end of
 *	    the file
 *	M2  bytes of the last piece that lie past the end of the file are zero,
 *	    so growing needs no work
 *
 * A call either happens or has no effect: memory is found before the size is
 * changed.  Only a write of many pieces may stop early, and then it is a short
 * write of whole pieces, as the interface allows.
 */

#include "io/io_mem.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"

#define PIECE_LEN (64 * KiB)

struct piece {
	uint64_t idx;		/* of the piece in the file */
	uint8_t *data;		/* PIECE_LEN bytes */
};

struct mem_file {
	pthread_rwlock_t lock;	/* guards everything below */
	struct piece *pieces;
	size_t count, room;
	uint64_t size;
};

/* Index in the array of the first piece at or after @idx. */
static size_t find_piece(const struct mem_file *f, uint64_t idx)
{
	size_t low = 0, high = f->count;

	/* Appending is the common case. */
	if (high && f->pieces[high - 1].idx < idx)
		return high;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (f->pieces[mid].idx < idx)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static uint8_t *get_piece(const struct mem_file *f, uint64_t idx)
{
	size_t i = find_piece(f, idx);

	return i < f->count && f->pieces[i].idx == idx ? f->pieces[i].data :
							  NULL;
}

static bool grow_array(struct mem_file *f)
{
	size_t room = f->room ? f->room * 2 : 16;
	struct piece *pieces;

	if (f->count < f->room)
		return true;
	pieces = vhd_alloc_array(room, sizeof(*pieces));
	if (!pieces)
		return false;
	if (f->count)
		memcpy(pieces, f->pieces, f->count * sizeof(*pieces));
	vhd_free(f->pieces);
	f->pieces = pieces;
	f->room = room;
	return true;
}

/* The piece, made if need be; NULL when there is no memory. */
static uint8_t *make_piece(struct mem_file *f, uint64_t idx)
{
	size_t i = find_piece(f, idx);
	uint8_t *data;

	if (i < f->count && f->pieces[i].idx == idx)
		return f->pieces[i].data;
	if (!grow_array(f))
		return NULL;
	data = vhd_alloc(PIECE_LEN);
	if (!data)
		return NULL;
	memmove(f->pieces + i + 1, f->pieces + i,
		(f->count - i) * sizeof(*f->pieces));
	f->pieces[i] = (struct piece){ idx, data };
	f->count++;
	return data;
}

/* How much of @len bytes at @off lies in the piece where they start. */
static size_t in_piece(uint64_t off, uint64_t len)
{
	return (size_t)min_u64(len, PIECE_LEN - off % PIECE_LEN);
}

static int64_t mem_pread(void *h, void *buf, size_t len, uint64_t off)
{
	struct mem_file *f = h;
	uint8_t *out = buf;
	size_t done = 0;

	pthread_rwlock_rdlock(&f->lock);
	if (off >= f->size)
		len = 0;
	else
		len = (size_t)min_u64(len, f->size - off);
	while (done < len) {
		uint64_t at = off + done;
		size_t n = in_piece(at, len - done);
		const uint8_t *data = get_piece(f, at / PIECE_LEN);

		if (data)
			memcpy(out + done, data + at % PIECE_LEN, n);
		else
			memset(out + done, 0, n);
		done += n;
	}
	pthread_rwlock_unlock(&f->lock);
	return (int64_t)done;
}

static int64_t mem_pwrite(void *h, const void *buf, size_t len, uint64_t off)
{
	struct mem_file *f = h;
	const uint8_t *in = buf;
	size_t done = 0;

	if (!range_in(off, len, INT64_MAX))
		return -EFBIG;
	pthread_rwlock_wrlock(&f->lock);
	while (done < len) {
		uint64_t at = off + done;
		size_t n = in_piece(at, len - done);
		uint8_t *data = make_piece(f, at / PIECE_LEN);

		if (!data)
			break;
		memcpy(data + at % PIECE_LEN, in + done, n);
		done += n;
	}
	if (done)
		f->size = max_u64(f->size, off + done);
	pthread_rwlock_unlock(&f->lock);
	return done || !len ? (int64_t)done : -ENOMEM;
}

static int mem_flush(void *h)
{
	(void)h;
	return 0;
}

static int64_t mem_get_size(void *h)
{
	struct mem_file *f = h;
	uint64_t size;

	pthread_rwlock_rdlock(&f->lock);
	size = f->size;
	pthread_rwlock_unlock(&f->lock);
	return (int64_t)size;
}

/* Removes pieces [first, last) of the array. */
static void drop_pieces(struct mem_file *f, size_t first, size_t last)
{
	for (size_t i = first; i < last; i++)
		vhd_free(f->pieces[i].data);
	if (last < f->count)
		memmove(f->pieces + first, f->pieces + last,
			(f->count - last) * sizeof(*f->pieces));
	f->count -= last - first;
}

/* Zeros inside one piece, if it exists. */
static void clear_part(struct mem_file *f, uint64_t off, size_t len)
{
	uint8_t *data = get_piece(f, off / PIECE_LEN);

	if (data)
		memset(data + off % PIECE_LEN, 0, len);
}

/* Whole pieces vanish, parts of pieces become zeros. */
static void clear_range(struct mem_file *f, uint64_t len, uint64_t off)
{
	uint64_t end = off + len;
	uint64_t first = div_ceil(off, PIECE_LEN);
	uint64_t last = end / PIECE_LEN;

	if (first > last) {
		clear_part(f, off, (size_t)len);
		return;
	}
	if (off % PIECE_LEN)
		clear_part(f, off, in_piece(off, len));
	if (end % PIECE_LEN)
		clear_part(f, end - end % PIECE_LEN, (size_t)(end % PIECE_LEN));
	drop_pieces(f, find_piece(f, first), find_piece(f, last));
}

static int mem_set_size(void *h, uint64_t size)
{
	struct mem_file *f = h;

	if (size > INT64_MAX)
		return -EFBIG;
	pthread_rwlock_wrlock(&f->lock);
	if (size < f->size)
		clear_range(f, align_up(f->size, PIECE_LEN) - size, size);
	f->size = size;
	pthread_rwlock_unlock(&f->lock);
	return 0;
}

static int mem_zero_range(void *h, uint64_t len, uint64_t off)
{
	struct mem_file *f = h;

	if (!range_in(off, len, INT64_MAX))
		return -EFBIG;
	pthread_rwlock_wrlock(&f->lock);
	clear_range(f, len, off);
	if (len)
		f->size = max_u64(f->size, off + len);
	pthread_rwlock_unlock(&f->lock);
	return 0;
}

static int mem_punch_hole(void *h, uint64_t len, uint64_t off)
{
	struct mem_file *f = h;

	if (!range_in(off, len, INT64_MAX))
		return -EFBIG;
	pthread_rwlock_wrlock(&f->lock);
	clear_range(f, len, off);
	pthread_rwlock_unlock(&f->lock);
	return 0;
}

static int mem_next_data(void *h, uint64_t off, uint64_t *start_out,
			 uint64_t *end_out)
{
	struct mem_file *f = h;
	uint64_t idx;
	size_t i;

	pthread_rwlock_rdlock(&f->lock);
	i = find_piece(f, off / PIECE_LEN);
	if (off >= f->size || i == f->count) {
		pthread_rwlock_unlock(&f->lock);
		return -ENXIO;
	}
	idx = f->pieces[i].idx;
	*start_out = max_u64(off, idx * PIECE_LEN);
	while (i < f->count && f->pieces[i].idx == idx)
		i++, idx++;
	*end_out = min_u64(idx * PIECE_LEN, f->size);
	pthread_rwlock_unlock(&f->lock);
	return 0;
}

static int mem_close(void *h)
{
	struct mem_file *f = h;

	drop_pieces(f, 0, f->count);
	pthread_rwlock_destroy(&f->lock);
	vhd_free(f->pieces);
	vhd_free(f);
	return 0;
}

const struct vhd_io_ops vhd_mem_ops = {
	.size = sizeof(struct vhd_io_ops),
	.pread = mem_pread,
	.pwrite = mem_pwrite,
	.flush = mem_flush,
	.get_size = mem_get_size,
	.set_size = mem_set_size,
	.zero_range = mem_zero_range,
	.punch_hole = mem_punch_hole,
	.next_data = mem_next_data,
	.close = mem_close,
};

void *vhd_mem_new(const void *data, size_t len)
{
	struct mem_file *f = vhd_alloc(sizeof(*f));

	if (!f)
		return NULL;
	if (pthread_rwlock_init(&f->lock, NULL)) {
		vhd_free(f);
		return NULL;
	}
	if (!data)
		len = 0;
	if (len && mem_pwrite(f, data, len, 0) != (int64_t)len) {
		mem_close(f);
		return NULL;
	}
	return f;
}

int vhd_io_open_mem(const void *data, size_t len, struct vhd_io **io_out,
		    struct vhd_error *err)
{
	void *h = vhd_mem_new(data, len);

	if (!h)
		return vhd_fail_nomem(err);
	return vhd_io_new(&vhd_mem_ops, h, "memory", io_out, err);
}
