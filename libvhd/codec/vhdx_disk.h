/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_CODEC_VHDX_DISK_H
#define VHD_CODEC_VHDX_DISK_H

/*
 * What lies in a VHDX, byte for byte.  Everything is little-endian; GUIDs are
 * in the mixed order of Windows (VHDX-GEN-01, VHDX-GEN-02).
 */

#include <stddef.h>

#include "base/bytes.h"

/* Fixed places and sizes of the header section (vhdx.md 1). */
enum {
	VHDX_IDENT_OFF = 0,
	VHDX_IDENT_LEN = 65536,
	VHDX_HEADER1_OFF = 65536,
	VHDX_HEADER2_OFF = 131072,
	VHDX_HEADER_LEN = 4096,
	VHDX_REGIONS1_OFF = 196608,
	VHDX_REGIONS2_OFF = 262144,
	VHDX_REGIONS_LEN = 65536,
	VHDX_REGIONS_MAX = 2047,
	VHDX_SECTION_LEN = 1048576,
	VHDX_META_TABLE_LEN = 65536,
	VHDX_META_MAX = 2047,
	VHDX_META_USER_MAX = 1024,
	VHDX_META_ITEM_MAX = 1048576,
	VHDX_LOG_SECTOR = 4096,
	VHDX_BITMAP_LEN = 1048576	/* a sector bitmap block */
};

/* Start of the file; never written again (VHDX-FTI-02). */
struct vhdx_ident_disk {
	uint8_t	signature[8];		/* "vhdxfile" */
	le16	creator[256];		/* UTF-16, NUL only if it is shorter */
	uint8_t	reserved[65016];
};
_Static_assert(sizeof(struct vhdx_ident_disk) == VHDX_IDENT_LEN, "ident size");

/* One of the two headers (vhdx.md 4). */
struct vhdx_header_disk {
	uint8_t	signature[4];		/* "head" */
	le32	checksum;		/* CRC-32C of 4096 bytes, this as 0 */
	le64	seq;			/* the larger one is current */
	uint8_t	file_write_guid[16];	/* changes with the file */
	uint8_t	data_write_guid[16];	/* changes with what the guest sees */
	uint8_t	log_guid[16];		/* zero: the log is empty */
	le16	log_version;		/* 0 */
	le16	version;		/* 1 */
	le32	log_len;		/* bytes, whole MiB */
	le64	log_off;		/* bytes, whole MiB */
	uint8_t	reserved[4016];
};
_Static_assert(sizeof(struct vhdx_header_disk) == VHDX_HEADER_LEN,
	       "header size");
_Static_assert(offsetof(struct vhdx_header_disk, log_off) == 72, "log place");

/* Region table (vhdx.md 5): this, then entries, then reserved bytes. */
struct vhdx_regions_hdr_disk {
	uint8_t	signature[4];		/* "regi" */
	le32	checksum;		/* CRC-32C of 65536 bytes, this as 0 */
	le32	count;			/* entries, at most 2047 */
	le32	reserved;
};
_Static_assert(sizeof(struct vhdx_regions_hdr_disk) == 16, "regions header");

struct vhdx_region_disk {
	uint8_t	guid[16];
	le64	off;			/* whole MiB, at least 1 MiB */
	le32	len;			/* whole MiB, not 0 */
	le32	required;		/* bit 0 */
};
_Static_assert(sizeof(struct vhdx_region_disk) == 32, "region size");

/* Metadata table (vhdx.md 6): this, then entries, up to 64 KiB. */
struct vhdx_meta_hdr_disk {
	uint8_t	signature[8];		/* "metadata" */
	le16	reserved;
	le16	count;			/* entries, at most 2047 */
	uint8_t	reserved2[20];
};
_Static_assert(sizeof(struct vhdx_meta_hdr_disk) == 32, "metadata header");

enum {
	VHDX_META_USER = 1 << 0,	/* the user's, not the system's */
	VHDX_META_DISK = 1 << 1,	/* goes with the disk, not the file */
	VHDX_META_REQUIRED = 1 << 2	/* who does not know it must refuse */
};

struct vhdx_meta_ent_disk {
	uint8_t	guid[16];
	le32	off;			/* from the region; 0 when empty */
	le32	len;			/* bytes, at most 1 MiB */
	le32	flags;			/* VHDX_META_* */
	le32	reserved;
};
_Static_assert(sizeof(struct vhdx_meta_ent_disk) == 32, "metadata entry");

enum {
	VHDX_PARAM_LEAVE_ALLOCATED = 1 << 0,	/* fixed */
	VHDX_PARAM_HAS_PARENT = 1 << 1		/* differencing */
};

/* The item "file parameters". */
struct vhdx_params_disk {
	le32	block_size;		/* power of two, 1 MiB to 256 MiB */
	le32	flags;			/* VHDX_PARAM_* */
};
_Static_assert(sizeof(struct vhdx_params_disk) == 8, "parameters size");

/* The item "parent locator" (vhdx.md 12): this, entries, strings. */
struct vhdx_locator_hdr_disk {
	uint8_t	type[16];
	le16	reserved;
	le16	count;			/* entries */
};
_Static_assert(sizeof(struct vhdx_locator_hdr_disk) == 20, "locator header");

struct vhdx_locator_ent_disk {
	le32	key_off;		/* from the start of the item */
	le32	value_off;
	le16	key_len;		/* bytes of UTF-16, no terminator */
	le16	value_len;
};
_Static_assert(sizeof(struct vhdx_locator_ent_disk) == 12, "locator entry");

/* Start of a log entry (vhdx.md 13.1). */
struct vhdx_log_hdr_disk {
	uint8_t	signature[4];		/* "loge" */
	le32	checksum;		/* CRC-32C of the entry, this as 0 */
	le32	entry_len;		/* bytes, multiple of 4096 */
	le32	tail_off;		/* in the ring: oldest entry needed */
	le64	seq;			/* never 0; the one before plus 1 */
	le32	desc_count;
	le32	reserved;
	uint8_t	log_guid[16];		/* the header's when it was written */
	le64	flushed_file_off;	/* file size known to be durable */
	le64	last_file_off;		/* file size that replay must reach */
};
_Static_assert(sizeof(struct vhdx_log_hdr_disk) == 64, "log header size");
_Static_assert(offsetof(struct vhdx_log_hdr_disk, log_guid) == 32, "log guid");

/* A descriptor: "desc" moves the edges of a page, "zero" zeroes a range. */
struct vhdx_log_desc_disk {
	uint8_t	signature[4];		/* "desc" or "zero" */
	uint8_t	trailing[4];		/* desc: bytes 4092.. of the page */
	union {
		uint8_t leading[8];	/* desc: bytes 0..7 of the page */
		le64 zero_len;		/* zero: bytes, multiple of 4096 */
	} u;
	le64	file_off;		/* target, multiple of 4096 */
	le64	seq;			/* the entry's */
};
_Static_assert(sizeof(struct vhdx_log_desc_disk) == 32, "descriptor size");

/* A data sector: bytes 8..4091 of a page between two halves of seq. */
struct vhdx_log_data_disk {
	uint8_t	signature[4];		/* "data" */
	le32	seq_high;
	uint8_t	bytes[4084];
	le32	seq_low;
};
_Static_assert(sizeof(struct vhdx_log_data_disk) == VHDX_LOG_SECTOR,
	       "data sector size");

enum {
	VHDX_LOG_DESC_FIRST = 126,	/* descriptors in the first sector */
	VHDX_LOG_DESC_NEXT = 128	/* and in each further one */
};

#endif
