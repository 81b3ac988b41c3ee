/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Salvage from a disk that fails: which guest bytes are lost, to the page.  What
 * damage of the format costs is proved by cli/salvage_rows.
 */
#include "ops/salvage.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "io/io_mem.h"
#include "support/check_main.h"
#include "support/tempdir.h"
#include "vhd/vhd.h"

#define MIB (UINT64_C(1) << 20)
#define DISK (8 * MIB)
#define PAGE 4096u

/* A file in memory of which some ranges cannot be read. */
struct sick {
	void *mem;
	struct {
		uint64_t off, len;
	} bad[8];
	unsigned int count;
};

static struct sick sick;

static int64_t sick_pread(void *h, void *buf, size_t len, uint64_t off)
{
	const struct sick *s = h;
	unsigned int i;

	for (i = 0; i < s->count; i++) {
		if (off < s->bad[i].off + s->bad[i].len &&
		    s->bad[i].off < off + len)
			return -EIO;
	}
	return vhd_mem_ops.pread(s->mem, buf, len, off);
}

static int64_t sick_get_size(void *h)
{
	return vhd_mem_ops.get_size(((struct sick *)h)->mem);
}

static int sick_close(void *h)
{
	return vhd_mem_ops.close(((struct sick *)h)->mem);
}

static const struct vhd_io_ops sick_ops = {
	.size = sizeof(struct vhd_io_ops),
	.pread = sick_pread,
	.get_size = sick_get_size,
	.close = sick_close,
};

static void make_bad(uint64_t off, uint64_t len)
{
	ck_assert_uint_lt(sick.count, 8);
	sick.bad[sick.count].off = off;
	sick.bad[sick.count++].len = len;
}

static struct tempdir dir;
static char src[512], dst[512];
static uint8_t *model;		/* what the guest wrote */
static uint8_t *lost;		/* by sector: reported */
static uint64_t block;		/* size of one */

static const char *const names[] = { "a.vhd", "a.vhdx" };

/* Blocks of 1 MiB: 0, 1, 2 and 5 are full, the others empty. */
static void fill_model(void)
{
	static const unsigned int full[] = { 0, 1, 2, 5 };
	unsigned int i;
	uint64_t j;

	model = calloc(1, DISK);
	lost = calloc(1, DISK / 512);
	ck_assert(model && lost);
	for (i = 0; i < 4; i++) {
		for (j = 0; j < block; j++)
			model[full[i] * block + j] =
				(uint8_t)(1 + (j * 7 + full[i]) % 250);
	}
}

static void make_source(int kind)
{
	struct vhd_create_opts o = VHD_CREATE_OPTS_INIT;
	struct vhd_open_opts open = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img = NULL;
	unsigned int i;

	memset(&sick, 0, sizeof(sick));
	tempdir_make(&dir);
	tempdir_name(&dir, names[kind], src);
	tempdir_name(&dir, "saved.vhdx", dst);
	block = MIB;
	fill_model();
	o.virtual_size = DISK;
	o.block_size = block;
	o.flags = VHD_CREATE_NO_SYNC;
	ck_assert_int_eq(vhd_create(src, &o, NULL), 0);
	open.flags = VHD_OPEN_RDWR;
	ck_assert_int_eq(vhd_open(src, &open, &img, NULL), 0);
	for (i = 0; i < 8; i++) {
		if (model[i * block])
			ck_assert_int_eq(vhd_pwrite(img, model + i * block,
						    (size_t)block, i * block,
						    NULL), 0);
	}
	ck_assert_int_eq(vhd_close(&img, NULL), 0);
}

/* Where a guest byte of the sound file is, and where its table is. */
static uint64_t place_of(uint64_t off)
{
	struct vhd_image *img = NULL;
	struct vhd_extent e;
	size_t n;

	ck_assert_int_eq(vhd_open(src, NULL, &img, NULL), 0);
	ck_assert_int_eq(vhd_resolve(img, off, 512, &e, 1, &n, NULL), 0);
	ck_assert_int_eq(e.kind, VHD_EXTENT_DATA);
	vhd_close(&img, NULL);
	return e.file_off;
}

static uint64_t table_off(void)
{
	struct vhd_info info = { .size = sizeof(info) };
	struct vhd_image *img = NULL;

	ck_assert_int_eq(vhd_open(src, NULL, &img, NULL), 0);
	ck_assert_int_eq(vhd_layer_info(img, 0, &info, NULL), 0);
	vhd_close(&img, NULL);
	return info.format == VHD_FORMAT_VHD ? info.vhd.bat_off
					     : info.vhdx.bat_off;
}

static void on_loss(void *arg, uint64_t off, uint64_t len, const char *msg)
{
	uint64_t *last = arg;

	ck_assert_str_ne(msg, "");
	/* ascending, and neighbours are one */
	ck_assert(*last == UINT64_MAX || off > *last);
	ck_assert_uint_eq(off % 512, 0);
	ck_assert_uint_eq(len % 512, 0);
	ck_assert_uint_gt(len, 0);
	memset(lost + off / 512, 1, len / 512);
	*last = off + len - 1;
}

static struct vhd_io *sick_io(void)
{
	struct vhd_io *io = NULL;
	FILE *f = fopen(src, "rb");
	uint8_t *data;
	long len;

	ck_assert_ptr_nonnull(f);
	fseek(f, 0, SEEK_END);
	len = ftell(f);
	rewind(f);
	data = malloc((size_t)len);
	ck_assert_ptr_nonnull(data);
	ck_assert_uint_eq(fread(data, 1, (size_t)len, f), (size_t)len);
	fclose(f);
	sick.mem = vhd_mem_new(data, (size_t)len);
	ck_assert_ptr_nonnull(sick.mem);
	free(data);
	ck_assert_int_eq(vhd_io_new(&sick_ops, &sick, src, &io, NULL), 0);
	return io;
}

static int run(struct vhd_salvage_result *result, struct vhd_error *err)
{
	struct vhd_salvage_opts o = VHD_SALVAGE_OPTS_INIT;
	uint64_t last = UINT64_MAX;

	o.create.flags = VHD_CREATE_NO_SYNC;
	o.create.block_size = MIB;
	o.loss = on_loss;
	o.loss_arg = &last;
	return vhd_salvage_io(sick_io(), dst, &o, result, err);
}

/* The copy is the model where nothing was lost, and zeros elsewhere. */
static void expect_copy(const struct vhd_salvage_result *r)
{
	struct vhd_image *img = NULL;
	uint8_t *buf = malloc(DISK);
	uint64_t i, sum = 0;

	ck_assert_ptr_nonnull(buf);
	ck_assert_int_eq(vhd_open(dst, NULL, &img, NULL), 0);
	ck_assert_int_eq(vhd_pread(img, buf, DISK, 0, NULL), 0);
	vhd_close(&img, NULL);
	for (i = 0; i < DISK; i += 512) {
		if (lost[i / 512]) {
			sum += 512;
			memset(model + i, 0, 512);
		}
	}
	ck_assert_int_eq(memcmp(buf, model, DISK), 0);
	ck_assert_uint_eq(r->lost_bytes, sum);
	ck_assert_uint_eq(r->disk_size, DISK);
	free(buf);
}

/* Exactly this is lost; the rest of the disk was found. */
static void expect_lost(uint64_t off, uint64_t len, bool is_lost)
{
	uint64_t i;

	for (i = off / 512; i < (off + len) / 512; i++)
		ck_assert_msg(lost[i] == is_lost, "sector %llu",
			      (unsigned long long)i);
}

static void finish(void)
{
	free(model);
	free(lost);
	tempdir_remove(&dir);
}

static void salvage(struct vhd_salvage_result *r)
{
	struct vhd_error err;

	if (run(r, &err))
		ck_abort_msg("%s", err.msg);
	expect_copy(r);
}

START_TEST(salvage__a_bad_sector_costs_its_page)
{
	struct vhd_salvage_result r;
	uint64_t at = MIB + 300 * 1024, page, guest;

	make_source(_i);
	page = place_of(at);
	make_bad(page, 512);
	/* the page of the file, seen from the guest */
	guest = at - page % PAGE;
	salvage(&r);
	expect_lost(0, guest, false);
	expect_lost(guest, PAGE, true);
	expect_lost(guest + PAGE, DISK - guest - PAGE, false);
	ck_assert_uint_eq(r.losses, 1);
	finish();
}
END_TEST

START_TEST(salvage__bad_neighbours_are_one_loss)
{
	struct vhd_salvage_result r;
	uint64_t at = 2 * MIB + 64 * 1024, page;

	make_source(_i);
	page = place_of(at) / PAGE * PAGE;
	make_bad(page, 3 * PAGE);
	make_bad(page + 3 * PAGE + 100, 10);
	make_bad(page + 10 * PAGE, 1);
	salvage(&r);
	ck_assert_uint_eq(r.losses, 2);
	ck_assert_uint_eq(r.lost_bytes, 5 * PAGE);
	finish();
}
END_TEST

/* Nobody knows where any of these blocks are; zeros would be a guess. */
START_TEST(salvage__a_bad_table_costs_all_that_it_tells)
{
	struct vhd_salvage_result r;
	struct vhd_error err;

	make_source(_i);
	make_bad(table_off(), 512);
	ck_assert_int_eq(run(&r, &err), VHD_E_CORRUPT);
	ck_assert_int_eq(access(dst, F_OK), -1);
	expect_lost(0, DISK, true);
	finish();
}
END_TEST

START_TEST(salvage__a_bad_bitmap_costs_its_block)
{
	struct vhd_salvage_result r;

	make_source(0);
	make_bad(place_of(MIB) - 512, 512);
	salvage(&r);
	expect_lost(0, MIB, false);
	expect_lost(MIB, MIB, true);
	expect_lost(2 * MIB, 6 * MIB, false);
	finish();
}
END_TEST

/* Headers and footers that cannot be read have a second copy. */
START_TEST(salvage__a_bad_copy_costs_nothing)
{
	static const struct {
		int kind;
		uint64_t off;
	} copies[] = {
		{ 0, 0 }, { 1, 64 * 1024 }, { 1, 128 * 1024 },
		{ 1, 192 * 1024 }, { 1, 256 * 1024 }, { 1, 0 },
	};
	struct vhd_salvage_result r;

	make_source(copies[_i].kind);
	make_bad(copies[_i].off, 512);
	salvage(&r);
	ck_assert_uint_eq(r.losses, 0);
	finish();
}
END_TEST

START_TEST(salvage__bad_options_leave_nothing_behind)
{
	struct vhd_salvage_opts o = VHD_SALVAGE_OPTS_INIT;
	struct vhd_error err = { .code = VHD_OK };

	make_source(_i);
	o.create.flags = 1u << 30;
	ck_assert_int_eq(vhd_salvage_io(sick_io(), dst, &o, NULL, &err),
			 VHD_E_INVAL);
	o.create.flags = 0;
	o.size = 4;
	ck_assert_int_eq(vhd_salvage(src, dst, &o, NULL, &err), VHD_E_INVAL);
	ck_assert_int_eq(access(dst, F_OK), -1);
	finish();
}
END_TEST

static bool never(void *arg, uint64_t done, uint64_t total)
{
	(void)arg;
	(void)done;
	return total == 0;
}

START_TEST(salvage__cancelled_leaves_nothing_behind)
{
	struct vhd_salvage_opts o = VHD_SALVAGE_OPTS_INIT;

	make_source(_i);
	o.progress = never;
	ck_assert_int_eq(vhd_salvage_io(sick_io(), dst, &o, NULL, NULL),
			 VHD_E_CANCELLED);
	ck_assert_int_eq(tempdir_entries(&dir), 1);
	finish();
}
END_TEST

TEST_MAIN_ROWS("ops/salvage",
	LOOP(salvage__a_bad_sector_costs_its_page, 2),
	LOOP(salvage__bad_neighbours_are_one_loss, 2),
	LOOP(salvage__a_bad_table_costs_all_that_it_tells, 2),
	ONCE(salvage__a_bad_bitmap_costs_its_block),
	LOOP(salvage__a_bad_copy_costs_nothing, 6),
	LOOP(salvage__bad_options_leave_nothing_behind, 2),
	LOOP(salvage__cancelled_leaves_nothing_behind, 2))
