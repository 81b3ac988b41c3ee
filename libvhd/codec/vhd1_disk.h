/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_CODEC_VHD1_DISK_H
#define VHD_CODEC_VHD1_DISK_H

/*
 * What lies on disk in a VHD: footer, dynamic header, batmap header.  Numbers
 * are big-endian; "sector" is always 512 bytes; offsets are from byte 0 of the
 * file.
 */

#include <stddef.h>

#include "base/bytes.h"

enum {
	VHD1_SECTOR = 512,
	VHD1_FOOTER_LEN = 512,
	VHD1_FOOTER_LEN_OLD = 511,	/* before Virtual PC 2004, VHD-F-4 */
	VHD1_HEADER_LEN = 1024,
	VHD1_BATMAP_LEN = 512,
	VHD1_LOCATORS = 8,
	VHD1_NAME_LEN = 512		/* bytes of the parent's name field */
};

#define VHD1_COOKIE		"conectix"
#define VHD1_COOKIE_POISON	"v_poison"
#define VHD1_COOKIE_HEADER	"cxsparse"
#define VHD1_COOKIE_BATMAP	"tdbatmap"

#define VHD1_NO_OFF		UINT64_MAX	/* "none" in data_off fields */
#define VHD1_UNUSED		UINT32_MAX	/* entry of a block without space */
#define VHD1_VERSION_1_0	UINT32_C(0x00010000)
#define VHD1_EPOCH		INT64_C(946684800)	/* 2000-01-01, VHD-F-11 */

/* The footer, VHD-F; a copy of it opens dynamic and differencing files. */
struct vhd1_footer_disk {
	uint8_t	cookie[8];		/* "conectix" */
	be32	features;		/* bit 0 temporary, bit 1 always set */
	be32	version;		/* major << 16 | minor */
	be64	data_off;		/* of the header; all ones when fixed */
	be32	timestamp;		/* seconds since 2000 */
	uint8_t	creator_app[4];
	be32	creator_version;	/* major << 16 | minor */
	uint8_t	creator_os[4];		/* "Wi2k", "Mac ", or zeros */
	be64	original_size;		/* bytes of the disk when it was made */
	be64	current_size;		/* bytes of the disk */
	be16	cylinders;
	uint8_t	heads;
	uint8_t	sectors;		/* per track */
	be32	type;			/* 2 fixed, 3 dynamic, 4 differencing */
	be32	checksum;		/* VHD-F-30 */
	uint8_t	unique_id[16];		/* compared as bytes, VHD-F-35 */
	uint8_t	saved_state;		/* 1: a saved state needs this content */
	uint8_t	hidden;			/* Xen, VHD-X-2; else reserved */
	uint8_t	reserved[426];
};
_Static_assert(sizeof(struct vhd1_footer_disk) == VHD1_FOOTER_LEN,
	       "footer size");
_Static_assert(offsetof(struct vhd1_footer_disk, cylinders) == 56,
	       "geometry place");
_Static_assert(offsetof(struct vhd1_footer_disk, checksum) == 64,
	       "footer checksum place");
_Static_assert(offsetof(struct vhd1_footer_disk, hidden) == 85,
	       "hidden flag place");

/* One of the eight parent locators of the dynamic header, VHD-L. */
struct vhd1_locator_disk {
	be32	code;			/* "W2ru", ...; 0 when unused */
	be32	space;			/* sectors or bytes, VHD-L-3 */
	be32	len;			/* bytes of the payload */
	be32	reserved;
	be64	off;			/* of the payload */
};
_Static_assert(sizeof(struct vhd1_locator_disk) == 24, "locator size");

/* The dynamic header, VHD-H. */
struct vhd1_header_disk {
	uint8_t	cookie[8];		/* "cxsparse" */
	be64	next_off;		/* unused, all ones */
	be64	table_off;		/* of the block allocation table */
	be32	version;		/* 1.0 */
	be32	max_entries;		/* of the table */
	be32	block_size;		/* data bytes, without the bitmap */
	be32	checksum;		/* VHD-F-30 over all 1024 bytes */
	uint8_t	parent_id[16];		/* unique id in the parent's footer */
	be32	parent_timestamp;	/* parent's mtime, seconds since 2000 */
	uint8_t	reserved1[4];
	uint8_t	parent_name[VHD1_NAME_LEN];	/* UTF-16, big-endian */
	struct vhd1_locator_disk locator[VHD1_LOCATORS];
	uint8_t	reserved2[256];
};
_Static_assert(sizeof(struct vhd1_header_disk) == VHD1_HEADER_LEN,
	       "header size");
_Static_assert(offsetof(struct vhd1_header_disk, checksum) == 36,
	       "header checksum place");
_Static_assert(offsetof(struct vhd1_header_disk, locator) == 576,
	       "locator place");

/* Header of the batmap of Xen, VHD-X-3. */
struct vhd1_batmap_disk {
	uint8_t	cookie[8];		/* "tdbatmap" */
	be64	map_off;		/* of the map */
	be32	map_sectors;		/* its length */
	be32	version;		/* 1.2; 1.1 sums signed bytes */
	be32	checksum;		/* of the map, VHD-X-6 */
	uint8_t	marker;			/* for management tools */
	uint8_t	key_cookie;		/* 1: a key hash follows */
	uint8_t	key_nonce[32];
	uint8_t	key_hash[32];
	uint8_t	reserved[418];
};
_Static_assert(sizeof(struct vhd1_batmap_disk) == VHD1_BATMAP_LEN,
	       "batmap header size");
_Static_assert(offsetof(struct vhd1_batmap_disk, key_nonce) == 30,
	       "key nonce place");

/*
 * Images of Xen without a batmap have its marker (one byte) and its key hash in
 * extended attributes of the file.
 */
#define VHD1_ATTR_MARKER	"user.com.citrix.xenclient.backend.marker"
#define VHD1_ATTR_KEYHASH	"user.com.citrix.xenclient.backend.keyhash"

/* The value of the latter: what a batmap's header has behind its marker. */
struct vhd1_keyhash_disk {
	uint8_t	cookie;			/* 1 */
	uint8_t	nonce[32];
	uint8_t	hash[32];
};
_Static_assert(sizeof(struct vhd1_keyhash_disk) == 65, "key hash size");

#endif
