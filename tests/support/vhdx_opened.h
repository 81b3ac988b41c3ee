/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SUPPORT_VHDX_OPENED_H
#define TESTS_SUPPORT_VHDX_OPENED_H

/*
 * The VHDX engine over an image in memory, with everything it reports kept for
 * the test to look at.
 */

#include "base/rules.h"
#include "engine/engine.h"
#include "support/vhdx_image.h"

enum { VHDX_SEEN_MAX = 256 };

struct vhdx_seen {
	const struct vhd_rule *rule;
	uint64_t off;
	char msg[200];
};

struct vhdx_opened {
	struct vhd_io *io;
	void *eng;			/* NULL: opening failed */
	int rc;
	bool deep;			/* checks look into bitmaps and data */
	struct vhd_error err;
	struct vhdx_seen seen[VHDX_SEEN_MAX];
	size_t seen_count;
};

/* Opens a copy of @img; the result is in @o->rc. */
void vhdx_opened_begin(struct vhdx_opened *o, const struct vhdx_image *img);
/* Opens @io and takes it over. */
void vhdx_opened_begin_io(struct vhdx_opened *o, struct vhd_io *io);
void vhdx_opened_end(struct vhdx_opened *o);

/* Forgets what was seen and runs the check, which must not fail. */
void vhdx_opened_check(struct vhdx_opened *o);

/* How many findings of a rule were seen; how many at least that bad. */
size_t vhdx_opened_saw(const struct vhdx_opened *o, enum vhd_rule_idx rule);
size_t vhdx_opened_worse(const struct vhdx_opened *o, enum vhd_severity sev);
/* The first finding of a rule, or NULL. */
const struct vhdx_seen *vhdx_opened_first(const struct vhdx_opened *o,
					  enum vhd_rule_idx rule);

/* The run at @off, which must exist. */
struct vhd_run vhdx_opened_map(struct vhdx_opened *o, uint64_t off,
			       uint64_t len);
/* The rule that mapping @off breaks; VHD_RULE_NONE when it does not fail. */
enum vhd_rule_idx vhdx_opened_map_breaks(struct vhdx_opened *o, uint64_t off);

/* The rule of an error as its index; VHD_RULE_NONE for none. */
enum vhd_rule_idx vhdx_rule_of(const struct vhd_error *err);

#endif
