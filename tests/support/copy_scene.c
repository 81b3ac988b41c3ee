/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/copy_scene.h"

#include <fcntl.h>

#define KIB UINT64_C(1024)
#define MIB (KIB * KIB)

enum { GRAIN = 4096, SECTOR = 512, PIECE = 65536 };

static const struct kind {
	const char *what, *ext;
	enum vhd_type type;
	uint64_t block;
	uint32_t sector;
	int layers;
	size_t size;
} kinds[COPY_SOURCES] = {
	{ "raw, odd", "raw", VHD_TYPE_FIXED, 0, 0, 1, 7 * MIB + 1234 },
	{ "fixed VHD", "vhd", VHD_TYPE_FIXED, 0, 0, 1, 6 * MIB + 512 },
	{ "dynamic VHD", "vhd", VHD_TYPE_DYNAMIC, 0, 0, 1, 9 * MIB + 1536 },
	{ "dynamic VHD of small blocks", "vhd", VHD_TYPE_DYNAMIC, 512 * KIB, 0,
	  1, 7 * MIB + 512 },
	{ "chain of VHDs", "vhd", VHD_TYPE_DYNAMIC, 0, 0, 3, 8 * MIB + 512 },
	{ "fixed VHDX", "vhdx", VHD_TYPE_FIXED, MIB, 0, 1, 6 * MIB + 1024 },
	{ "dynamic VHDX", "vhdx", VHD_TYPE_DYNAMIC, MIB, 0, 1, 9 * MIB + 512 },
	{ "dynamic VHDX of 4K sectors", "vhdx", VHD_TYPE_DYNAMIC, 2 * MIB, 4096,
	  1, 8 * MIB + 4096 },
	{ "chain of VHDXs", "vhdx", VHD_TYPE_DYNAMIC, MIB, 0, 4,
	  8 * MIB + 1536 },
};

const struct copy_target copy_targets[COPY_TARGETS] = {
	{ "a.raw", "raw", VHD_TYPE_DEFAULT, 0, 0, 0 },
	{ "a.raw", "raw, reserved", VHD_TYPE_FIXED, 0, 0,
	  VHD_CREATE_PREALLOCATE },
	{ "a.vhd", "fixed VHD", VHD_TYPE_FIXED, 0, 0, 0 },
	{ "a.vhd", "dynamic VHD", VHD_TYPE_DYNAMIC, 0, 0, 0 },
	{ "a.vhd", "dynamic VHD of small blocks", VHD_TYPE_DYNAMIC, 0,
	  512 * KIB, 0 },
	{ "a.vhdx", "fixed VHDX", VHD_TYPE_FIXED, 0, MIB, 0 },
	{ "a.vhdx", "fixed VHDX, reserved", VHD_TYPE_FIXED, 0, MIB,
	  VHD_CREATE_PREALLOCATE },
	{ "a.vhdx", "dynamic VHDX", VHD_TYPE_DYNAMIC, 0, MIB, 0 },
	{ "a.vhdx", "dynamic VHDX of 4K sectors", VHD_TYPE_DYNAMIC, 4096, 0, 0 },
};

const char *copy_source_name(int kind)
{
	return kinds[kind].what;
}

static void need(int rc, const struct vhd_error *err, const char *what)
{
	if (rc)
		ck_abort_msg("%s: %s: %s", what, err->file, err->msg);
}

static struct vhd_image *open_flags(const char *path, uint32_t flags)
{
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img = NULL;
	struct vhd_error err;

	o.flags = flags | VHD_OPEN_ALLOW_RAW;
	need(vhd_open(path, &o, &img, &err), &err, "open");
	return img;
}

static void close_image(struct vhd_image *img)
{
	struct vhd_error err;

	need(vhd_close(&img, &err), &err, "close");
}

/* Zeros between the data that was just put at @p. */
static void perforate(struct copy_source *s, uint8_t *p, size_t len)
{
	size_t unit = base_rand_below(&s->seed, 2) ? GRAIN : SECTOR;

	for (size_t i = 0; i + unit <= len; i += unit)
		if (!base_rand_below(&s->seed, 3))
			memset(p + i, 0, unit);
}

/* Random bytes, or a lone one, or zeros that nobody tells from data. */
static void make_bytes(struct copy_source *s, uint8_t *p, size_t len)
{
	switch (base_rand_below(&s->seed, 6)) {
	case 0:
		memset(p, 0, len);
		break;
	case 1:
		memset(p, 0, len);
		p[base_rand_below(&s->seed, len)] = 1;
		break;
	case 2:
		base_rand_fill(&s->seed, p, len);
		perforate(s, p, len);
		break;
	default:
		base_rand_fill(&s->seed, p, len);
		break;
	}
}

/* Where the next change is; a whole number of @unit, at least one. */
static size_t choose(struct copy_source *s, size_t unit, size_t *off_out)
{
	size_t most = (size_t)1 << base_rand_below(&s->seed, 11);
	size_t len = unit * (1 + (size_t)base_rand_below(&s->seed, most));
	size_t off = unit * (size_t)base_rand_below(&s->seed, s->size / unit);

	*off_out = off;
	return len < s->size - off ? len : s->size - off;
}

static void scribble(struct copy_source *s, const char *path, size_t unit,
		     int count)
{
	struct vhd_image *img = open_flags(path, VHD_OPEN_RDWR);
	struct vhd_error err;

	while (count--) {
		size_t off, len = choose(s, unit, &off);

		if (base_rand_below(&s->seed, 6)) {
			make_bytes(s, s->disk + off, len);
			need(vhd_pwrite(img, s->disk + off, len, off, &err),
			     &err, "write");
		} else {
			memset(s->disk + off, 0, len);
			need(vhd_write_zeroes(img, off, len, 0, &err), &err,
			     "zero");
		}
	}
	close_image(img);
}

static void make_raw(struct copy_source *s)
{
	int fd = open(s->path[0], O_RDWR | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)s->size), 0);
	for (int i = 0; i < 25; i++) {
		size_t off, len = choose(s, i % 3 ? 1 : SECTOR, &off);

		if (i % 3)
			len *= 1 + (size_t)base_rand_below(&s->seed, 500);
		if (len > s->size - off)
			len = s->size - off;
		make_bytes(s, s->disk + off, len);
		ck_assert_int_eq(pwrite(fd, s->disk + off, len, (off_t)off),
				 (ssize_t)len);
	}
	close(fd);
}

static void create(struct copy_source *s, const struct kind *k, int layer)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	struct vhd_error err;

	o.virtual_size = s->size;
	o.type = layer ? VHD_TYPE_DIFF : k->type;
	o.block_size = k->block;
	o.logical_sector = layer ? 0 : k->sector;
	o.parent = layer ? s->path[layer - 1] : NULL;
	o.flags = VHD_CREATE_NO_SYNC;
	need(vhd_create(s->path[layer], &o, &err), &err, "create");
}

/* Pages of a file that hold some of @e are taken away. */
static void punch(struct copy_source *s, const struct vhd_extent *e)
{
	uint64_t pages = e->len / GRAIN;
	uint64_t from, to;
	int fd;

	if (pages < 3)
		return;
	from = e->file_off + GRAIN * base_rand_below(&s->seed, pages);
	from = (from + GRAIN - 1) / GRAIN * GRAIN;
	to = from + GRAIN * (1 + base_rand_below(&s->seed, pages / 2));
	if (from >= e->file_off + e->len)
		return;
	if (to > e->file_off + e->len)
		to = (e->file_off + e->len) / GRAIN * GRAIN;
	if (to <= from)
		return;
	fd = open(s->path[s->layers - 1 - (int)e->layer], O_RDWR);
	ck_assert_int_ge(fd, 0);
	/* A file system that knows no holes has its zeros written. */
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      (off_t)from, (off_t)(to - from))) {
		void *zeros = calloc(1, to - from);

		ck_assert_int_eq(pwrite(fd, zeros, to - from, (off_t)from),
				 (ssize_t)(to - from));
		free(zeros);
	}
	close(fd);
	memset(s->disk + e->off + (from - e->file_off), 0, to - from);
}

/* Holes inside what every second extent stores. */
static void punch_some(struct copy_source *s)
{
	struct vhd_image *img = copy_source_open(s);
	uint64_t off = 0;

	while (off < s->size) {
		struct vhd_extent e;
		struct vhd_error err;
		size_t n;

		need(vhd_resolve(img, off, s->size - off, &e, 1, &n, &err),
		     &err, "resolve");
		if (e.kind == VHD_EXTENT_DATA && base_rand_below(&s->seed, 2))
			punch(s, &e);
		off += e.len;
	}
	vhd_close(&img, NULL);
}

/* Sectors of a block that its bitmap does not have any more (VHD-B-4). */
static void unmark(struct copy_source *s, int fd, uint64_t guest,
		   uint64_t bitmap, uint64_t sectors)
{
	uint64_t first = base_rand_below(&s->seed, sectors);
	uint64_t count = 1 + base_rand_below(&s->seed, 64);

	for (uint64_t i = first; i < first + count && i < sectors; i++) {
		uint64_t at = guest + i * SECTOR;
		uint8_t byte;

		ck_assert_int_eq(pread(fd, &byte, 1, (off_t)(bitmap + i / 8)),
				 1);
		byte &= (uint8_t)~(0x80 >> i % 8);
		ck_assert_int_eq(pwrite(fd, &byte, 1, (off_t)(bitmap + i / 8)),
				 1);
		if (at < s->size)
			memset(s->disk + at, 0, SECTOR < s->size - at ?
			       SECTOR : s->size - at);
	}
}

/* The bitmap of a block of up to 2 MiB is the sector before its data. */
static void unmark_some(struct copy_source *s, uint64_t block)
{
	struct vhd_image *img = copy_source_open(s);
	int fd = open(s->path[0], O_RDWR);
	uint64_t size = block ? block : 2 * MIB;

	ck_assert_int_ge(fd, 0);
	for (uint64_t off = 0; off < s->size; off += size) {
		struct vhd_extent e;
		struct vhd_error err;
		size_t n;

		need(vhd_resolve(img, off, SECTOR, &e, 1, &n, &err), &err,
		     "resolve");
		if (e.kind == VHD_EXTENT_DATA)
			unmark(s, fd, off, e.file_off - SECTOR, size / SECTOR);
	}
	close(fd);
	vhd_close(&img, NULL);
}

static void start(struct copy_source *s, size_t size, uint64_t seed)
{
	memset(s, 0, sizeof(*s));
	s->seed = seed;
	s->size = size;
	s->disk = calloc(1, size);
	ck_assert_ptr_nonnull(s->disk);
	tempdir_make(&s->dir);
}

void copy_source_make(struct copy_source *s, int kind, uint64_t seed)
{
	const struct kind *k = &kinds[kind];
	char name[32];
	char path[512];

	start(s, k->size, seed * 1000003 + (uint64_t)kind + 1);
	for (int i = 0; i < k->layers; i++) {
		snprintf(name, sizeof(name), "in%d.%s", i, k->ext);
		strcpy(s->path[i], tempdir_name(&s->dir, name, path));
		s->layers = i + 1;
		if (!strcmp(k->ext, "raw")) {
			make_raw(s);
		} else {
			create(s, k, i);
			scribble(s, s->path[i], k->sector ? k->sector : SECTOR,
				 i ? 12 : 20);
		}
	}
	punch_some(s);
	if (k->type == VHD_TYPE_DYNAMIC && k->layers == 1 &&
	    !strcmp(k->ext, "vhd"))
		unmark_some(s, k->block);
}

void copy_source_empty(struct copy_source *s, size_t size)
{
	start(s, size, 1);
	s->layers = 1;
	tempdir_write(tempdir_name(&s->dir, "in0.raw", s->path[0]), "", 0);
	ck_assert_int_eq(truncate(s->path[0], (off_t)size), 0);
}

void copy_source_free(struct copy_source *s)
{
	free(s->disk);
	tempdir_remove(&s->dir);
}

struct vhd_image *copy_source_open(const struct copy_source *s)
{
	return open_flags(s->path[s->layers - 1], 0);
}

struct vhd_convert_opts copy_target_opts(const struct copy_target *t)
{
	struct vhd_convert_opts o = VHD_CONVERT_OPTS_INIT;

	o.create.type = t->type;
	o.create.block_size = t->block;
	o.create.logical_sector = t->sector;
	o.create.flags = t->flags | VHD_CREATE_NO_SYNC;
	o.create.timestamp = 1700000000;
	for (size_t i = 0; i < sizeof(o.create.guid.b); i++)
		o.create.guid.b[i] = (uint8_t)(17 * i + 3);
	return o;
}

const char *copy_target_path(const struct copy_source *s,
			     const struct copy_target *t, int turn,
			     char buf[512])
{
	char name[64];

	snprintf(name, sizeof(name), "out%d-%s", turn, t->name);
	return tempdir_name(&s->dir, name, buf);
}

static void expect_bytes(struct vhd_image *img, const struct copy_source *s)
{
	uint8_t have[PIECE], want[PIECE];

	ck_assert_uint_ge(vhd_size(img), s->size);
	for (uint64_t off = 0; off < vhd_size(img); off += PIECE) {
		uint64_t left = vhd_size(img) - off;
		size_t n = left < PIECE ? (size_t)left : PIECE;
		struct vhd_error err;

		memset(want, 0, sizeof(want));
		if (off < s->size)
			memcpy(want, s->disk + off, n < s->size - off ? n :
			       s->size - (size_t)off);
		need(vhd_pread(img, have, n, off, &err), &err, "read");
		for (size_t i = 0; i < n; i++)
			if (have[i] != want[i])
				ck_abort_msg("byte 0x%jx is %u, not %u",
					     (uintmax_t)(off + i), have[i],
					     want[i]);
	}
}

void copy_expect(const char *path, const struct copy_source *s)
{
	struct vhd_image *img = open_flags(path, 0);
	struct vhd_info info = { .size = sizeof(info) };
	struct vhd_check_opts o = VHD_CHECK_OPTS_INIT;
	struct vhd_check_result res;
	struct vhd_error err;

	expect_bytes(img, s);
	need(vhd_layer_info(img, 0, &info, &err), &err, "info");
	close_image(img);
	if (info.format == VHD_FORMAT_RAW)
		return;
	o.flags = VHD_CHECK_DEEP;
	need(vhd_check(path, &o, &res, &err), &err, "check");
	ck_assert_uint_eq(res.count[VHD_SEV_ERROR], 0);
	ck_assert_uint_eq(res.count[VHD_SEV_WARNING], 0);
}

void copy_expect_same(const char *a, const char *b)
{
	static uint8_t x[PIECE], y[PIECE];
	FILE *f = fopen(a, "rb"), *g = fopen(b, "rb");
	size_t n, m, off = 0;

	ck_assert(f && g);
	do {
		n = fread(x, 1, sizeof(x), f);
		m = fread(y, 1, sizeof(y), g);
		ck_assert_msg(n == m, "%s and %s have not the same length", a,
			      b);
		if (memcmp(x, y, n))
			ck_abort_msg("%s and %s differ in the 64 KiB at %#zx",
				     a, b, off);
		off += n;
	} while (n);
	fclose(f);
	fclose(g);
}

uint64_t copy_grains(const struct copy_source *s)
{
	uint64_t count = 0;

	for (size_t off = 0; off < s->size; off += GRAIN) {
		size_t n = s->size - off < GRAIN ? s->size - off : GRAIN;
		const uint8_t *p = s->disk + off;

		count += p[0] || memcmp(p, p + 1, n - 1);
	}
	return count;
}
