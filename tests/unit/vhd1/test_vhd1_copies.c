/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ckd.h"
#include "io/io_mem.h"
#include "io/io_posix.h"
#include "support/check_main.h"
#include "support/vhd1_image.h"
#include "vhd1/vhd1.h"

static const struct vhd1_image_spec dynamic = VHD1_DYNAMIC;
static const struct vhd1_image_spec fixed = VHD1_FIXED;
static const struct vhd1_image_spec xen = VHD1_XEN;

enum { FIRST = VHD_COPY_FIRST, SECOND = VHD_COPY_SECOND, BOTH = 3 };

static struct vhd1_footer f;

/* Changes a field in one or both copies and seals. */
#define FOOTER(io, where, change) do {                                        \
		vhd1_image_footer(io, &f);                                    \
		change;                                                       \
		vhd1_image_set_footer(io, &f, where);                         \
	} while (0)

static uint64_t size_of(struct vhd_io *io)
{
	struct vhd_engine_open req = { .io = io };
	struct vhd_info *info = calloc(1, sizeof(*info));
	uint64_t size;
	void *eng;

	ck_assert_int_eq(vhd1_engine.open(&req, &eng, NULL), 0);
	vhd1_engine.info(eng, info);
	size = info->virtual_size;
	vhd1_engine.close(eng);
	free(info);
	return size;
}

/* VHD-F-53: an interrupted resize; the copy that the table backs wins. */
START_TEST(vhd1_copies__footer_that_the_header_backs_wins)
{
	struct vhd_io *io = vhd1_image_new(&dynamic);

	FOOTER(io, SECOND, f.current_size = 64 * MiB);
	ck_assert_uint_eq(size_of(io), 8 * MiB);
	FOOTER(io, SECOND, f.current_size = 6 * MiB);
	ck_assert_uint_eq(size_of(io), 6 * MiB);
	vhd_io_close(&io, NULL);
}
END_TEST

/* VHD-F-32: the flag counts in the front copy only. */
START_TEST(vhd1_copies__old_xen_hidden_flag_is_read_from_the_front)
{
	struct vhd_io *io = vhd1_image_new(&xen);
	struct vhd_info *info = calloc(1, sizeof(*info));
	struct vhd1_seen seen;
	void *eng;

	FOOTER(io, BOTH, f.creator_version = VHD1_TAP_1_1);
	vhd1_image_fill(io, 1, 1, 85);
	ck_assert_int_eq(vhd1_image_open(io, &eng, &seen, NULL), 0);
	ck_assert_uint_eq(seen.count, 0);
	vhd1_engine.info(eng, info);
	ck_assert(info->vhd.hidden);
	ck_assert_uint_eq(info->vhd.footers_ok, BOTH);
	vhd1_engine.close(eng);
	free(info);
	vhd_io_close(&io, NULL);
}
END_TEST

/* VHD-F-50: a guest may keep a VHD at its first sector. */
START_TEST(vhd1_copies__front_of_a_fixed_disk_is_guest_data)
{
	struct vhd_io *io = vhd1_image_new(&fixed);
	struct vhd1_seen seen;
	void *eng;

	FOOTER(io, FIRST, f.type = 3);
	ck_assert_int_eq(vhd1_image_open(io, &eng, &seen, NULL), 0);
	ck_assert_uint_eq(seen.count, 0);
	vhd1_engine.close(eng);
	vhd1_image_put(io, "v_poison", 8, 0);
	ck_assert_int_eq(vhd1_image_open(io, &eng, &seen, NULL), 0);
	vhd1_engine.close(eng);
	vhd_io_close(&io, NULL);
}
END_TEST

START_TEST(vhd1_copies__other_files_are_not_ours)
{
	static const size_t len[] = { 0, 1, 510, 511, 512, 1023, 4096 };
	size_t i;

	for (i = 0; i < sizeof(len) / sizeof(len[0]); i++) {
		struct vhd_io *io;
		struct vhd_error err;
		bool ours = true;
		void *eng;

		ck_assert_int_eq(vhd_io_open_mem(NULL, 0, &io, NULL), 0);
		vhd1_image_resize(io, len[i]);
		ck_assert_int_eq(vhd1_engine.probe(io, &ours, NULL), 0);
		ck_assert(!ours);
		ck_assert_int_lt(vhd1_image_open(io, &eng, NULL, &err), 0);
		ck_assert_str_eq(err.rule->name, len[i] < 511 ?
				 "VHD1_FILE_TOO_SMALL" : "VHD1_FOOTERS_BAD");
		vhd_io_close(&io, NULL);
	}
}
END_TEST

/* VHD-G-6 */
START_TEST(vhd1_copies__split_image_is_told_by_its_neighbour)
{
	char dir[] = "/tmp/vhd1-split-XXXXXX", first[64], second[64];
	struct vhd_io *mem = vhd1_image_new(&dynamic), *io;
	uint8_t raw[4096];
	struct vhd_error err;
	void *eng;
	FILE *fp;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(first, sizeof(first), "%s/a.vhd", dir);
	snprintf(second, sizeof(second), "%s/a.v01", dir);
	vhd1_image_get(mem, raw, sizeof(raw), 0);
	fp = fopen(first, "w");
	ck_assert_uint_eq(fwrite(raw, 1, sizeof(raw), fp), sizeof(raw));
	fclose(fp);
	fclose(fopen(second, "w"));
	ck_assert_int_eq(vhd_io_open_posix(first, 0, &io, NULL), 0);
	ck_assert_int_eq(vhd1_image_open(io, &eng, NULL, &err),
			 VHD_E_UNSUPPORTED);
	ck_assert_str_eq(err.rule->name, "VHD1_SPLIT");
	vhd_io_close(&io, NULL);
	vhd_io_close(&mem, NULL);
	unlink(first);
	unlink(second);
	rmdir(dir);
}
END_TEST

TEST_MAIN("vhd1/copies",
	  vhd1_copies__footer_that_the_header_backs_wins,
	  vhd1_copies__old_xen_hidden_flag_is_read_from_the_front,
	  vhd1_copies__front_of_a_fixed_disk_is_guest_data,
	  vhd1_copies__other_files_are_not_ours,
	  vhd1_copies__split_image_is_told_by_its_neighbour)
