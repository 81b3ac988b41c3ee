/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_VHDX_LOG_H
#define VHD_VHDX_LOG_H

/*
 * Writing metadata through the log, for a file whose log is empty: page images
 * become durable as entries of the log, are read through vhdx_log_read() from
 * then on, and go in place when the log has no room for more, or at the end.
 *
 * One thread at a time may touch, store and shut; reading is for any number
 * beside it.  Until vhdx_log_shut() the file must not become shorter.
 */

#include "codec/vhdx_header.h"
#include "io/io.h"
#include "write/writer.h"

struct vhdx_log;

struct vhdx_log_new {
	struct vhd_io *io;		/* the caller's */
	const struct vhdx_headers *headers;	/* no LogGuid; copied */
	uint64_t bat_off, bat_len;	/* the region: its pages go last */
};

/*
 * Returns: 0; VHD_E_CORRUPT with RULE_VHDX_LOG_PLACE when the file has no place
 *          for a log; VHD_E_NOMEM; VHD_E_IO.
 */
int vhdx_log_new(const struct vhdx_log_new *how, struct vhdx_log **log_out,
		 struct vhd_error *err);
/* Leaves the file as it is.  NULL is fine. */
void vhdx_log_free(struct vhdx_log *log);

/*
 * Before the first change of anything: the file and what the guest sees get a
 * new identity, durably (VHDX-WR-03, VHDX-HDR-14).
 */
int vhdx_log_touch(struct vhdx_log *log, struct vhd_error *err);

/*
 * What the data's identity is to be.  Before vhdx_log_touch(): that gives it the
 * data and no fresh one.  After it: both headers say so, durably, and every
 * write before is durable.
 */
int vhdx_log_identify(struct vhdx_log *log, const struct vhd_guid *id,
		      struct vhd_error *err);
/*
 * Only layout changes next: unless that is said already, vhdx_log_touch() leaves
 * the data its identity (VHDX-HDR-13).
 */
void vhdx_log_keep(struct vhdx_log *log);

/*
 * What vhd_writer_ops wants of store().  @last_off is the end of the highest
 * structure of the file, blocks that @set maps included.
 *
 * SYNC is one flush and no write for an empty set when no copy of a header is
 * owed, else two flushes; a set that does not fit half of the log costs two more
 * for each further half.  LAZY flushes when @barrier says so and when the log
 * changes over to its other half.
 *
 * After VHD_E_NOSPACE and VHD_E_NOMEM the same, or more, may be stored again;
 * a part may be stored already, in an order that is always sound.
 */
int vhdx_log_store(struct vhdx_log *log, const struct vhd_pending *set,
		   enum vhd_commit mode, bool barrier, uint64_t last_off,
		   struct vhd_error *err);

/*
 * Everything that was logged is in place, and no entry that counts names it any
 * more, durably: the ranges that it lies in may be used for something else
 * (VHDX-LOG-45), or be written past the log.
 */
int vhdx_log_settle(struct vhdx_log *log, uint64_t last_off,
		    struct vhd_error *err);

/*
 * After the last SYNC commit: everything goes in place and the headers say that
 * no log is pending, durably (VHDX-CLS-02, VHDX-CLS-03).  The file may be cut
 * right after it.
 */
int vhdx_log_shut(struct vhdx_log *log, struct vhd_error *err);

/*
 * Any range of the file with the images that are not in place yet; bytes past
 * the end are zeros.
 */
int vhdx_log_read(struct vhdx_log *log, void *buf, size_t len, uint64_t off,
		  struct vhd_error *err);

/* The table has another place: its pages go last from now on. */
void vhdx_log_table(struct vhdx_log *log, uint64_t bat_off, uint64_t bat_len);

/* The current header, as of now. */
void vhdx_log_header(struct vhdx_log *log, struct vhdx_header *out);

#endif
