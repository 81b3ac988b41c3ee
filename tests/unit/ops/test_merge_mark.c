/* SPDX-License-Identifier: BSD-2-Clause */
#include <fcntl.h>

#include "io/io_posix.h"
#include "merge_scene.h"
#include "ops/merge_mark.h"

static char image[PATH_ROOM], name[PATH_ROOM + 8];
static struct vhd_io *like;

static const struct vhd_mark_facts some = {
	.pos = 12345678, .layers = UINT64_C(0xfedcba9876543210),
	.top_state = 7, .top = { { 1, 2, 3 } }, .into = { { 9, 9 } },
	.time = 1700000000, .top_birth = 8, .into_state = UINT64_MAX,
	.into_birth = 5, .into_mtime = INT64_C(1700000000123456789),
};

static void rig(void)
{
	FILE *f;

	tempdir_make(&dir);
	tempdir_name(&dir, "image.vhd", image);
	snprintf(name, sizeof(name), "%s.merge", image);
	f = fopen(image, "w");
	ck_assert_ptr_nonnull(f);
	fclose(f);
	ck_assert_int_eq(vhd_io_open_posix(image, 0, &like, NULL), 0);
}

static void unrig(void)
{
	vhd_io_close(&like, NULL);
	tempdir_remove(&dir);
}

static bool found(struct vhd_mark_facts *out)
{
	bool there;

	ck_assert_int_eq(vhd_mark_find(image, out, &there, NULL), 0);
	return there;
}

static void write_positions(uint64_t from, uint64_t to)
{
	struct vhd_mark_facts f = some;
	struct vhd_mark mark;

	f.pos = from;
	ck_assert_int_eq(vhd_mark_begin(&mark, image, like, &f, NULL), 0);
	while (f.pos < to) {
		f.pos++;
		ck_assert_int_eq(vhd_mark_write(&mark, &f, NULL), 0);
	}
	vhd_mark_close(&mark);
}

START_TEST(mark__says_what_was_written)
{
	struct vhd_mark_facts f;

	rig();
	ck_assert(!found(&f));
	write_positions(some.pos, some.pos);
	ck_assert(found(&f));
	ck_assert_uint_eq(f.stage, VHD_MARK_COPY);
	ck_assert_uint_eq(f.pos, some.pos);
	ck_assert_uint_eq(f.layers, some.layers);
	ck_assert_uint_eq(f.top_state, some.top_state);
	ck_assert_uint_eq(f.top_birth, some.top_birth);
	ck_assert_uint_eq(f.into_state, some.into_state);
	ck_assert_uint_eq(f.into_birth, some.into_birth);
	ck_assert_int_eq(f.into_mtime, some.into_mtime);
	ck_assert_int_eq(f.time, some.time);
	ck_assert_int_eq(memcmp(&f.top, &some.top, 16), 0);
	ck_assert_int_eq(memcmp(&f.into, &some.into, 16), 0);
	/* One that is there is taken over, and goes on. */
	write_positions(70, 75);
	ck_assert(found(&f));
	ck_assert_uint_eq(f.pos, 75);
	vhd_mark_remove(image);
	ck_assert(!found(&f));
	ck_assert_int_ne(access(name, F_OK), 0);
	unrig();
}
END_TEST

static void tear(off_t off)
{
	int fd = open(name, O_RDWR);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, "~", 1, off), 1);
	close(fd);
}

START_TEST(mark__a_torn_page_leaves_the_other)
{
	struct vhd_mark_facts f;
	uint64_t i = (uint64_t)_i + 1;

	rig();
	/* The first goes to the second page. */
	write_positions(70, 70 + i);
	tear(i % 2 ? 40 : 4096 + 40);
	ck_assert(found(&f));
	ck_assert_uint_eq(f.pos, 70 + i - 1);
	tear(i % 2 ? 4096 + 40 : 40);
	ck_assert(!found(&f));
	unrig();
}
END_TEST

START_TEST(mark__strangers_files_are_none)
{
	struct vhd_mark_facts f;
	struct vhd_mark mark;
	char other[PATH_ROOM];

	rig();
	tempdir_name(&dir, "other", other);
	write_positions(70, 71);
	ck_assert_int_eq(rename(name, other), 0);
	ck_assert_int_eq(symlink(other, name), 0);
	ck_assert(!found(&f));
	ck_assert_int_eq(vhd_mark_begin(&mark, image, like, &some, NULL),
			 VHD_E_EXISTS);
	vhd_mark_remove(image);
	ck_assert_int_eq(access(name, F_OK), 0);
	unrig();
}
END_TEST

TEST_MAIN_ROWS("ops/merge_mark",
	ONCE(mark__says_what_was_written),
	LOOP(mark__a_torn_page_leaves_the_other, 4),
	ONCE(mark__strangers_files_are_none))
