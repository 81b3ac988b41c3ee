/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every kind of disk into every kind of image, by one thread and by several:
 * the bytes, the counts and the file itself do not depend on who was quicker.
 * And nothing takes space that holds nothing.
 */
#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#ifdef __linux__
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#endif

#include "support/check_main.h"
#include "support/copy_scene.h"

#define MIB (UINT64_C(1) << 20)

enum { DIRECTIONS = COPY_SOURCES * COPY_TARGETS };

static const uint32_t threads[] = { 1, 2, 4, 8, 0 };
enum { TURNS = sizeof(threads) / sizeof(threads[0]) };

static struct copy_source src;

/* Nobody cuts the power here (the linker's --wrap). */
int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
	(void)fd;
	return 0;
}

static void convert(struct vhd_image *img, const char *to,
		    const struct vhd_convert_opts *o,
		    struct vhd_convert_result *res)
{
	struct vhd_error err;

	memset(res, 0, sizeof(*res));
	if (vhd_convert(img, to, o, res, &err))
		ck_abort_msg("%s: %s", err.file, err.msg);
}

/* Turn after turn, each compared with the one by a single thread. */
static void all_turns(const struct copy_target *t, uint32_t flags)
{
	struct vhd_convert_opts o = copy_target_opts(t);
	struct vhd_image *img = copy_source_open(&src);
	struct vhd_convert_result first, res;
	char one[512], other[512];

	o.flags = flags;
	for (int i = 0; i < TURNS; i++) {
		copy_target_path(&src, t, i, i ? other : one);
		o.threads = threads[i];
		convert(img, i ? other : one, &o, i ? &res : &first);
		if (!i) {
			copy_expect(one, &src);
			continue;
		}
		copy_expect_same(one, other);
		ck_assert_int_eq(memcmp(&first, &res, sizeof(res)), 0);
		ck_assert_int_eq(unlink(other), 0);
	}
	ck_assert_uint_eq(first.source_size, src.size);
	ck_assert_uint_eq(first.data_bytes + first.zero_bytes, src.size);
	ck_assert_uint_le(first.data_bytes, copy_grains(&src) * 4096);
	ck_assert_uint_eq(first.missing_bytes, 0);
	vhd_close(&img, NULL);
}

START_TEST(copy_model__every_direction_gives_the_same_file)
{
	const struct copy_target *t = &copy_targets[_i % COPY_TARGETS];
	int kind = _i / COPY_TARGETS % COPY_SOURCES;

	copy_source_make(&src, kind, (uint64_t)_i + 1);
	all_turns(t, 0);
	copy_source_free(&src);
}
END_TEST

START_TEST(copy_model__flags_change_no_byte)
{
	static const uint32_t flags[] = {
		VHD_CONVERT_VERIFY, VHD_CONVERT_NO_SHARE,
		VHD_CONVERT_NO_CACHE, VHD_CONVERT_VERIFY | VHD_CONVERT_NO_CACHE
	};
	const struct copy_target *t = &copy_targets[_i % COPY_TARGETS];
	int kind = _i * 4 % COPY_SOURCES;
	char plain[512], flagged[512];
	struct vhd_convert_opts o = copy_target_opts(t);
	struct vhd_convert_result res;
	struct vhd_image *img;

	copy_source_make(&src, kind, 3);
	img = copy_source_open(&src);
	copy_target_path(&src, t, 100, plain);
	convert(img, plain, &o, &res);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		o.flags = flags[i];
		o.threads = (uint32_t)i;
		copy_target_path(&src, t, 101 + (int)i, flagged);
		convert(img, flagged, &o, &res);
		copy_expect_same(plain, flagged);
	}
	vhd_close(&img, NULL);
	copy_source_free(&src);
}
END_TEST

static uint64_t space_of(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY);

	ck_assert_int_ge(fd, 0);
	/* Not before that is it decided on what is stored. */
	ck_assert_int_eq(fsync(fd), 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	close(fd);
	return (uint64_t)st.st_blocks * 512;
}

/* Bytes that have space and were never written; 0 where nobody tells. */
static uint64_t reserved_of(const char *path)
{
	uint64_t sum = 0;
#ifdef FS_IOC_FIEMAP
	struct fiemap *m = calloc(1, sizeof(*m) +
				  4096 * sizeof(struct fiemap_extent));
	int fd = open(path, O_RDONLY);

	ck_assert(m && fd >= 0);
	m->fm_length = ~0ULL;
	m->fm_flags = FIEMAP_FLAG_SYNC;
	m->fm_extent_count = 4096;
	if (ioctl(fd, FS_IOC_FIEMAP, m) == 0)
		for (uint32_t i = 0; i < m->fm_mapped_extents; i++)
			if (m->fm_extents[i].fe_flags &
			    FIEMAP_EXTENT_UNWRITTEN)
				sum += m->fm_extents[i].fe_length;
	close(fd);
	free(m);
#endif
	return sum;
}

/* What an image of the kind takes that has no data at all. */
static void measure_empty(const struct copy_target *t, size_t size,
			  uint64_t *space_out, uint64_t *reserved_out)
{
	struct vhd_convert_opts o = copy_target_opts(t);
	struct vhd_convert_result res;
	struct copy_source empty;
	struct vhd_image *img;
	char path[512];

	copy_source_empty(&empty, size);
	img = copy_source_open(&empty);
	convert(img, copy_target_path(&empty, t, 0, path), &o, &res);
	ck_assert_uint_eq(res.data_bytes, 0);
	*space_out = space_of(path);
	*reserved_out = reserved_of(path);
	vhd_close(&img, NULL);
	copy_source_free(&empty);
}

/* A page of bitmap for each block that a dynamic VHD of this size may have. */
static uint64_t bitmaps_of(const struct copy_target *t, size_t size)
{
	uint64_t block = t->block ? t->block : 2 * MIB;

	if (!strstr(t->name, ".vhd") || strstr(t->name, ".vhdx") ||
	    t->type != VHD_TYPE_DYNAMIC)
		return 0;
	return (size / block + 1) * 4096;
}

START_TEST(copy_model__what_holds_nothing_takes_no_space)
{
	const struct copy_target *t = &copy_targets[_i % COPY_TARGETS];
	int kind = _i / COPY_TARGETS % COPY_SOURCES;
	uint64_t empty, reserved, data, most;
	struct vhd_convert_opts o = copy_target_opts(t);
	struct vhd_convert_result res;
	struct vhd_image *img;
	char path[512];

	if (t->flags & VHD_CREATE_PREALLOCATE)
		return;
	copy_source_make(&src, kind, 5);
	measure_empty(t, src.size, &empty, &reserved);
	data = copy_grains(&src) * 4096;
	/* Two pages more where a table or the file system's own grows. */
	most = empty + data + data / 20 + bitmaps_of(t, src.size) + 8192;
	img = copy_source_open(&src);
	for (int i = 0; i < TURNS; i += 2) {
		o.threads = threads[i];
		convert(img, copy_target_path(&src, t, i, path), &o, &res);
		ck_assert_uint_le(space_of(path), most);
		ck_assert_uint_le(reserved_of(path), reserved);
	}
	vhd_close(&img, NULL);
	copy_source_free(&src);
}
END_TEST

static bool has_hole(const char *path)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	off_t hole;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	hole = lseek(fd, 0, SEEK_HOLE);
	close(fd);
	/* What is reserved and not written looks like a hole, and takes space. */
	return hole < st.st_size &&
	       (uint64_t)st.st_blocks * 512 < (uint64_t)st.st_size;
}

START_TEST(copy_model__what_is_to_be_reserved_has_no_hole)
{
	static const int fixed[] = { 1, 6 };
	const struct copy_target *t = &copy_targets[fixed[_i % 2]];
	struct vhd_convert_opts o = copy_target_opts(t);
	struct vhd_convert_result res;
	struct vhd_image *img;
	char path[512];

	copy_source_make(&src, 0, 7);
	img = copy_source_open(&src);
	for (int i = 0; i < TURNS; i++) {
		o.threads = threads[i];
		convert(img, copy_target_path(&src, t, i, path), &o, &res);
		ck_assert(!has_hole(path));
	}
	vhd_close(&img, NULL);
	copy_source_free(&src);
}
END_TEST

/* Large enough that several threads are at work at the same time. */
START_TEST(copy_model__large_disks_are_the_same_too)
{
	static const int kinds[] = { 0, 2, 3, 5, 7 };
	const struct copy_target *t = &copy_targets[kinds[_i]];
	size_t size = 64 * MIB + 700, len;
	uint64_t seed = 11;

	copy_source_empty(&src, size);
	for (size_t off = 0; off < size; off += len) {
		len = 1 + (size_t)base_rand_below(&seed, 6 * MIB);
		if (len > size - off)
			len = size - off;
		if (base_rand_below(&seed, 3))
			base_rand_fill(&seed, src.disk + off, len);
	}
	tempdir_write(src.path[0], src.disk, size);
	all_turns(t, VHD_CONVERT_NO_SHARE);
	copy_source_free(&src);
}
END_TEST

struct sink {
	const uint8_t *want;
	size_t at;
};

static int take(void *arg, const void *buf, size_t len)
{
	struct sink *s = arg;

	ck_assert_int_eq(memcmp(s->want + s->at, buf, len), 0);
	s->at += len;
	return 0;
}

START_TEST(copy_model__a_stream_has_all_bytes_in_order)
{
	struct vhd_convert_result res = { 0 };
	struct sink s = { 0 };
	struct vhd_image *img;

	copy_source_make(&src, _i, 13);
	img = copy_source_open(&src);
	s.want = src.disk;
	ck_assert_int_eq(vhd_convert_stream(img, take, &s, NULL, NULL, &res,
					    NULL), 0);
	ck_assert_uint_eq(s.at, src.size);
	ck_assert_uint_eq(res.data_bytes + res.zero_bytes, src.size);
	vhd_close(&img, NULL);
	copy_source_free(&src);
}
END_TEST

/* A file without holes, in which each question for some is counted. */
struct asked {
	int fd;
	uint64_t calls, size;
};

static int64_t asked_pread(void *h, void *buf, size_t len, uint64_t off)
{
	return pread(((struct asked *)h)->fd, buf, len, (off_t)off);
}

static int64_t asked_get_size(void *h)
{
	return (int64_t)((struct asked *)h)->size;
}

static int asked_next_data(void *h, uint64_t off, uint64_t *start_out,
			   uint64_t *end_out)
{
	struct asked *a = h;

	a->calls++;
	*start_out = off;
	*end_out = a->size;
	return off < a->size ? 0 : -ENXIO;
}

static const struct vhd_io_ops asked_ops = {
	.size = sizeof(struct vhd_io_ops),
	.pread = asked_pread,
	.get_size = asked_get_size,
	.next_data = asked_next_data,
};

/* The last block of the disk comes first in the file. */
static void make_reversed(uint64_t block, uint64_t blocks)
{
	struct vhd_create_opts c = VHD_CREATE_OPTS_INIT;
	struct vhd_open_opts o = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img = NULL;
	uint64_t seed = 17;

	copy_source_empty(&src, block * blocks);
	base_rand_fill(&seed, src.disk, src.size);
	tempdir_name(&src.dir, "in.vhd", src.path[0]);
	c.virtual_size = src.size;
	c.block_size = block;
	c.flags = VHD_CREATE_NO_SYNC;
	ck_assert_int_eq(vhd_create(src.path[0], &c, NULL), 0);
	o.flags = VHD_OPEN_RDWR;
	ck_assert_int_eq(vhd_open(src.path[0], &o, &img, NULL), 0);
	for (uint64_t i = blocks; i--;)
		if (vhd_pwrite(img, src.disk + i * block, block, i * block,
			       NULL))
			ck_abort_msg("write");
	ck_assert_int_eq(vhd_close(&img, NULL), 0);
}

/*
 * Asking where a file has holes takes as long as what is stored behind, so it is
 * not asked for each block anew.
 */
START_TEST(copy_model__blocks_back_to_front_need_few_questions)
{
	struct vhd_convert_opts o = copy_target_opts(&copy_targets[7]);
	struct vhd_convert_result res;
	struct vhd_image *img = NULL;
	struct asked a = { .fd = -1 };
	uint64_t blocks = 4096;
	char path[512];

	make_reversed(8192, blocks);
	a.fd = open(src.path[0], O_RDONLY);
	a.size = (uint64_t)lseek(a.fd, 0, SEEK_END);
	ck_assert_int_eq(vhd_open_io(&asked_ops, &a, "asked", NULL, &img, NULL),
			 0);
	o.threads = threads[_i];
	a.calls = 0;
	convert(img, copy_target_path(&src, &copy_targets[7], 0, path), &o,
		&res);
	ck_assert_uint_lt(a.calls, blocks / 64);
	copy_expect(path, &src);
	vhd_close(&img, NULL);
	close(a.fd);
	copy_source_free(&src);
}
END_TEST

TEST_MAIN_ROWS("ops/copy_model",
	LOOP(copy_model__every_direction_gives_the_same_file, DIRECTIONS),
	LOOP(copy_model__flags_change_no_byte, COPY_TARGETS),
	LOOP(copy_model__what_holds_nothing_takes_no_space, DIRECTIONS),
	LOOP(copy_model__what_is_to_be_reserved_has_no_hole, 2),
	LOOP(copy_model__large_disks_are_the_same_too, 5),
	LOOP(copy_model__a_stream_has_all_bytes_in_order, COPY_SOURCES),
	LOOP(copy_model__blocks_back_to_front_need_few_questions, 3))
