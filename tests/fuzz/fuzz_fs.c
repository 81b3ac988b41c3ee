/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz_fs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "fuzz/fuzz_input.h"

enum { PIECE_MAX = 1 << 20 };

/* The largest disk that an image can have. */
#define SIZE_MASK ((UINT64_C(1) << 46) - 1)

/* So much may be read of a volume, and then reads fail. */
#define BYTES_MAX (UINT64_C(128) << 20)
#define CALLS_MAX 100000u

static bool checksums_count = true;

/* In place of common/fs/crc32c.c. */
bool fs_crc32c_ok(const void *data, size_t len, uint32_t want)
{
	uint32_t crc = UINT32_MAX;
	const uint8_t *p = data;
	int bit;

	if (!checksums_count)
		return true;
	while (len--) {
		crc ^= *p++;
		for (bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
	}
	return ~crc == want;
}

struct fuzz_fs {
	struct fuzz_file *file;
	uint64_t bytes;
	uint32_t calls;
	uint64_t end;		/* of the last range */
	uint64_t sum;
};

static int disk_read(void *arg, void *buf, size_t len, uint64_t off)
{
	struct fuzz_fs *z = arg;

	FUZZ_CHECK(len <= PIECE_MAX && range_in(off, len, z->file->size));
	z->bytes += len;
	if (z->bytes > BYTES_MAX || ++z->calls > CALLS_MAX)
		return -EDOM;
	fuzz_file_get(z->file, buf, len, off);
	return 0;
}

static bool emit(void *arg, uint64_t off, uint64_t len)
{
	struct fuzz_fs *z = arg;

	FUZZ_CHECK(len && range_in(off, len, z->file->size));
	FUZZ_CHECK(!z->end || off > z->end);
	z->end = off + len;
	z->sum += len;
	return true;
}

static struct fs_disk disk_make(struct fuzz_fs *z, const uint8_t *data,
				size_t len)
{
	uint32_t flags;

	memset(z, 0, sizeof(*z));
	z->file = fuzz_file_shared();
	flags = fuzz_input_load(data, len, z->file);
	z->file->size &= SIZE_MASK;
	checksums_count = !(flags & FUZZ_INPUT_RESEAL);
	return (struct fs_disk){ disk_read, z, z->file->size,
				 flags & FUZZ_INPUT_CHS ? 4096 : 512 };
}

static int run(const struct fs_disk *disk, struct fs_part *p, fs_scan_fn scan,
	       struct fs_sink *sink, uint64_t *unused)
{
	struct fs_vol v = { .disk = disk, .part = p, .sink = sink,
			    .len = p->len };
	int rc = scan(&v);

	*unused = v.unused;
	FUZZ_CHECK(rc == FS_OK || rc == FS_LEFT || rc == -EDOM);
	FUZZ_CHECK(rc != FS_LEFT || fuzz_sentence(p->why));
	return rc;
}

int fuzz_fs_volume(fs_scan_fn scan, const uint8_t *data, size_t len)
{
	struct fuzz_fs z;
	struct fs_disk disk = disk_make(&z, data, len);
	struct fs_part part = { .len = disk.size };
	struct fs_sink sink = { .emit = emit, .arg = &z };
	uint64_t first, second;

	if (run(&disk, &part, scan, NULL, &first))
		return 0;
	z.bytes = 0;
	z.calls = 0;
	if (run(&disk, &part, scan, &sink, &second) == -EDOM)
		return 0;
	FUZZ_CHECK(sink_flush(&sink) == FS_OK);
	FUZZ_CHECK(first == second && z.sum == first && first <= disk.size);
	FUZZ_CHECK(!part.why[0]);
	return 0;
}

int fuzz_fs_disk(const uint8_t *data, size_t len)
{
	struct fs_report *rep = malloc(sizeof(*rep));
	struct fuzz_fs z;
	struct fs_disk disk = disk_make(&z, data, len);
	uint64_t sum = 0;
	size_t i;
	int rc;

	FUZZ_CHECK(rep);
	rc = fs_unused(&disk, emit, &z, rep);
	FUZZ_CHECK(rc == 0 || rc == -EDOM);
	for (i = 0; !rc && i < rep->count; i++) {
		const struct fs_part *p = &rep->part[i];

		FUZZ_CHECK(p->understood == !p->why[0]);
		FUZZ_CHECK(p->understood || !p->unused);
		FUZZ_CHECK(!p->understood || !rep->why[0]);
		FUZZ_CHECK(p->used + p->unused == p->len);
		sum += p->unused;
	}
	FUZZ_CHECK(rc || sum == z.sum);
	free(rep);
	return 0;
}
