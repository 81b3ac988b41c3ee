/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHDX_CHECK_PRIV_H
#define VHD_VHDX_CHECK_PRIV_H

/* What the parts of the check share. */

#include "vhdx/vhdx_bat.h"
#include "vhdx/vhdx_space_map.h"

enum {
	CHECK_REPEATS = 20,	/* findings of one rule, then a count */
	CHECK_OVERLAPS = 20	/* overlaps whose owners are both named */
};

/* Findings, so many of each rule and no more. */
struct vhdx_tally {
	const struct vhd_sink *sink;
	uint64_t count[VHD_RULE_COUNT];
};

/* True when one more finding of the rule is wanted; counts it. */
bool vhdx_tally_wants(struct vhdx_tally *t, enum vhd_rule_idx rule);
/* "and N more", for each rule with more findings than were reported. */
void vhdx_tally_end(const struct vhdx_tally *t);

/* Reports, if @t has not had enough of the rule. */
#define vhdx_find(t, rule, off, ...)                                           \
	do {                                                                   \
		if (vhdx_tally_wants((t), (rule)))                             \
			vhd_report((t)->sink, (rule), (off), __VA_ARGS__);     \
	} while (0)

/* A MiB that is claimed twice, and who claimed it second. */
struct vhdx_clash {
	uint64_t mib;
	uint64_t idx;
	bool named;			/* the first owner is found */
};

struct vhdx_check {
	struct vhdx *x;
	struct vhd_engine_check *req;
	struct vhdx_tally tally;
	struct vhdx_space space;
	struct vhdx_bat_cursor cur;	/* for looks aside */
	struct vhd_error *err;		/* of the first one that failed */
	int rc;

	uint64_t prev_idx;		/* the last entry that was not zero */
	uint64_t prev_raw;
	uint64_t nonzero;		/* entries that are not zero */
	uint64_t lead;			/* of these, without a gap from 0 on */
	uint64_t full;			/* blocks with state 6 */
	uint64_t partial_chunk;		/* last chunk with state 7, plus 1 */
	uint64_t anchors;
	uint64_t tail;			/* entries behind the last one */
	uint64_t tail_idx;		/* the first of them */

	struct vhdx_clash clash[CHECK_OVERLAPS];
	size_t clash_count;
	uint64_t clash_more;		/* that found no room */
};

/* A look at another entry.  False when it failed: the check ends with that. */
bool vhdx_check_look(struct vhdx_check *c, uint64_t idx,
		     struct vhdx_batent *out);

/* "block 17" or "sector bitmap of chunk 3". */
enum { VHDX_OWNER_ROOM = 48 };
const char *vhdx_owner_name(const struct vhdx *x, uint64_t idx,
			    char buf[VHDX_OWNER_ROOM]);

/* Does this entry own space: data, or a sector bitmap that counts?  How much? */
bool vhdx_owns(const struct vhdx *x, uint64_t idx, const struct vhdx_batent *ent,
	       uint64_t *len_out);

/* One entry that is not zero, in the first walk. */
void vhdx_check_entry(struct vhdx_check *c, uint64_t idx, uint64_t raw);
/* One entry that is not zero, in the second: names owners, looks at anchors. */
void vhdx_check_again(struct vhdx_check *c, uint64_t idx, uint64_t raw);
/* What only the whole table shows, after both. */
void vhdx_check_sums(struct vhdx_check *c);

#endif
