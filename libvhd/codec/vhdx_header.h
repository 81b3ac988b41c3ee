/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_CODEC_VHDX_HEADER_H
#define VHD_CODEC_VHDX_HEADER_H

/* File identifier and the pair of headers (vhdx.md 3, 4). */

#include "base/utf16.h"
#include "codec/vhdx_disk.h"
#include "codec/vhdx_note.h"
#include "vhd/types.h"

/* Does a file begin so?  @bytes are its first 8 (VHDX-FTI-01). */
bool vhdx_ident_ok(const uint8_t bytes[8]);

enum { VHDX_CREATOR_ROOM = VHD_UTF8_ROOM(256) };

/*
 * The creator as UTF-8; @bytes are the first 520 of the file.  False when it
 * had to be mended (RULE_VHDX_CREATOR_TEXT).
 */
bool vhdx_creator_decode(const uint8_t bytes[520],
			 char creator_out[VHDX_CREATOR_ROOM]);

/* @bytes become a whole identifier; text that does not fit is left out. */
void vhdx_ident_encode(const char *creator, uint8_t bytes[VHDX_IDENT_LEN]);

struct vhdx_header {
	uint64_t seq;
	struct vhd_guid file_write_guid;
	struct vhd_guid data_write_guid;
	struct vhd_guid log_guid;	/* zero: nothing is pending */
	uint16_t log_version;
	uint16_t version;
	uint32_t log_len;
	uint64_t log_off;
	bool reserved_set;		/* VHDX-HDR-06 */
};

/* False when signature or checksum are wrong: it then says nothing. */
bool vhdx_header_decode(const uint8_t bytes[VHDX_HEADER_LEN],
			struct vhdx_header *out);
/* The fields, whatever signature and checksum say: for who has to guess. */
void vhdx_header_peek(const uint8_t bytes[VHDX_HEADER_LEN],
		      struct vhdx_header *out);
/* Reserved bytes become zero. */
void vhdx_header_encode(const struct vhdx_header *h,
			uint8_t bytes[VHDX_HEADER_LEN]);

struct vhdx_headers {
	struct vhdx_header hdr[2];	/* those whose bit is in @ok */
	uint32_t ok;			/* bit 0: first, bit 1: second */
	uint32_t current;		/* index into @hdr: 0 or 1 */
};

/*
 * Which header is current (VHDX-HDR-01, VHDX-HDR-02).
 *
 * Returns: RULE_VHDX_HDR_BOTH_BAD, RULE_VHDX_HDR_SEQ_TIE or VHD_RULE_NONE.
 * Notes:   RULE_VHDX_HDR_ONE_BAD, _HDR_TWINS, _HDR_DIFFER: at most one.  Their
 *          places count from the start of the file.
 */
enum vhd_rule_idx vhdx_headers_decode(const uint8_t first[VHDX_HEADER_LEN],
				      const uint8_t second[VHDX_HEADER_LEN],
				      struct vhdx_headers *out,
				      struct vhdx_notes *notes);

/*
 * May a file with this current header be used?  Places count from the start of
 * the header.  @file_size is the length of the file as it is.
 *
 * Returns: RULE_VHDX_HDR_VERSION, RULE_VHDX_LOG_VERSION, RULE_VHDX_LOG_PLACE or
 *          VHD_RULE_NONE.
 * Notes:   RULE_VHDX_LOG_VERSION_IDLE, _LOG_PLACE_IDLE, _HDR_RESERVED,
 *          _HDR_GUID_ZERO.
 */
enum vhd_rule_idx vhdx_header_check(const struct vhdx_header *h,
				    uint64_t file_size,
				    struct vhdx_notes *notes);

#endif
