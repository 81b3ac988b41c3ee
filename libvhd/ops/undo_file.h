/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_OPS_UNDO_FILE_H
#define VHD_OPS_UNDO_FILE_H

/* An undo file, read: everything in it is held against undo_disk.h. */

#include "io/io.h"
#include "ops/undo_disk.h"

struct undo_file {
	struct vhd_io *io;
	uint64_t size;
	struct undo_header_disk header;	/* its numbers are sane */
	uint64_t last_part;		/* where the last part begins */
	uint64_t parts_end;		/* where another one would */
	uint64_t records;		/* of what was overwritten, in all parts */
	uint64_t all_records;		/* those of what was written, too */
	uint64_t least;			/* shortest that the image ever was */
	uint64_t reach;			/* longest */
	bool done;			/* there is an end, at parts_end */
	uint64_t final_len;		/* of the image; only when done */
};

/*
 * One record; what follows it, if anything, are @data_len bytes at @data_off of
 * the undo file.
 */
struct undo_rec {
	enum undo_kind kind;
	uint64_t off, len;
	uint64_t data_off, data_len;
	uint32_t crc;
};

/* Is it of what was overwritten, not of what was written? */
static inline bool vhd_undo_is_old(const struct undo_rec *rec)
{
	return rec->kind == UNDO_DATA || rec->kind == UNDO_ZERO ||
	       rec->kind == UNDO_HOLE;
}

typedef int (*undo_rec_fn)(void *arg, const struct undo_rec *rec,
			   struct vhd_error *err);

uint32_t vhd_undo_header_crc(const struct undo_header_disk *h);
uint32_t vhd_undo_rec_crc(const struct undo_rec_disk *r);

/* Reads all of it: VHD_E_CORRUPT unless every byte is as it should be. */
int vhd_undo_file_load(struct vhd_io *io, struct undo_file *f,
		   struct vhd_error *err);

/* The records of the part at @pos of a file that was loaded, in order. */
int vhd_undo_file_each(struct undo_file *f, uint64_t pos, undo_rec_fn fn,
		   void *arg, struct vhd_error *err);
/* The part before the one at @pos; 0: none. */
int vhd_undo_file_prev(struct undo_file *f, uint64_t pos, uint64_t *prev_out,
		   struct vhd_error *err);
/* Where the part after the one at @pos begins. */
int vhd_undo_file_next(struct undo_file *f, uint64_t pos, uint64_t *next_out,
		   struct vhd_error *err);

/* Bytes that follow a record of so many bytes. */
uint64_t vhd_undo_rec_data(uint32_t kind, uint64_t len);

/*
 * Checksum of what @io has in a range, as far as the file reaches: of its pages
 * that are not all zeros, and of where they are, so that holes need no time.
 */
int vhd_undo_digest(struct vhd_io *io, uint64_t off, uint64_t len,
		uint32_t *crc_out, struct vhd_error *err);

#endif
