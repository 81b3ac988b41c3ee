/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_CRASH_CRASH_PAIR_H
#define TESTS_CRASH_CRASH_PAIR_H

/*
 * An ancestor and its child, in two files, on their way to become one: what a
 * merge does with them (ops/merge.c), and what must hold at every moment.  Or what
 * a coalesce does (xen/xen_coalesce.c), after which the child is what it was.
 */

#include "crash/crash_file.h"
#include "crash/crash_image.h"
#include "io/io_record.h"

struct crash_pair {
	struct crash_setup low, top;	/* what the images are */
	struct crash_parent below;	/* of the ancestor, if it has one */
	bool coalesce;			/* in the way of Xen; two VHDs */
	uint8_t *want;			/* the child's disk */
	uint64_t size;
	struct crash_failure fail;
};

/* The two files of a pair. */
struct crash_two {
	struct crash_file *low, *top;
};

/* Makes both images, with contents, from a seed.  All of @p but @p->coalesce is
 * set. */
void crash_pair_make(struct crash_pair *p, const struct crash_type *type,
		     uint64_t seed, struct crash_two *two);
void crash_pair_drop(struct crash_pair *p, struct crash_two *two);

/*
 * The whole merge, whatever was done of it before.  The child changes first,
 * which @top notes, then the ancestor, which @low notes.
 */
bool crash_pair_merge(struct crash_pair *p, const struct crash_two *two,
		      struct vhd_trace *top, struct vhd_trace *low);

/*
 * Both are sound, and either the chain opens and shows the child's disk, or the
 * ancestor has its identity and shows it alone.  @done: the latter.  After a
 * coalesce both show it, and before that the chain does.
 */
bool crash_pair_verify(struct crash_pair *p, const struct crash_two *two,
		       bool done);

#endif
