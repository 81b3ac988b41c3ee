/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHDX_WRITE_H
#define VHD_VHDX_WRITE_H

/*
 * The writing state of an image that was opened for writing, and what the
 * format supplies to the writer (write/writer.h).
 */

#include "vhdx/vhdx.h"
#include "vhdx/vhdx_log.h"
#include "write/writer.h"

struct vhdx_write {
	struct vhd_writer *w;		/* NULL after vhdx_shut() */
	struct vhdx_log *log;
	_Atomic uint64_t last_off;	/* end of the highest structure */

	/* Guarded by the lock of @w: space, once somebody needs some. */
	bool scanned;
	struct vhd_space space;		/* free, below @end_off */
	uint64_t end_off;		/* of the file */
	uint64_t keep_len;		/* a fixed disk's file is not cut below */
};

extern const struct vhd_writer_ops vhdx_writer_ops;

/* The last step of an open for writing. */
int vhdx_write_open(struct vhdx *x, const struct vhd_engine_open *req,
		    struct vhd_error *err);
/* NULL in @x->write is fine. */
void vhdx_write_close(struct vhdx *x);

/* Has anything been changed? */
bool vhdx_write_begun(const struct vhdx *x);

/* For the page cache: its store(). */
int vhdx_write_stage(void *arg, uint64_t off, const uint8_t *page,
		     uint32_t mask, struct vhd_error *err);

/* What struct vhd_writer_ops wants of them; @eng is a struct vhdx. */

/* vhdx_write_map.c */
int vhdx_write_look(void *eng, uint64_t blk, struct vhd_blk *out,
		    struct vhd_error *err);
int vhdx_write_present(void *eng, uint64_t blk, const struct vhd_blk *b,
		       uint32_t from_sec, uint32_t to_sec, bool *yes_out,
		       uint32_t *count_out, struct vhd_error *err);
int vhdx_write_map(void *eng, uint64_t blk, uint64_t at,
		   struct vhd_error *err);
int vhdx_write_mark(void *eng, uint64_t blk, const struct vhd_blk *b,
		    uint64_t at, uint32_t from_sec, uint32_t to_sec,
		    struct vhd_error *err);
int vhdx_write_unmap(void *eng, uint64_t blk, const struct vhd_blk *b,
		     enum vhd_unmap how, bool *done_out,
		     struct vhd_error *err);

int vhdx_write_move(void *eng, uint64_t blk, const struct vhd_blk *b,
		    const struct vhd_place *to, struct vhd_error *err);

/* vhdx_space.c */
int vhdx_write_place_below(void *eng, uint64_t blk, uint64_t limit,
			   struct vhd_place *out, bool *found_out,
			   struct vhd_error *err);
int vhdx_write_place(void *eng, uint64_t blk, struct vhd_place *out,
		     struct vhd_error *err);
void vhdx_write_unplace(void *eng, uint64_t off, uint64_t len,
			enum vhd_space_kind kind);
int vhdx_write_prepare(void *eng, uint64_t blk, const struct vhd_place *place,
		       bool whole, struct vhd_error *err);

/*
 * Finds out what is free, the first time; to be called before the table loses
 * or gains a place.  VHD_E_CORRUPT when some space has two owners or is lost.
 */
int vhdx_space_ready(struct vhdx *x, struct vhd_error *err);
/* @len bytes on a MiB border, growing the file if need be. */
int vhdx_space_take(struct vhdx *x, uint64_t len, uint64_t *off_out,
		    enum vhd_space_kind *kind_out, struct vhd_error *err);
/* Makes the file end at @end or behind it. */
int vhdx_space_reach(struct vhdx *x, uint64_t end, struct vhd_error *err);
/* As vhdx_space_take(), in free space that ends at or before @limit; false: there is none. */
bool vhdx_space_take_below(struct vhdx *x, uint64_t len, uint64_t limit,
			   uint64_t *off_out, enum vhd_space_kind *kind_out);
/* Makes the file end with its last structure (VHDX-CLS-04). */
int vhdx_space_trim(struct vhdx *x, struct vhd_error *err);

/* vhdx_scan.c: fills @x->write->space, and the ends. */
int vhdx_scan(struct vhdx *x, struct vhd_error *err);

/* The space that an entry of the table names. */
struct vhdx_owner {
	uint64_t idx;			/* of its entry */
	uint64_t off;
	uint64_t len;
	bool anchor;
};

/* False when it names none. */
bool vhdx_owner_find(const struct vhdx *x, uint64_t idx, uint64_t raw,
		     struct vhdx_owner *out);

/* LastFileOffset covers everything that the table names (VHDX-LOG-48). */
void vhdx_write_reach(struct vhdx *x, uint64_t end_off);

#endif
