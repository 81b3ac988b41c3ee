/* SPDX-License-Identifier: BSD-2-Clause */
#include "torture/torture_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/ckd.h"
#include "torture/torture.h"

#if defined(__SANITIZE_THREAD__)
#define WATCHED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WATCHED 1
#endif
#endif

#ifdef WATCHED
enum { BOUNCE = 4096 };

/* A byte after the other until the side of the file is aligned, then words. */
__attribute__((no_sanitize("thread")))
static void unseen_out(uint8_t *to, const uint8_t *file, size_t len)
{
	const volatile uint8_t *from = file;
	size_t i = 0;

	for (; i < len && (uintptr_t)(from + i) % 8; i++)
		to[i] = from[i];
	for (; i + 8 <= len; i += 8) {
		uint64_t w = *(const volatile uint64_t *)(const volatile void *)
			     (from + i);

		__builtin_memcpy(to + i, &w, 8);
	}
	for (; i < len; i++)
		to[i] = from[i];
}

__attribute__((no_sanitize("thread")))
static void unseen_in(uint8_t *file, const uint8_t *from, size_t len)
{
	volatile uint8_t *to = file;
	size_t i = 0;

	for (; i < len && (uintptr_t)(to + i) % 8; i++)
		to[i] = from[i];
	for (; i + 8 <= len; i += 8) {
		uint64_t w;

		__builtin_memcpy(&w, from + i, 8);
		*(volatile uint64_t *)(volatile void *)(to + i) = w;
	}
	for (; i < len; i++)
		to[i] = from[i];
}

/* The caller's side is watched, the file's is not. */
static void copy_out(uint8_t *to, const uint8_t *file, size_t len)
{
	uint8_t tmp[BOUNCE];

	for (size_t n; len; to += n, file += n, len -= n) {
		n = len < BOUNCE ? len : BOUNCE;
		unseen_out(tmp, file, n);
		memcpy(to, tmp, n);
	}
}

static void copy_in(uint8_t *file, const uint8_t *from, size_t len)
{
	uint8_t tmp[BOUNCE];

	for (size_t n; len; from += n, file += n, len -= n) {
		n = len < BOUNCE ? len : BOUNCE;
		memcpy(tmp, from, n);
		unseen_in(file, tmp, n);
	}
}

static void clear(uint8_t *file, size_t len)
{
	static const uint8_t zeros[BOUNCE];

	for (size_t n; len; file += n, len -= n) {
		n = len < BOUNCE ? len : BOUNCE;
		unseen_in(file, zeros, n);
	}
}
#else
static void copy_out(uint8_t *to, const uint8_t *file, size_t len)
{
	memcpy(to, file, len);
}

static void copy_in(uint8_t *file, const uint8_t *from, size_t len)
{
	memcpy(file, from, len);
}

static void clear(uint8_t *file, size_t len)
{
	memset(file, 0, len);
}
#endif

static void mark_used(struct torture_file *f, uint64_t len, uint64_t off)
{
	for (uint64_t i = off / TORTURE_CHUNK; i * TORTURE_CHUNK < off + len;
	     i++)
		atomic_store_explicit(&f->used[i], 1, memory_order_relaxed);
}

static bool is_used(const struct torture_file *f, uint64_t i)
{
	return atomic_load_explicit(&f->used[i], memory_order_relaxed);
}

static void changed(struct torture_file *f)
{
	atomic_fetch_add_explicit(&f->changes, 1, memory_order_relaxed);
}

/* So that others come between two calls, as they do beside a real disk. */
static void linger(struct torture_file *f)
{
	uint64_t n = atomic_fetch_add_explicit(&f->calls, 1,
					       memory_order_relaxed);
	uint64_t h = n * UINT64_C(0x9e3779b97f4a7c15) >> 40;
	/* Some so long that whole commits fit in. */
	uint64_t us = h % 64 ? h / 64 % 100 : 3000;
	const struct timespec t = { 0, (long)us * 1000 };

	if (f->slow && h % 4 == 0)
		nanosleep(&t, NULL);
}

uint64_t torture_file_size(const struct torture_file *f)
{
	return atomic_load_explicit(&f->size, memory_order_relaxed);
}

/* At least @size. */
static void grow(struct torture_file *f, uint64_t size)
{
	uint64_t now = torture_file_size(f);

	while (now < size && !atomic_compare_exchange_weak_explicit(
			&f->size, &now, size, memory_order_relaxed,
			memory_order_relaxed))
		;
	now = atomic_load_explicit(&f->high, memory_order_relaxed);
	while (now < size && !atomic_compare_exchange_weak_explicit(
			&f->high, &now, size, memory_order_relaxed,
			memory_order_relaxed))
		;
}

/* What was never written to is zeros as it is. */
static void clear_range(struct torture_file *f, uint64_t len, uint64_t off)
{
	while (len) {
		uint64_t i = off / TORTURE_CHUNK;
		uint64_t n = min_u64(len, (i + 1) * TORTURE_CHUNK - off);

		if (is_used(f, i))
			clear(f->bytes + off, (size_t)n);
		off += n;
		len -= n;
	}
}

void torture_file_read(struct torture_file *f, void *buf, size_t len,
		       uint64_t off)
{
	NEED(range_in(off, len, TORTURE_FILE_MAX));
	copy_out(buf, f->bytes + off, len);
}

void torture_file_write(struct torture_file *f, const void *buf, size_t len,
			uint64_t off)
{
	NEED(range_in(off, len, TORTURE_FILE_MAX));
	mark_used(f, len, off);
	copy_in(f->bytes + off, buf, len);
	grow(f, off + len);
	changed(f);
}

static int64_t file_pread(void *h, void *buf, size_t len, uint64_t off)
{
	uint64_t size = torture_file_size(h);

	if (off >= size)
		return 0;
	len = (size_t)min_u64(len, size - off);
	torture_file_read(h, buf, len, off);
	linger(h);
	return (int64_t)len;
}

static int64_t file_pwrite(void *h, const void *buf, size_t len, uint64_t off)
{
	struct torture_file *f = h;

	if (f->limit && off >= f->limit)
		return -ENOSPC;
	if (f->limit)
		len = (size_t)min_u64(len, f->limit - off);
	linger(f);
	torture_file_write(f, buf, len, off);
	return (int64_t)len;
}

static int file_flush(void *h)
{
	linger(h);
	return 0;
}

static int64_t file_get_size(void *h)
{
	return (int64_t)torture_file_size(h);
}

/* No other call is about bytes that are cut off. */
static int file_set_size(void *h, uint64_t size)
{
	struct torture_file *f = h;
	uint64_t now = torture_file_size(f);

	if (size > TORTURE_FILE_MAX)
		return -EFBIG;
	if (f->limit && size > now && size > f->limit)
		return -ENOSPC;
	if (size < now)
		clear_range(f, now - size, size);
	else
		grow(f, size);
	atomic_store_explicit(&f->size, size, memory_order_relaxed);
	changed(f);
	return 0;
}

static int file_punch_hole(void *h, uint64_t len, uint64_t off)
{
	uint64_t size = torture_file_size(h);

	if (off < size)
		clear_range(h, min_u64(len, size - off), off);
	changed(h);
	return 0;
}

static int file_zero_range(void *h, uint64_t len, uint64_t off)
{
	struct torture_file *f = h;

	if (!range_in(off, len, TORTURE_FILE_MAX))
		return -EFBIG;
	if (f->limit && !range_in(off, len, f->limit))
		return -ENOSPC;
	clear_range(f, len, off);
	grow(f, off + len);
	changed(f);
	return 0;
}

struct torture_file *torture_file_new(bool holes)
{
	struct torture_file *f = calloc(1, sizeof(*f));

	NEED(f);
	f->bytes = mmap(NULL, TORTURE_FILE_MAX, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	NEED(f->bytes != MAP_FAILED);
	f->ro_ops = (struct vhd_io_ops){
		.size = sizeof(struct vhd_io_ops),
		.pread = file_pread,
		.get_size = file_get_size,
	};
	f->ops = f->ro_ops;
	f->ops.pwrite = file_pwrite;
	f->ops.flush = file_flush;
	f->ops.set_size = file_set_size;
	if (holes) {
		f->ops.zero_range = file_zero_range;
		f->ops.punch_hole = file_punch_hole;
	}
	return f;
}

void torture_file_free(struct torture_file *f)
{
	if (!f)
		return;
	munmap(f->bytes, TORTURE_FILE_MAX);
	free(f);
}

void torture_file_copy(struct torture_file *f, const struct torture_file *from)
{
	for (uint64_t i = 0; i < TORTURE_FILE_MAX / TORTURE_CHUNK; i++) {
		uint64_t off = i * TORTURE_CHUNK;

		if (is_used(from, i))
			copy_out(f->bytes + off, from->bytes + off,
				 TORTURE_CHUNK);
		else if (is_used(f, i))
			clear(f->bytes + off, TORTURE_CHUNK);
		atomic_store_explicit(&f->used[i], is_used(from, i),
				      memory_order_relaxed);
	}
	atomic_store(&f->size, torture_file_size(from));
	atomic_store(&f->high, torture_file_size(from));
}
