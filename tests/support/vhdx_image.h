/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SUPPORT_VHDX_IMAGE_H
#define TESTS_SUPPORT_VHDX_IMAGE_H

/*
 * Valid VHDX images in memory, to be broken in one place and resealed.  Written
 * apart from the library's encoders, so that both have to agree.
 *
 * Layout is that of vhdx.md 18.1: log at 1 MiB, metadata at 2 MiB, BAT at
 * 3 MiB, payload behind it.  Fields are public: tests poke them and the bytes.
 */

#include "codec/vhdx_disk.h"
#include "io/io_mem.h"
#include "vhd/types.h"

struct vhdx_image_spec {
	uint64_t disk_size;		/* 0: 10 GiB */
	uint32_t block_size;		/* 0: 32 MiB */
	uint32_t logical_sector;	/* 0: 512 */
	uint32_t physical_sector;	/* 0: 4096 */
	bool fixed;			/* the flag only: the BAT stays zero */
	bool has_parent;		/* with the locator of vhdx.md 18.2 */
	const char *creator;		/* ASCII; NULL: "golden" */
	const char *file_write_guid;	/* text; NULL: that of vhdx.md 4.3 */
	const char *data_write_guid;
	const char *linkage;		/* NULL: the golden parent's */
	const char *relative_path;	/* NULL: ".\g1.vhdx" */
};

struct vhdx_image {
	uint8_t *bytes;
	size_t len;
	uint64_t bat_off, bat_len;
	uint32_t block_size;
	size_t payload_off;		/* first byte after the BAT */
	uint32_t log_next_off;		/* ring offset for the next entry */
};

/* @spec may be NULL: the golden image.  Ended by vhdx_image_free(). */
void vhdx_image_init(struct vhdx_image *img,
		     const struct vhdx_image_spec *spec);
void vhdx_image_free(struct vhdx_image *img);

/* Longer or shorter; new bytes are zero. */
void vhdx_image_resize(struct vhdx_image *img, size_t len);

/* @n is 0 or 1. */
struct vhdx_header_disk *vhdx_image_header(struct vhdx_image *img, int n);
struct vhdx_regions_hdr_disk *vhdx_image_regions(struct vhdx_image *img, int n);
struct vhdx_region_disk *vhdx_image_region(struct vhdx_image *img, int n,
					   uint32_t idx);
struct vhdx_meta_hdr_disk *vhdx_image_meta(struct vhdx_image *img);
struct vhdx_meta_ent_disk *vhdx_image_meta_ent(struct vhdx_image *img,
					       uint32_t idx);
/* The bytes of the item of metadata entry @idx. */
uint8_t *vhdx_image_item(struct vhdx_image *img, uint32_t idx);

/* Order of the entries in table and items. */
enum {
	VHDX_IMAGE_PARAMS,
	VHDX_IMAGE_DISK_SIZE,
	VHDX_IMAGE_LOGICAL,
	VHDX_IMAGE_PHYSICAL,
	VHDX_IMAGE_DISK_ID,
	VHDX_IMAGE_LOCATOR
};

/* Fresh checksums: of one header or table, or of all that have one. */
void vhdx_image_reseal_header(struct vhdx_image *img, int n);
void vhdx_image_reseal_regions(struct vhdx_image *img, int n);
void vhdx_image_reseal(struct vhdx_image *img);

/* Adds an optional region or metadata item and reseals both tables. */
void vhdx_image_add_region(struct vhdx_image *img, const char *guid,
			   uint64_t off, uint32_t len, uint32_t required);
void vhdx_image_add_item(struct vhdx_image *img, const char *guid,
			 uint32_t off, uint32_t len, uint32_t flags);

void vhdx_image_bat_set(struct vhdx_image *img, uint64_t idx, uint64_t raw);
uint64_t vhdx_image_bat_get(const struct vhdx_image *img, uint64_t idx);

/*
 * Gives payload block @blk the state and fresh space at the end of the file,
 * filled with @fill; returns its file offset.
 */
uint64_t vhdx_image_add_block(struct vhdx_image *img, uint64_t blk,
			      unsigned state, uint8_t fill);
/* Gives chunk @chunk a sector bitmap of zeros; returns its file offset. */
uint64_t vhdx_image_add_bitmap(struct vhdx_image *img, uint64_t chunk);

/* The LogGuid of vhdx.md 4.3 in mixed order. */
extern const uint8_t vhdx_image_log_guid[16];

/* Both headers get that LogGuid, sequence 2 and 3, and fresh checksums. */
void vhdx_image_set_pending(struct vhdx_image *img);

/* One change in a log entry; a page when @page is not NULL. */
struct vhdx_image_change {
	uint64_t file_off;
	uint64_t zero_len;
	const uint8_t *page;
};

struct vhdx_image_entry {
	uint64_t seq;
	uint32_t tail_off;
	uint64_t flushed, last;		/* 0: 4 MiB */
	const struct vhdx_image_change *change;
	uint32_t change_count;
};

/*
 * Writes an entry into the ring at @ring_off, wrapping; returns the ring offset
 * behind it.  Nothing is checked: rings may be made wrong.
 */
uint32_t vhdx_image_log_put(struct vhdx_image *img, uint32_t ring_off,
			    const struct vhdx_image_entry *ent);
/* Fresh checksum for the entry at @ring_off, by its EntryLength. */
void vhdx_image_log_reseal(struct vhdx_image *img, uint32_t ring_off);
/* A sector of the ring. */
uint8_t *vhdx_image_log_sector(struct vhdx_image *img, uint32_t ring_off);

/* The golden dirty file of vhdx.md 13.7. */
void vhdx_image_init_dirty(struct vhdx_image *img);

/* A copy of the image as a file in memory. */
static inline struct vhd_io *vhdx_image_io(const struct vhdx_image *img)
{
	struct vhd_io *io = NULL;

	if (vhd_io_open_mem(img->bytes, img->len, &io, NULL))
		return NULL;
	return io;
}

#endif
