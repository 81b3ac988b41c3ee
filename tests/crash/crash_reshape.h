/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_CRASH_CRASH_RESHAPE_H
#define TESTS_CRASH_CRASH_RESHAPE_H

/*
 * Power cuts while an image is reshaped: made larger or smaller, packed, given
 * another identity.  The judge asks of what a cut leaves: does it open, does a
 * check find no error, are the guest's bytes those of before, is the size that of
 * before or after; and does the same call, made again, finish.
 */

#include "crash/crash_hunt.h"

enum crash_verb {
	CRASH_GROW,		/* within the room of the table */
	CRASH_GROW_TABLE,	/* beyond it */
	CRASH_SHRINK,
	CRASH_SET,
	CRASH_IDENTIFY,
	CRASH_LINK2,
	CRASH_PACK,
	CRASH_COMPACT,		/* with zeros, and copies of the parent */
	CRASH_COMPACT_FS,	/* with bytes that nobody uses */
	CRASH_RELINK,		/* another parent, of a VHD, as these below */
	CRASH_RELINK_XEN,	/* named as Xen's tools do it */
	CRASH_HIDE,
	CRASH_FOOTERS,		/* both anew */
	CRASH_END,		/* the trailing one where a device will end */
	CRASH_FORGET,		/* all data */
	CRASH_KEY,		/* the hash of a key, and the marker */
	CRASH_UNCOVER,		/* bits of what an upper layer holds */
	CRASH_FILL,		/* all blocks of a range, as "fill" does */
	CRASH_VERBS
};

extern const char *const crash_verb_names[CRASH_VERBS];
/* What identity, disk id and second names are set to. */
extern const struct vhd_guid crash_reshape_id;

struct crash_reshape {
	struct crash_setup setup;
	enum crash_verb verb;
	struct crash_parent parent;
	struct crash_failure *fail;
	struct crash_base *base;	/* the image before, its log pending or not */
	struct vhd_guid old_id;		/* what children record, before */
	uint64_t old_size, new_size;
	uint64_t file_size;		/* after a run without a cut; 0: not known */
	uint64_t rng;
	bool device;			/* the image is on a volume */
	uint64_t kills;			/* states that were looked at */
	bool strict;			/* Xen's check finds nothing, before and
					 * after */
};

/* crash_reshape_make.c: an image with a past, as the verb wants it. */
void crash_reshape_make(struct crash_reshape *r);
void crash_reshape_free(struct crash_reshape *r);

/* crash_reshape_kind.c: what others make, and the lack of room. */

/* By QEMU, so that a geometry says how large it is, or may. */
bool crash_reshape_qemu(const struct crash_reshape *r);
/* A fixed VHDX of which QEMU says for each block alone where it is. */
bool crash_reshape_unplaced(const struct crash_reshape *r);
/* A volume that has no room for a second batmap; @full: nor has it a block that
 * is not full, which could give its place. */
bool crash_reshape_tight(const struct crash_reshape *r, bool *full);
/* Before the first use, and after the last one. */
void crash_reshape_kind_begin(const struct crash_reshape *r,
			      struct crash_file *f);
void crash_reshape_kind_end(struct crash_reshape *r);

/* crash_reshape_verb.c: does the verb's work on @f, from opening to closing. */
bool crash_reshape_do(const struct crash_reshape *r, struct crash_file *f,
		      struct vhd_trace *t, struct crash_failure *fail);

/* Bytes of block @blk that nobody uses, for CRASH_COMPACT_FS; @len may be 0. */
void crash_reshape_unused(const struct crash_reshape *r, uint64_t blk,
			  uint64_t *off_out, uint64_t *len_out);

/* crash_reshape_xen.c: the verbs from CRASH_RELINK on */
bool crash_reshape_is_xen(const struct crash_reshape *r);
bool crash_reshape_relinks(const struct crash_reshape *r);
/* The hash of a key is recorded, in an image without data. */
bool crash_reshape_keyed(const struct crash_reshape *r);
/* On what @recorder, which is taken over, writes through to. */
bool crash_reshape_xen_do(const struct crash_reshape *r, void *recorder,
			  struct crash_failure *fail);
void crash_reshape_xen_judge(const struct crash_reshape *r,
			     struct crash_file *f, struct vhd_image *img,
			     bool done, struct crash_failure *fail);

/* crash_reshape_device.c: all files are volumes; the image of @r is on one. */
void crash_reshape_devices(bool yes);
void crash_reshape_to_device(struct crash_reshape *r);

/* Bytes number @k that are given up, for CRASH_UNCOVER; false: no more. */
bool crash_reshape_uncovered(const struct crash_reshape *r, unsigned k,
			     uint64_t *off_out, uint64_t *len_out);

/*
 * crash_reshape_strict.c: does the check that Xen's clients call accept it?
 * @lost: or does it ask for a trailing footer, and accept all the rest.
 */
bool crash_reshape_accepts(struct crash_file *f, bool lost,
			   struct vhd_error *why);
/*
 * The same, and does it find what it should in a state that a @cut has left?
 * That is two footers that differ, and a header where a guest would spoil it.
 */
bool crash_reshape_is_told(const struct crash_reshape *r, struct crash_file *f,
			   bool cut, bool lost, struct vhd_error *why);
/* What a kill leaves, between any two calls of what @ops holds. */
bool crash_reshape_kills(const struct crash_reshape *r,
			 const struct crash_ops *ops, uint64_t *states,
			 struct crash_failure *fail);

/* crash_reshape_judge.c */

/* For reading; false when it cannot be opened or something is an error. */
bool crash_reshape_open(const struct crash_reshape *r, struct crash_file *f,
			struct vhd_image **img_out, struct crash_failure *fail);
/* What a cut may leave; @done: what the verb leaves. */
bool crash_reshape_judge(const struct crash_reshape *r, struct crash_file *f,
			 bool done, struct crash_failure *fail);

#endif
