/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHDX_REPAIR_BAT_PRIV_H
#define VHD_VHDX_REPAIR_BAT_PRIV_H

/* What the parts of the table's repair share; the idea is in
 * vhdx_repair_bat.c. */

#include "vhdx/vhdx_bat.h"
#include "vhdx/vhdx_check_priv.h"
#include "vhdx/vhdx_log.h"
#include "vhdx/vhdx_repair_bat.h"
#include "write/pending.h"

enum {
	MEND_EACH = 20,			/* steps of one rule told one by one */
	MEND_PAGES = 64,		/* pages of the table in one piece */
	MEND_PIECE = MEND_PAGES * VHD_PAGE_SIZE,
	MEND_COMMIT = 2 * MEND_PAGES	/* pages that are committed at once */
};

/* What the owner wants of a rule, and how much was said of it. */
struct vhdx_mend_rule {
	const char *choice;		/* NULL: nothing; "" is usual */
	uint64_t told;			/* steps of their own */
	uint64_t piece;			/* the piece told as a whole, plus 1 */
	bool asked;
};

/* Where changes of the table go on their way into the file. */
struct vhdx_mend_store {
	struct vhd_io *io;
	bool direct;			/* no log: in place */
	bool touched;			/* the file has a new identity ... */
	bool visible;			/* ... and so has its content */
	struct vhdx_headers headers;
	uint64_t bat_off, bat_len;
	struct vhdx_log *log;		/* NULL: nothing was written yet */
	struct vhd_pending set;
};

struct vhdx_mend {
	const struct vhd_engine_repair *req;
	struct vhdx *x;
	struct vhd_error *err;
	int rc;				/* of the first that failed */
	bool full;			/* no more steps are wanted */
	uint64_t changed;		/* granted changes so far */
	struct vhdx_mend_rule rule[VHD_RULE_COUNT];
	struct vhdx_mend_store store;
	struct vhdx_space space;	/* claimed by entries that stay */
	uint64_t file_end;		/* length of the file, as it grows */
	uint64_t want_end;		/* and as the next commit needs it */
	uint64_t reach;			/* where blocks in the file end */
	bool reach_known;
	bool stuck;			/* it must not be made longer */

	uint8_t *buf;			/* a piece of the table */
	uint64_t piece_idx;		/* first entry of it */
	uint64_t piece_count;
	uint64_t dirty;			/* pages of it that were changed */

	uint64_t nonzero, lead;		/* as in struct vhdx_check */
	uint64_t alone;			/* partial blocks without a parent */
	uint64_t strays;		/* left for the walk about them */
	uint64_t full_blks;		/* blocks that are fully present */
	uint64_t clashes;
	uint64_t anchors;
	uint64_t partial_chunk;		/* last chunk with state 7, plus 1 */
	uint64_t looked_chunk;		/* whose bitmap entry is known, plus 1 */
	uint64_t looked_raw;
};

/* What becomes of an entry; the same when there is nothing to mend. */
typedef uint64_t (*vhdx_mend_fn)(struct vhdx_mend *m, uint64_t idx,
				 uint64_t raw);

/* How to walk the table. */
struct vhdx_mend_walk {
	vhdx_mend_fn fn;
	bool zeros;			/* entries that are zero too */
	bool backward;
};

/* vhdx_repair_bat.c */
int vhdx_mend_walk(struct vhdx_mend *m, const struct vhdx_mend_walk *how);
/* One entry as the file has it, changes included. */
uint64_t vhdx_mend_look(struct vhdx_mend *m, uint64_t idx);
/* Everything so far into the file; its length first. */
void vhdx_mend_commit(struct vhdx_mend *m);
/* Keeps the first failure. */
bool vhdx_mend_ok(struct vhdx_mend *m, int rc);

/* vhdx_repair_bat_ask.c */

/* What is wanted for the rule; unknown words are none. */
const char *vhdx_mend_choice(struct vhdx_mend *m, enum vhd_rule_idx rule);
/*
 * Announces a step about an entry.  After some of one rule, the others of a
 * piece of the table are one step.  True: do it.
 */
bool vhdx_mend_may(struct vhdx_mend *m, enum vhd_rule_idx rule, uint64_t idx,
		   const char *fmt, ...) VHD_PRINTF(4, 5);
/* The same for what the owner named by number: it needs no consent. */
bool vhdx_mend_told(struct vhdx_mend *m, enum vhd_rule_idx rule, uint64_t idx,
		    const char *fmt, ...) VHD_PRINTF(4, 5);

/* In salvage: nobody knows whether what entry @idx is about is the disk's. */
void vhdx_mend_doubt(const struct vhdx_mend *m, uint64_t idx, const char *msg);

/* vhdx_repair_bat_store.c */
void vhdx_mend_store_begin(struct vhdx_mend_store *s,
			   const struct vhd_engine_repair *req,
			   const struct vhdx *x);
/* Before a step that changes what a guest reads. */
int vhdx_mend_store_visible(struct vhdx_mend_store *s, struct vhd_error *err);
int vhdx_mend_store_page(struct vhdx_mend_store *s, uint64_t off,
			 const uint8_t *page, struct vhd_error *err);
/* What was written to the file before it is durable first. */
int vhdx_mend_store_commit(struct vhdx_mend_store *s, uint64_t last_off,
			   struct vhd_error *err);
/* Everything in place, no log pending. */
int vhdx_mend_store_end(struct vhdx_mend_store *s, uint64_t last_off,
			struct vhd_error *err);
void vhdx_mend_store_free(struct vhdx_mend_store *s);
/* The file with what is on its way. */
int vhdx_mend_store_read(struct vhdx_mend_store *s, void *buf, size_t len,
			 uint64_t off, struct vhd_error *err);

/* vhdx_repair_bat_entry.c: rules about single entries, and claims. */
uint64_t vhdx_mend_entry(struct vhdx_mend *m, uint64_t idx, uint64_t raw);

/* vhdx_repair_bat_stray.c: entries that are left over, or so it seems. */

/* Might this entry be more than left over? */
bool vhdx_mend_is_doubtful(const struct vhdx_mend *m, uint64_t idx,
			   uint64_t raw);
uint64_t vhdx_mend_stray(struct vhdx_mend *m, uint64_t idx, uint64_t raw);
uint64_t vhdx_mend_doubtful(struct vhdx_mend *m, uint64_t idx, uint64_t raw);

/* vhdx_repair_bat_space.c: rules about space. */

/*
 * The entry owns [off, off + len), whose first byte is in the file.  Gives the
 * entry that stays: another place, or nothing.
 */
uint64_t vhdx_mend_claim(struct vhdx_mend *m, uint64_t idx, uint64_t raw,
			 uint64_t len);
/* The walk that clears who overlaps somebody behind it ("second"). */
uint64_t vhdx_mend_second(struct vhdx_mend *m, uint64_t idx, uint64_t raw);
uint64_t vhdx_mend_anchor(struct vhdx_mend *m, uint64_t idx, uint64_t raw);
/*
 * Where something new could begin: behind the file, and behind every block, even
 * if the file ends inside one.  False when nothing may: a longer file would hide
 * that a part of a block is lost, and the owner has not consented to that.
 */
bool vhdx_mend_new_place(struct vhdx_mend *m, uint64_t len, uint64_t *to_out);
/* The file is made longer, with zeros; durable before the next commit. */
bool vhdx_mend_extend(struct vhdx_mend *m, uint64_t to);

/* vhdx_repair_bat_fixed.c */
void vhdx_mend_fixed(struct vhdx_mend *m);

/* vhdx_repair_bat_drop.c: what the owner gives up. */
void vhdx_mend_drop(struct vhdx_mend *m);

#endif
