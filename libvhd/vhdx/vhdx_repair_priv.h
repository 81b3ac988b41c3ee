/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHDX_REPAIR_PRIV_H
#define VHD_VHDX_REPAIR_PRIV_H

/*
 * What the parts of the repair share.  Each part looks at its structure as it is
 * in the file, relying on what the parts before it have found to be sound, and
 * mends what it may.
 */

#include "engine/repair.h"
#include "vhdx/vhdx.h"
#include "write/pending.h"

struct vhdx_fix {
	const struct vhd_engine_repair *req;
	struct vhd_io *io;
	uint64_t file_size;
	/*
	 * What comes next: on to the next part; another round, because this
	 * one wrote something; nothing, because what is left cannot be mended.
	 */
	enum { VHDX_FIX_ON, VHDX_FIX_AGAIN, VHDX_FIX_STOP } next;

	/* The guest will read something else: a new DataWriteGuid first. */
	bool visible;

	struct vhdx_headers headers;	/* from vhdx_fix_headers() on */
	struct vhdx_place log;		/* from vhdx_fix_log() on */
	struct vhdx_regions regions;	/* from vhdx_fix_regions() on */
};

static inline const struct vhdx_header *vhdx_fix_header(
	const struct vhdx_fix *m)
{
	return &m->headers.hdr[m->headers.current];
}

/* The parts, in their order. */
int vhdx_fix_ident(struct vhdx_fix *m, struct vhd_error *err);
int vhdx_fix_headers(struct vhdx_fix *m, struct vhd_error *err);
int vhdx_fix_log(struct vhdx_fix *m, struct vhd_error *err);
int vhdx_fix_log_place(struct vhdx_fix *m, struct vhd_error *err);
int vhdx_fix_regions(struct vhdx_fix *m, struct vhd_error *err);
int vhdx_fix_meta(struct vhdx_fix *m, struct vhd_error *err);

/*
 * Finds the two regions when no table can be trusted: @claims are the bytes of
 * both.  *@found_out: they are in @out, and what they hold makes sense.
 */
int vhdx_fix_regions_guess(struct vhdx_fix *m,
			   const uint8_t claims[2 * VHDX_REGIONS_LEN],
			   struct vhdx_regions *out, bool *found_out,
			   struct vhd_error *err);

/*
 * Asks and tells: as vhd_mend_may(), but a copy that nobody keeps is always
 * allowed to be guessed at.
 */
bool vhdx_fix_may(const struct vhdx_fix *m, enum vhd_rule_idx rule,
		   uint64_t off, const char *fmt, ...) VHD_PRINTF(4, 5);
/* Tells of what could be done if the owner said more than he has. */
void vhdx_fix_offer(const struct vhdx_fix *m, enum vhd_rule_idx rule,
		     uint64_t off, const char *fmt, ...) VHD_PRINTF(4, 5);
/* Has the owner chosen @word, or is nobody to be asked? */
bool vhdx_fix_chosen(const struct vhdx_fix *m, enum vhd_rule_idx rule,
		      const char *word);

/*
 * The headers with the GUIDs and the log of @fields, with a new FileWriteGuid:
 * the slot that does not count first, then the other, flushed in between
 * (VHDX-HDR-20, VHDX-HDR-22).
 */
int vhdx_fix_headers_write(struct vhdx_fix *m,
			    const struct vhdx_header *fields,
			    struct vhd_error *err);

/* Headers of @fields, with an empty log where there is room for one. */
int vhdx_fix_log_make(struct vhdx_fix *m, const struct vhdx_header *fields,
		      struct vhd_error *err);

/*
 * Brings changed pages to the file: through its log, as every writer does
 * (VHDX-LOG-01), and leaves the log empty.  Up to 126 pages change all or none.
 * A file without a place for a log is changed in place: from its end to its
 * beginning, a flush after each page, so that items are there before the table
 * that names them, and one region table is whole at any time.
 */
int vhdx_fix_store(struct vhdx_fix *m, struct vhd_pending *set,
		   struct vhd_error *err);

/*
 * Puts @bytes, which are to be at [off, off + len), into a set of pages.  The
 * rest of these pages is as in the file.
 */
int vhdx_fix_put(struct vhdx_fix *m, struct vhd_pending *set, uint64_t off,
		  const void *bytes, size_t len, struct vhd_error *err);

#endif
