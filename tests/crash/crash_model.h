/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_CRASH_CRASH_MODEL_H
#define TESTS_CRASH_CRASH_MODEL_H

/*
 * What a guest may find on its disk after a power cut.
 *
 * The model keeps, for each sector of 512 bytes, every content that the guest
 * has given it, in order.  Two clocks place them: operations of the guest are
 * numbered from 1, and operations of the file by their index in the trace.
 *
 * After a cut a sector holds the last content that a completed flush covers, or
 * any later one whose operation had begun.  Which of them is free.
 */

#include "crash/crash.h"

enum { CRASH_SEC = 512 };

/* Operations that are not the guest's. */
enum {
	CRASH_OP_PARENT = 0x7fffffff,	/* stamps in a parent */
	CRASH_OP_NEVER = 0xffffffff	/* not acknowledged */
};

struct crash_model;

/* @seed marks the stamps.  All sectors are zeros, durably. */
struct crash_model *crash_model_new(uint64_t seed, uint64_t size);
/*
 * A disk that holds one known content in each sector: @version[sector], as
 * crash_model_match() gave it, or the newest ones if it is NULL.  @m must live
 * longer.
 */
struct crash_model *crash_model_fork(const struct crash_model *m,
				     const uint32_t *version);
void crash_model_free(struct crash_model *m);
uint64_t crash_model_sectors(const struct crash_model *m);

/* The bytes that operation @op writes to [off, off + len). */
void crash_model_data(const struct crash_model *m, uint32_t op, void *buf,
		      uint64_t len, uint64_t off);
/* Sector @sec is a stamp of the parent from the start. */
void crash_model_preset(struct crash_model *m, uint64_t sec);

/*
 * Operation @op gives [off, off + len) new contents: stamps or zeros.  It began
 * when @begin operations of the file had happened.  Until it is acknowledged no
 * flush covers it.
 */
void crash_model_write(struct crash_model *m, uint32_t op, uint64_t len,
		       uint64_t off, size_t begin);
void crash_model_zero(struct crash_model *m, uint32_t op, uint64_t len,
		      uint64_t off, size_t begin);
/* Contents of @op in this range are acknowledged by operation @ack. */
void crash_model_ack(struct crash_model *m, uint32_t op, uint32_t ack,
		     uint64_t len, uint64_t off);
/*
 * A flush that was operation @op of the guest was over when @end operations of
 * the file had happened.
 */
void crash_model_flushed(struct crash_model *m, uint32_t op, size_t end);

/* The newest content of a sector. */
void crash_model_newest(const struct crash_model *m, uint64_t sec, void *buf);

/* A power cut. */
struct crash_cut {
	uint32_t covered;	/* guest operations up to this are flushed */
	int64_t last;		/* contents that began later are not possible */
};

/*
 * The cut is somewhere before file operation @before, and none from @last + 1
 * on left a trace; @last may be -1.
 */
struct crash_cut crash_model_cut(const struct crash_model *m, size_t before,
				 int64_t last);
/* May the sector hold this?  *@version_out says which content it is. */
bool crash_model_match(const struct crash_model *m, uint64_t sec,
		       const uint8_t bytes[CRASH_SEC],
		       const struct crash_cut *cut, uint32_t *version_out);
/* May it be zeros? */
bool crash_model_match_zero(const struct crash_model *m, uint64_t sec,
			    const struct crash_cut *cut,
			    uint32_t *version_out);
/* The same for what the parent, as it was made, holds there. */
bool crash_model_match_parent(const struct crash_model *m, uint64_t sec,
			      const struct crash_cut *cut,
			      uint32_t *version_out);

/* In words: what the bytes look like, and what they might have been. */
void crash_model_explain(const struct crash_model *m, uint64_t sec,
			 const uint8_t bytes[CRASH_SEC],
			 const struct crash_cut *cut, char *text, size_t room);

#endif
