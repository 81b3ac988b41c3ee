/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHDX_VHDX_H
#define VHD_VHDX_VHDX_H

/*
 * Private state of the VHDX engine.
 *
 * Opening reads, in this order, the identifier, the two headers, the log, the
 * region tables and the metadata; nothing but the headers and the log is
 * trusted before the log is replayed (VHDX-LOG-30).  A pending log is replayed
 * in memory: from then on every structure is read through vhdx_read(), which
 * shows the file as it is after replay.  The block allocation table is never
 * read as a whole; its pages, and those of sector bitmaps, come and go through
 * a page cache.
 *
 * An image that is open for reading does not change, so that any number of
 * threads may use it; only the page cache has locks of its own.  One that is
 * open for writing has a replayed log in place, and a writing state
 * (vhdx_write.h) through which vhdx_read() shows what is not in place yet.  All
 * that changes beside readers then is the length of the file and the bytes of
 * cached pages; both are read as atomics.
 */

#include <stdatomic.h>

#include "base/guid.h"
#include "cache/pcache.h"
#include "codec/vhdx_batent.h"
#include "codec/vhdx_geom.h"
#include "codec/vhdx_header.h"
#include "codec/vhdx_meta.h"
#include "codec/vhdx_region.h"
#include "engine/engine.h"
#include "vhdx/vhdx_replay.h"

enum { VHDX_PATHS_MAX = 3 };	/* relative, volume, absolute */

struct vhdx_write;

struct vhdx {
	struct vhd_io *io;		/* the caller's */
	bool writable;			/* a pending log goes in place */
	uint64_t real_size;		/* length of the file when opened */
	_Atomic uint64_t file_size;	/* length after replay; a writer's grows */
	struct vhdx_overlay *overlay;	/* NULL: nothing is pending */

	char creator[VHDX_CREATOR_ROOM];
	struct vhdx_headers headers;

	struct vhdx_place log;		/* length 0: nowhere */
	struct vhdx_region_pair region_pair;
	struct vhdx_regions regions;

	/*
	 * What is no block: header section, log, regions.  Ascending, and
	 * without overlaps.
	 */
	struct vhdx_place *taken;
	size_t taken_count;

	struct vhdx_meta meta;
	struct vhdx_geom geom;
	uint64_t bat_used;		/* entries that mean something */
	uint64_t bat_room;		/* entries the region has room for */

	struct vhd_guid parent_ids[2];
	size_t parent_id_count;
	struct vhd_locator paths[VHDX_PATHS_MAX];
	char *path_text[VHDX_PATHS_MAX];	/* owns the texts of paths */
	size_t path_count;

	struct vhd_pcache *pages;
	struct vhdx_write *write;	/* NULL: open for reading */
};

static inline const struct vhdx_header *vhdx_current(const struct vhdx *x)
{
	return &x->headers.hdr[x->headers.current];
}

/* Place in the file of an entry of the table. */
static inline uint64_t vhdx_bat_file_off(const struct vhdx *x, uint64_t idx)
{
	return x->regions.bat.off + vhdx_bat_off_of_idx(idx);
}

/*
 * The file as it is after replay, with what waits to be written; bytes past its
 * end are zeros.  What is only in the page cache does not show: walks begin with
 * vhdx_expose().
 */
int vhdx_read(const struct vhdx *x, void *buf, size_t len, uint64_t off,
	      struct vhd_error *err);
int vhdx_expose(const struct vhdx *x, struct vhd_error *err);

/* The engine's functions (engine/engine.h). */
int vhdx_probe(struct vhd_io *io, bool *ours_out, struct vhd_error *err);
int vhdx_open(const struct vhd_engine_open *req, void **eng_out,
	      struct vhd_error *err);
void vhdx_close(void *eng);
struct vhd_writer *vhdx_writer(void *eng);
int vhdx_shut(void *eng, struct vhd_error *err);
void vhdx_info(void *eng, struct vhd_info *out);
bool vhdx_parent(void *eng, struct vhd_parent_ref *out);
int vhdx_map(void *eng, uint64_t off, uint64_t len, struct vhd_run *out,
	     struct vhd_error *err);
int vhdx_usage(void *eng, uint64_t bat_bytes, struct vhd_usage *out,
	       struct vhd_error *err);
int vhdx_layout(void *eng, vhd_region_fn fn, void *arg, struct vhd_error *err);
int vhdx_check(void *eng, struct vhd_engine_check *req, struct vhd_error *err);
int vhdx_reparent(void *eng, const struct vhd_engine_parent *parent, bool dry,
		  bool *changed_out, struct vhd_error *err);

int vhdx_resize(void *eng, const struct vhd_engine_resize *req,
		struct vhd_error *err);
int vhdx_set_check(void *eng, const struct vhd_attrs *what,
		   struct vhd_error *err);
int vhdx_set(void *eng, const struct vhd_attrs *what, struct vhd_error *err);
int vhdx_identify(void *eng, const struct vhd_guid *id, struct vhd_error *err);
int vhdx_link2(void *eng, const struct vhd_guid *id, struct vhd_error *err);
int vhdx_pack(void *eng, uint64_t *limit_out, struct vhd_error *err);
int vhdx_pack_rest(void *eng, uint64_t limit, struct vhd_error *err);

/* Steps of opening, in this order; each relies on those before it. */
int vhdx_load_header(struct vhdx *x, const struct vhd_sink *sink,
		     struct vhd_error *err);
int vhdx_load_regions(struct vhdx *x, const struct vhd_sink *sink,
		      struct vhd_error *err);
int vhdx_load_meta(struct vhdx *x, const struct vhd_sink *sink,
		   struct vhd_error *err);
/* Where the items of metadata are; a part of vhdx_load_meta(). */
int vhdx_load_table(const struct vhdx *x, struct vhdx_meta_table *out,
		    const struct vhd_sink *sink, struct vhd_error *err);

/* A damaged header that was the newer one (vhdx_newer.c). */
struct vhdx_newer {
	bool found;
	uint32_t slot;
	struct vhdx_header hdr;		/* as far as it can be believed */
};

/* @pair are the bytes of both headers, of which one is damaged, or none. */
int vhdx_newer_find(struct vhd_io *io, const uint8_t *pair,
		    const struct vhdx_headers *headers, uint64_t file_size,
		    struct vhdx_newer *out, struct vhd_error *err);

/*
 * The parent locator, an item of @len bytes at @file_off.  Paths that are not
 * sound text are left out (VHDX-PATH-01).
 */
int vhdx_load_parent(struct vhdx *x, uint64_t file_off, uint32_t len,
		     const struct vhd_sink *sink, struct vhd_error *err);

/* Fills @x->taken from @x->log and the chosen region table. */
int vhdx_taken_load(struct vhdx *x, const uint8_t table[VHDX_REGIONS_LEN],
		    struct vhd_error *err);
/* Does a range share a byte with what is no block? */
bool vhdx_taken(const struct vhdx *x, uint64_t off, uint64_t len);

#endif
