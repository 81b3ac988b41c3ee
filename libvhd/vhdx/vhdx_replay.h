/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHDX_REPLAY_H
#define VHD_VHDX_REPLAY_H

/*
 * A pending log, replayed in memory: an overlay says which ranges of the file
 * read differently and how long it is (VHDX-LOG-35).  The file is not touched.
 * An overlay holds places, not pages: its memory is a few dozen bytes per
 * logged page, and it needs the file to be read through.
 *
 * An overlay never changes once loaded: any number of threads may use it.
 */

#include "base/sink.h"
#include "codec/vhdx_header.h"
#include "io/io.h"

struct vhdx_overlay;

/*
 * Replays the log of a file whose current header @h has a LogGuid and passed
 * vhdx_header_check().  Reports RULE_VHDX_LOG_PENDING, _LOG_EXTEND, _LOG_RESERVED
 * and _LOG_OFFSETS_ODD to @sink (may be NULL).
 *
 * Returns: 0; VHD_E_CORRUPT with RULE_VHDX_LOG_NO_SEQUENCE, _LOG_TRUNCATED,
 *          _LOG_TARGET; VHD_E_UNSUPPORTED with RULE_VHDX_LOG_TOO_LARGE;
 *          VHD_E_IO; VHD_E_NOMEM.
 */
int vhdx_replay_load(struct vhd_io *io, const struct vhdx_header *h,
		     const struct vhd_sink *sink,
		     struct vhdx_overlay **ov_out, struct vhd_error *err);
void vhdx_overlay_free(struct vhdx_overlay *ov);

/*
 * Reads the file as it is after replay; bytes past its end are zeros.  @ov may
 * be NULL: then it is vhd_io_read_padded().
 */
int vhdx_overlay_read(const struct vhdx_overlay *ov, struct vhd_io *io,
		      void *buf, size_t len, uint64_t off,
		      struct vhd_error *err);

/* Does replay change any byte of the range?  False for NULL. */
bool vhdx_overlay_touches(const struct vhdx_overlay *ov, uint64_t off,
			  uint64_t len);

/*
 * The first range that replay changes and that ends after @off: false when
 * there is none (or @ov is NULL).  For scans that pass over holes.
 */
bool vhdx_overlay_next(const struct vhdx_overlay *ov, uint64_t off,
		       uint64_t *start_out, uint64_t *end_out);

/* Length of the file after replay. */
uint64_t vhdx_overlay_file_size(const struct vhdx_overlay *ov);

/* Entries replayed; pages and zero ranges in them. */
uint64_t vhdx_overlay_entries(const struct vhdx_overlay *ov);
/* Whole entries that come after a damaged one, and are not replayed. */
uint64_t vhdx_overlay_beyond(const struct vhdx_overlay *ov);
uint64_t vhdx_overlay_pages(const struct vhdx_overlay *ov);

#endif
