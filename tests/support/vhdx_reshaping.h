/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SUPPORT_VHDX_RESHAPING_H
#define TESTS_SUPPORT_VHDX_RESHAPING_H

/* An image in memory, open for writing, whose shape changes.  For one test
 * program. */

#include "base/guid.h"
#include "support/check_main.h"
#include "support/vhdx_writing.h"
#include "vhdx/vhdx_engine.h"

static struct vhdx_image img;
static struct vhdx_writing t;

static inline void begin(void)
{
	vhdx_writing_begin(&t, &img);
	ck_assert_msg(!t.rc, "%s", t.err.msg);
}

static inline void make(uint64_t disk_size, uint32_t block_size,
			bool has_parent)
{
	struct vhdx_image_spec spec = { .disk_size = disk_size,
					.block_size = block_size,
					.has_parent = has_parent };

	vhdx_image_init(&img, &spec);
	begin();
}

static inline void end(void)
{
	vhdx_writing_end(&t);
	vhdx_image_free(&img);
}

static inline void fill(uint64_t off, uint64_t len, uint8_t byte)
{
	ck_assert_msg(!vhdx_writing_fill(&t, off, len, byte), "%s", t.err.msg);
}

/* Closed, without findings, and open again. */
static inline void again(void)
{
	vhdx_writing_shut_clean(&t);
	vhdx_writing_again(&t);
	ck_assert_msg(!t.rc, "%s", t.err.msg);
}

static inline struct vhd_guid identity(void)
{
	struct vhd_info info = { .size = sizeof(info) };

	vhdx_engine.info(t.x, &info);
	return info.id;
}

static inline bool is_id(const struct vhd_guid *want)
{
	struct vhd_guid have = identity();

	return vhd_guid_equal(&have, want);
}

static inline uint64_t writes(void)
{
	struct vhd_io_stats stats;

	vhd_io_stats(t.io, &stats);
	return stats.writes;
}

#endif
