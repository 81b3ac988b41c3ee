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

/* What reading all content remembers. */
struct vhdx_deep {
	uint8_t *buf;
	struct vhdx_space read;		/* a bit for each MiB that was */
	uint64_t hole_off, hole_end;	/* of the file: nothing is stored */
};

struct vhdx_check {
	struct vhdx *x;
	struct vhd_engine_check *req;
	struct vhdx_tally tally;
	struct vhdx_space space;
	struct vhdx_deep deep;
	struct vhdx_bat_cursor cur;	/* for looks aside */
	struct vhd_error *err;		/* of the first one that failed */
	int rc;

	uint64_t chunk;			/* of the entry that is looked at */
	uint64_t slot_idx;		/* and the entry of its bitmap */
	uint64_t gap_off, gap_end;	/* of the file: without metadata */
	uint64_t walks;			/* that will be made */
	uint64_t done;			/* as told to the caller: only grows */

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
	size_t clash_named;
	uint64_t clash_first, clash_last;	/* MiB they lie in */
	uint64_t clash_more;		/* that found no room */
};

/* A look at another entry.  False when it failed: the check ends with that. */
bool vhdx_check_look(struct vhdx_check *c, uint64_t idx,
		     struct vhdx_batent *out);

/* "block 17" or "sector bitmap of chunk 3". */
enum { VHDX_OWNER_ROOM = 48 };
const char *vhdx_owner_name(const struct vhdx *x, uint64_t idx,
			    char buf[VHDX_OWNER_ROOM]);

/* Past the last entry, or in the gap of the last chunk (VHDX-BAT-05, -10). */
bool vhdx_bat_is_tail(const struct vhdx *x, uint64_t idx);

/* Bytes that the file of a fixed disk has at least (VHDX-ITEM-02). */
uint64_t vhdx_fixed_need(const struct vhdx *x);

/* Does this entry own space: data, or a sector bitmap that counts?  How much? */
bool vhdx_owns(const struct vhdx *x, uint64_t idx, const struct vhdx_batent *ent,
	       uint64_t *len_out);

/*
 * How many entries from the first on are sound blocks, one behind the other in
 * table and file, with space that nobody has claimed; they are done then.  0:
 * the first needs a closer look.
 */
size_t vhdx_check_run(struct vhdx_check *c, uint64_t idx, const le64 *ents,
		      size_t count);
/* One entry that is not zero, in the first walk. */
void vhdx_check_entry(struct vhdx_check *c, uint64_t idx, uint64_t raw);
/* One entry that is not zero, in the second: names owners, looks at anchors. */
void vhdx_check_again(struct vhdx_check *c, uint64_t idx, uint64_t raw);
/* Is there nothing left to look for in the second? */
bool vhdx_check_named(const struct vhdx_check *c);
/* Around the third walk; the end also after a failure. */
int vhdx_check_deep_begin(struct vhdx_check *c);
void vhdx_check_deep_end(struct vhdx_check *c);
/* One entry that is not zero, in the third: what it maps. */
void vhdx_check_content(struct vhdx_check *c, uint64_t idx, uint64_t raw);
/* After the third. */
void vhdx_check_content_end(struct vhdx_check *c);
/* Progress inside of an entry.  False: cancelled, or failed before. */
bool vhdx_check_go_on(struct vhdx_check *c, uint64_t done);
/* The part of the identifier that opening does not look at. */
int vhdx_check_ident(struct vhdx_check *c, struct vhd_error *err);
/* What only the whole table shows, after all. */
void vhdx_check_sums(struct vhdx_check *c);

#endif
