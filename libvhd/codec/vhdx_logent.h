/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_CODEC_VHDX_LOGENT_H
#define VHD_CODEC_VHDX_LOGENT_H

/*
 * Entries of the log (vhdx.md 13.1, 13.2).  An entry either holds in every
 * respect or does not exist: nothing here tells one defect from another.  It is
 * verified sector by sector, in ring order, so that nobody needs memory for a
 * whole one.
 */

#include "codec/vhdx_disk.h"
#include "vhd/types.h"

struct vhdx_log_hdr {
	uint32_t len;			/* bytes of the entry */
	uint32_t tail_off;		/* in the ring */
	uint64_t seq;
	uint32_t desc_count;
	uint32_t checksum;
	struct vhd_guid log_guid;
	uint64_t flushed_file_off;
	uint64_t last_file_off;
	bool reserved_set;		/* VHDX-LOG-20 (k) */
};

struct vhdx_log_desc {
	bool zero;			/* else a page */
	uint64_t file_off;		/* target */
	uint64_t len;			/* bytes; 4096 for a page */
	uint8_t leading[8];
	uint8_t trailing[4];
};

/* Bytes of the sectors that hold @count descriptors. */
uint64_t vhdx_log_desc_area(uint64_t count);

/* VHDX-LOG-20 (a) to (f): is this the start of an entry of this log? */
bool vhdx_log_hdr_decode(const uint8_t sector[VHDX_LOG_SECTOR],
			 const struct vhd_guid *log_guid, uint32_t log_len,
			 struct vhdx_log_hdr *out);

/* VHDX-LOG-20 (g). */
bool vhdx_log_desc_decode(const struct vhdx_log_desc_disk *disk, uint64_t seq,
			  struct vhdx_log_desc *out);

/* Place of descriptor @idx in its entry, in bytes. */
uint64_t vhdx_log_desc_off(uint64_t idx);

/* A whole entry, (g) to (j): begin, then each of its sectors, then end. */
struct vhdx_log_verify {
	struct vhdx_log_hdr hdr;
	uint64_t done_len;		/* bytes seen */
	uint64_t area_len;		/* of which descriptors */
	uint32_t desc_idx;
	uint32_t page_count;
	uint32_t crc;
	bool ok;
};

void vhdx_log_verify_begin(struct vhdx_log_verify *v,
			   const struct vhdx_log_hdr *hdr);
/* False as soon as the entry cannot be valid. */
bool vhdx_log_verify_sector(struct vhdx_log_verify *v,
			    const uint8_t sector[VHDX_LOG_SECTOR]);
bool vhdx_log_verify_end(const struct vhdx_log_verify *v);

/* The page that a descriptor and its data sector stand for. */
void vhdx_log_page_restore(const struct vhdx_log_desc *desc,
			   const uint8_t sector[VHDX_LOG_SECTOR],
			   uint8_t page[VHDX_LOG_SECTOR]);

/* One change to be logged. */
struct vhdx_log_write {
	uint64_t file_off;		/* multiple of 4096 */
	uint64_t zero_len;		/* without a page: multiple of 4096 */
	const uint8_t *page;		/* 4096 bytes, or NULL for zeros */
};

uint64_t vhdx_log_entry_len(const struct vhdx_log_write *w, size_t count);

/*
 * Encodes an entry into @buf, which has vhdx_log_entry_len() bytes.  Of @hdr,
 * len, desc_count, checksum and reserved_set are not looked at.
 */
void vhdx_log_entry_encode(const struct vhdx_log_hdr *hdr,
			   const struct vhdx_log_write *w, size_t count,
			   uint8_t *buf);

#endif
