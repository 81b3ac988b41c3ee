/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHD1_PRIV_H
#define VHD_VHD1_PRIV_H

/*
 * An open VHD.
 *
 * Everything that decides where bytes are is read once, when the file is
 * opened: the footer that counts, the dynamic header, the batmap's header and
 * the parent locators.  The block allocation table and the sector bitmaps stay
 * in the file and are seen through the page cache.  After opening nothing in
 * here changes but where the file ends, while it is written to (vhd1_write.h),
 * so all of it may be read by any number of threads.
 */

#include <stdatomic.h>

#include "cache/pcache.h"
#include "codec/vhd1_batmap.h"
#include "codec/vhd1_footer.h"
#include "codec/vhd1_header.h"
#include "engine/engine.h"

/* A range of the file that no block may use. */
struct vhd1_span {
	uint64_t off;
	uint64_t len;
	const char *what;
};

enum {
	VHD1_SPANS = 5 + VHD1_LOCATORS,
	VHD1_NAMES = VHD1_LOCATORS + 1
};

struct vhd1 {
	struct vhd_io *io;		/* the caller's */
	struct vhd_pcache *pc;		/* NULL when fixed */
	_Atomic uint64_t *full;		/* see vhd1_full.c; may be NULL */
	struct vhd1_write *write;	/* NULL unless opened for writing */
	_Atomic uint64_t file_size;
	_Atomic uint64_t tail_off;	/* of the trailing footer; file_size
					   when there is none */
	uint64_t virtual_size;
	struct vhd1_footer footer;	/* the copy that counts */
	_Atomic uint32_t footers_ok;	/* VHD_COPY_* */
	uint32_t footer_used;
	bool footers_differ;		/* both are sound, and in doubt */
	bool footers_step;		/* both are sound, one is newer */
	bool header_unsealed;		/* wrong checksum, plausible fields */
	bool ciphertext;		/* is what the opener wants */

	/* Dynamic and differencing only. */
	struct vhd1_header hdr;
	uint32_t bitmap_len;
	unsigned block_shift;
	bool has_batmap;
	struct vhd1_batmap batmap;
	uint64_t batmap_hdr_off;

	/* Footer copy, header and table first: blocks that touch one of these
	 * cannot be data.  Behind them what old QEMU is known to overwrite. */
	struct vhd1_span span[VHD1_SPANS];
	size_t span_count;
	size_t span_hard;

	struct vhd_locator name[VHD1_NAMES];	/* in the order to try them */
	char *name_text[VHD1_NAMES];		/* owned */
	size_t name_count;
	char parent_name[VHD1_NAME_LEN / 2 * 3 + 1];
};

static inline bool vhd1_is_sparse(const struct vhd1 *v)
{
	return v->footer.type != VHD1_TYPE_FIXED;
}

/* Blocks of the disk; the table may have more entries. */
uint64_t vhd1_block_count(const struct vhd1 *v);

/* Bitmap and data of a block. */
static inline uint64_t vhd1_stride(const struct vhd1 *v)
{
	return (uint64_t)v->bitmap_len + v->hdr.block_size;
}

static inline uint64_t vhd1_entry_off(uint32_t entry)
{
	return (uint64_t)entry * VHD1_SECTOR;
}

/*
 * vhd1_open.c: the file as it would be if it had this footer, for reading; to
 * be closed like any other.  Looks at neither of the footers there are.
 */
int vhd1_open_as(const struct vhd_engine_open *req,
		 const struct vhd1_footer *f, uint64_t tail_off,
		 struct vhd1 **v_out, struct vhd_error *err);

/* vhd1_copies.c: which footer counts. */
int vhd1_probe(struct vhd_io *io, bool *ours_out, struct vhd_error *err);
int vhd1_footers_load(struct vhd1 *v, const struct vhd_engine_open *req,
		      struct vhd_error *err);

/* vhd1_dynhdr.c: the header, and what it says about the rest. */
int vhd1_header_load(struct vhd1 *v, const struct vhd_engine_open *req,
		     struct vhd_error *err);
/* True when the header that @f points at is sound and its table long enough:
 * the tie-breaker of VHD-F-53. */
int vhd1_header_backs(struct vhd1 *v, const struct vhd1_footer *f,
		      bool *yes_out, struct vhd_error *err);
int vhd1_batmap_load(struct vhd1 *v, const struct vhd_sink *sink,
		     struct vhd_error *err);

/* vhd1_parent.c; @slots: in the order of the slots, those of Xen's tools only,
 * and behind them the name in the header */
int vhd1_names_load(struct vhd1 *v, bool slots, const struct vhd_sink *sink,
		    struct vhd_error *err);
/* Are all locators absolute? */
bool vhd1_names_absolute(const struct vhd1 *v);
void vhd1_names_free(struct vhd1 *v);
bool vhd1_parent(void *eng, struct vhd_parent_ref *out);

/*
 * vhd1_bat.c: metadata past the cache, as it is or is about to be: what waits
 * to be written counts (vhd_writer_expose() first), past the end are zeros.
 */
int vhd1_read(struct vhd1 *v, void *buf, size_t len, uint64_t off,
	      struct vhd_error *err);
/* Makes all that was changed so far visible to vhd1_read(). */
int vhd1_expose(struct vhd1 *v, struct vhd_error *err);

/* The table through the cache. */
int vhd1_cache_new(struct vhd1 *v, uint64_t budget, struct vhd_error *err);
int vhd1_entry(struct vhd1 *v, uint64_t blk, uint32_t *entry_out,
	       struct vhd_error *err);
/* How many entries from @blk on, but at most up to @end, are unused. */
int vhd1_unused_run(struct vhd1 *v, uint64_t blk, uint64_t end,
		    uint64_t *count_out, struct vhd_error *err);
/* The span that a block at @off overlaps among the first @count; or NULL. */
const struct vhd1_span *vhd1_span_hit(const struct vhd1 *v, uint64_t off,
				      size_t count);
/*
 * Calls @fn for each used entry, reading past the cache.  @fn returns 0 to go
 * on, 1 to stop without an error, or an error.  @tick, if any, is called
 * between pieces of the table with the entries done, in the same way.
 */
struct vhd1_walk {
	int (*fn)(void *arg, uint64_t blk, uint32_t entry,
		  struct vhd_error *err);
	int (*tick)(void *arg, uint64_t done, struct vhd_error *err);
	/* May be NULL: called instead of @fn for @count entries of 0 that are
	 * not stored. */
	int (*hole)(void *arg, uint64_t blk, uint64_t count,
		    struct vhd_error *err);
	void *arg;
};
int vhd1_table_walk(struct vhd1 *v, const struct vhd1_walk *w,
		    struct vhd_error *err);

/*
 * A stretch of the file that is a hole: who looks at many places, most of them
 * near each other, need not read each.  Starts as zeros.
 */
struct vhd1_hole {
	uint64_t from, to;
	uint64_t data_to;	/* behind it, data is stored up to here */
	uint64_t back;		/* to look for its start */
	unsigned vain;		/* searches in a row that found data */
	unsigned wait;		/* looks until the next one */
};
/* Is all of [off, off + len) known to be zeros because nothing is stored? */
int vhd1_in_hole(struct vhd1 *v, struct vhd1_hole *h, uint64_t off,
		 uint64_t len, bool *yes_out, struct vhd_error *err);

/* Sectors of block @blk that the disk has. */
static inline uint64_t vhd1_sectors_of(const struct vhd1 *v, uint64_t blk)
{
	uint64_t left = v->virtual_size - (blk << v->block_shift);

	return (left < v->hdr.block_size ? left : v->hdr.block_size) /
	       VHD1_SECTOR;
}

/* vhd1_full.c: blocks that were seen to be full.  Any number of threads. */
int vhd1_full_new(struct vhd1 *v, struct vhd_error *err);
bool vhd1_full_known(const struct vhd1 *v, uint64_t blk);
void vhd1_full_forget(struct vhd1 *v, uint64_t blk);
/* Looks at the whole bitmap, which is at @at, of a block that has space. */
void vhd1_full_learn(struct vhd1 *v, uint64_t blk, uint64_t at);

/* vhd1_map.c */
int vhd1_map(void *eng, uint64_t off, uint64_t len, struct vhd_run *out,
	     struct vhd_error *err);
/* Fails for block @blk at @at if a block cannot be there, or be read. */
int vhd1_place_check(const struct vhd1 *v, uint64_t blk, uint64_t at,
		     struct vhd_error *err);
/*
 * The run of equal bits from sector @sec of block @blk, whose bitmap is at @at;
 * it ends before sector @limit.
 */
int vhd1_bit_run(struct vhd1 *v, uint64_t blk, uint64_t at, uint64_t sec,
		 uint64_t limit, bool *set_out, uint64_t *count_out,
		 struct vhd_error *err);

/* vhd1_info.c */
void vhd1_info(void *eng, struct vhd_info *out);
int vhd1_usage(void *eng, uint64_t bat_bytes, struct vhd_usage *out,
	       struct vhd_error *err);
int vhd1_layout(void *eng, vhd_region_fn fn, void *arg,
		struct vhd_error *err);

/* vhd1_write.c */
struct vhd_writer *vhd1_writer(void *eng);
int vhd1_shut(void *eng, struct vhd_error *err);

/* vhd1_check.c */
int vhd1_check(void *eng, struct vhd_engine_check *req,
	       struct vhd_error *err);

/* vhd1_repair.c */
int vhd1_repair(const struct vhd_engine_repair *req, struct vhd_error *err);

/* vhd1_reparent.c */
int vhd1_reparent(void *eng, const struct vhd_engine_parent *parent, bool dry,
		  bool *changed_out, struct vhd_error *err);

/* vhd1_build.c */
int vhd1_build(struct vhd_io *io, const struct vhd_build *what,
	       void **bld_out, struct vhd_error *err);
int vhd1_place(void *bld, uint64_t off, uint64_t *file_off_out,
	       uint64_t *len_out, struct vhd_error *err);
int vhd1_finish(void *bld, struct vhd_error *err);
void vhd1_discard(void *bld);

#endif
