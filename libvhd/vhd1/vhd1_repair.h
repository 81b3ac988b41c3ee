/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHD1_REPAIR_H
#define VHD_VHD1_REPAIR_H

/*
 * A repair in progress; shared by the files that mend one thing each.
 *
 * They look at the file through an engine that was opened for reading, which
 * does not notice what they write: whoever has changed anything sets @stale by
 * asking, and the engine is opened anew before the next one looks.
 */

#include "vhd1/vhd1_copies.h"
#include "vhd1/vhd1_priv.h"

enum {
	VHD1_POSSIBLE = 20,	/* steps of a rule that need consent, shown */
	VHD1_EACH = 20,		/* granted steps of a rule, each block by itself */
	/* Memory that the changes take: see vhd1_may_block(). */
	VHD1_COST_CLEAR = 16 << 10,
	VHD1_COST_MOVE = 32 << 10,
	VHD1_COST_MANY = 32 << 20,
	/* Blocks that are given up together: vhd1_repair_clear.c. */
	VHD1_CLEAR_LEN = 4096,
	VHD1_CLEAR_BLOCKS = 8 * VHD1_CLEAR_LEN
};

struct vhd1_clearing {
	bool any;
	uint64_t first;			/* block, of the first bit */
	uint8_t bits[VHD1_CLEAR_LEN];
};

struct vhd1_repairer {
	const struct vhd_engine_repair *req;
	struct vhd_io *io;
	struct vhd1 *v;			/* NULL while the file does not open */
	struct vhd1_copies copies;	/* the footers, as @v found them */
	bool stale;
	bool map_known, map_taken;	/* vhd1_fix_map_taken() */
	bool end_known, any_cut, any_lost;	/* vhd1_fix_end_look() */
	bool full;			/* the plan is: nothing more */
	/*
	 * The program that has killed the footer may be at work still, and
	 * nobody has said that it is not: nothing is changed (VHD-X-24).
	 */
	bool held;
	struct vhd1_clearing clearing;	/* vhd1_fix_clear() */
	unsigned said[VHD_RULE_COUNT];
	uint64_t quiet[VHD_RULE_COUNT];	/* to be changed without a word */
};

/*
 * vhd_mend_may(), but what needs consent is not told for ever.  True: the
 * change is to be made now.
 */
bool vhd1_may(struct vhd1_repairer *r, enum vhd_rule_idx rule, uint64_t off,
	      const char *fmt, ...) VHD_PRINTF(4, 5);
/*
 * The same for one of what may be millions of blocks: the first are told one by
 * one, then one step stands for as many more as take @cost bytes each until the
 * plan has to be asked again whether it has room.
 */
bool vhd1_may_block(struct vhd1_repairer *r, enum vhd_rule_idx rule,
		    uint64_t off, uint64_t blk, uint64_t cost,
		    const char *fmt, ...) VHD_PRINTF(6, 7);
/* Is @rule to be mended in this way?  "" when nothing special is asked for. */
bool vhd1_chosen(const struct vhd1_repairer *r, enum vhd_rule_idx rule,
		 const char *word);

/* Opens the file, mending what keeps it from being opened. */
int vhd1_repair_open(struct vhd1_repairer *r, struct vhd_error *err);
/* Would the file be in order with this footer; @strict: without any error? */
int vhd1_repair_try(struct vhd1_repairer *r, const struct vhd1_footer *f,
		    uint64_t tail_off, bool strict, bool *good_out,
		    struct vhd_error *err);
/* Makes a footer for a file that has none.  For salvage. */
int vhd1_repair_guess(struct vhd1_repairer *r, struct vhd_error *err);
/* A header in place of what breaks @rule, for the footer there is. */
int vhd1_repair_guess_rest(struct vhd1_repairer *r, enum vhd_rule_idx rule,
			   struct vhd_error *err);
/*
 * What the header may have said, by the table and the blocks in front of @end;
 * @size of the disk, or 0.  A block size of 0: there is no table.
 */
int vhd1_guess_header(struct vhd1_repairer *r, uint64_t end, uint64_t size,
		      struct vhd1_header *h, struct vhd_error *err);

/* The stages, in this order, each with an open engine. */
int vhd1_repair_ends(struct vhd1_repairer *r, struct vhd_error *err);
int vhd1_repair_footer(struct vhd1_repairer *r, struct vhd_error *err);
int vhd1_repair_header(struct vhd1_repairer *r, struct vhd_error *err);
int vhd1_repair_parent(struct vhd1_repairer *r, struct vhd_error *err);
int vhd1_repair_locators(struct vhd1_repairer *r, struct vhd_error *err);
int vhd1_repair_drop(struct vhd1_repairer *r, struct vhd_error *err);
int vhd1_repair_table(struct vhd1_repairer *r, struct vhd_error *err);
int vhd1_repair_overlaps(struct vhd1_repairer *r, struct vhd_error *err);
int vhd1_repair_batmap(struct vhd1_repairer *r, struct vhd_error *err);
int vhd1_repair_deep(struct vhd1_repairer *r, struct vhd_error *err);

/*
 * vhd1_repair_write.c: changes that are safe at each flush.
 */
/* Writes and flushes. */
int vhd1_fix_put(struct vhd1_repairer *r, const void *buf, size_t len,
		 uint64_t off, struct vhd_error *err);
/* False when a change of the footer would mend what was not agreed to. */
bool vhd1_fix_footer_ok(const struct vhd1_repairer *r);
/* Makes @r->v->footer what the file says, in both places if they agreed. */
int vhd1_fix_footer(struct vhd1_repairer *r, struct vhd_error *err);
/* A trailing footer at @to, behind all there is, as the present one is. */
int vhd1_fix_tail(struct vhd1_repairer *r, uint64_t to,
		  struct vhd_error *err);
bool vhd1_fix_header_ok(const struct vhd1_repairer *r);
int vhd1_fix_header(struct vhd1_repairer *r, struct vhd_error *err);
/* Without a flush. */
int vhd1_fix_entry(struct vhd1_repairer *r, uint64_t blk, uint32_t entry,
		   struct vhd_error *err);
/*
 * Does some block lie on the batmap?  Then no bit of it is changed: it may be
 * what a guest has written.
 */
int vhd1_fix_map_taken(struct vhd1_repairer *r, bool *yes_out,
		       struct vhd_error *err);
/*
 * Gives the block at @at a place of its own at the end of the file, with the
 * @len bytes that there are of it and zeros behind these.
 */
bool vhd1_fix_can_move(struct vhd1_repairer *r);
int vhd1_fix_move(struct vhd1_repairer *r, uint64_t blk, uint64_t at,
		  uint64_t len, struct vhd_error *err);

/*
 * vhd1_repair_clear.c: many blocks at a time.
 */
/*
 * Makes an entry unused, in the next vhd1_fix_cleared() at the latest, which
 * flushes, and has to come before the end of the stage.
 */
int vhd1_fix_clear(struct vhd1_repairer *r, uint64_t blk,
		   struct vhd_error *err);
bool vhd1_fix_is_clearing(const struct vhd1_repairer *r, uint64_t blk);
int vhd1_fix_cleared(struct vhd1_repairer *r, struct vhd_error *err);
/* Clears bits of the batmap from that of block @first, a page's first, on. */
int vhd1_fix_batmap_bits(struct vhd1_repairer *r, uint64_t first,
			 const uint8_t clear[VHD1_CLEAR_LEN],
			 struct vhd_error *err);

/*
 * vhd1_repair_loss.c: "", or ": disk bytes ... are lost ...", for sentences that
 * give up @count blocks from @blk on.
 */
struct vhd1_loss {
	char text[160];
};
const char *vhd1_loss_of(const struct vhd1_repairer *r, uint64_t blk,
			 uint64_t count, struct vhd1_loss *out);

/*
 * vhd1_repair_room.c: where there is room.
 */
/*
 * Does a block reach past the end of the data, from there or from in front of
 * it?  Then the file must not get longer: what is missing of that block, or was
 * never there, would seem to be.
 */
int vhd1_fix_end_look(struct vhd1_repairer *r, struct vhd_error *err);
/* True when neither does. */
int vhd1_fix_end_free(struct vhd1_repairer *r, bool *yes_out,
		      struct vhd_error *err);
/* Does a block begin at @off?  No footer can go there (VHD-K-40). */
int vhd1_fix_is_taken(struct vhd1_repairer *r, uint64_t off, bool *yes_out,
		      struct vhd_error *err);
/*
 * The first sector from @off, past the end of the file, on where @len bytes are
 * in the place of no parent locator that the file has lost.
 */
uint64_t vhd1_fix_apart(const struct vhd1_repairer *r, uint64_t off,
			uint64_t len);
/* Can @off be a footer's? */
static inline bool vhd1_fix_in_reach(uint64_t off)
{
	return off <= INT64_MAX - VHD1_SECTOR;
}

#endif
