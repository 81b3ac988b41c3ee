/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SUPPORT_VHDX_CHECKING_H
#define TESTS_SUPPORT_VHDX_CHECKING_H

/* An image in memory and what the check finds in it.  For one test program. */

#include "base/ckd.h"
#include "support/check_main.h"
#include "support/vhdx_opened.h"
#include "vhdx/vhdx_engine.h"

static struct vhdx_image img;
static struct vhdx_opened o;

/* 8 GiB in 1 MiB blocks: the table is two chunks of 4096 in one MiB. */
static inline void make(bool has_parent, size_t file_mib)
{
	struct vhdx_image_spec spec = { .disk_size = 8 * GiB - 4 * MiB,
					.block_size = MiB,
					.has_parent = has_parent };

	vhdx_image_init(&img, &spec);
	vhdx_image_resize(&img, file_mib * MiB);
}

static inline void put(uint64_t idx, uint64_t mib, unsigned state)
{
	vhdx_image_bat_set(&img, idx, mib * MiB | state);
}

static inline void run(void)
{
	vhdx_opened_begin(&o, &img);
	ck_assert_msg(!o.rc, "%s", o.err.msg);
	vhdx_opened_check(&o);
	vhdx_opened_end(&o);
	vhdx_image_free(&img);
}

/* The check finds this and nothing else; returns the first finding. */
static inline const struct vhdx_seen *finds(enum vhd_rule_idx rule)
{
	const struct vhdx_seen *seen;

	run();
	seen = vhdx_opened_first(&o, rule);
	ck_assert_msg(seen, "%s", vhd_rule_get(rule)->name);
	ck_assert_msg(vhdx_opened_saw(&o, rule) == o.seen_count, "also %s: %s",
		      o.seen[o.seen_count - 1].rule->name,
		      o.seen[o.seen_count - 1].msg);
	return seen;
}

#endif
