/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/guid.h"
#include "support/vhdx_image.h"

enum {
	MEBI = 1048576,
	LOG_AT = 1 * MEBI,
	META_AT = 2 * MEBI,
	BAT_AT = 3 * MEBI,
	SECTOR = 4096
};

const uint8_t vhdx_image_log_guid[16] = {
	0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66,
	0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff,
};

/* Tests end when they cannot go on. */
static void need(int ok)
{
	if (!ok)
		abort();
}

static void guid_put(uint8_t *out, const char *text)
{
	struct vhd_guid guid;

	need(vhd_guid_parse(text, &guid));
	vhd_guid_to_mixed(&guid, out);
}

static size_t ascii_put(uint8_t *out, const char *text)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = (uint8_t)text[i];
		out[2 * i + 1] = 0;
	}
	return 2 * n;
}

static void crc_put(uint8_t *at, size_t len)
{
	le32 crc;

	memset(at + 4, 0, 4);
	crc = le32_make(vhd_crc32c(0, at, len));
	memcpy(at + 4, &crc, 4);
}

struct vhdx_header_disk *vhdx_image_header(struct vhdx_image *img, int n)
{
	return (void *)(img->bytes + 65536 * (1 + (size_t)n));
}

struct vhdx_regions_hdr_disk *vhdx_image_regions(struct vhdx_image *img, int n)
{
	return (void *)(img->bytes + 65536 * (3 + (size_t)n));
}

struct vhdx_region_disk *vhdx_image_region(struct vhdx_image *img, int n,
					   uint32_t idx)
{
	return (struct vhdx_region_disk *)(vhdx_image_regions(img, n) + 1) +
	       idx;
}

struct vhdx_meta_hdr_disk *vhdx_image_meta(struct vhdx_image *img)
{
	return (void *)(img->bytes + META_AT);
}

struct vhdx_meta_ent_disk *vhdx_image_meta_ent(struct vhdx_image *img,
					       uint32_t idx)
{
	return (struct vhdx_meta_ent_disk *)(vhdx_image_meta(img) + 1) + idx;
}

uint8_t *vhdx_image_item(struct vhdx_image *img, uint32_t idx)
{
	return img->bytes + META_AT +
	       le32_get(vhdx_image_meta_ent(img, idx)->off);
}

void vhdx_image_reseal_header(struct vhdx_image *img, int n)
{
	crc_put((uint8_t *)vhdx_image_header(img, n), 4096);
}

void vhdx_image_reseal_regions(struct vhdx_image *img, int n)
{
	crc_put((uint8_t *)vhdx_image_regions(img, n), 65536);
}

void vhdx_image_reseal(struct vhdx_image *img)
{
	for (int n = 0; n < 2; n++) {
		vhdx_image_reseal_header(img, n);
		vhdx_image_reseal_regions(img, n);
	}
}

void vhdx_image_resize(struct vhdx_image *img, size_t len)
{
	uint8_t *bytes = realloc(img->bytes, len);

	need(bytes != NULL);
	if (len > img->len)
		memset(bytes + img->len, 0, len - img->len);
	img->bytes = bytes;
	img->len = len;
}

void vhdx_image_free(struct vhdx_image *img)
{
	free(img->bytes);
	img->bytes = NULL;
}

void vhdx_image_add_region(struct vhdx_image *img, const char *guid,
			   uint64_t off, uint32_t len, uint32_t required)
{
	for (int n = 0; n < 2; n++) {
		struct vhdx_regions_hdr_disk *hdr = vhdx_image_regions(img, n);
		uint32_t idx = le32_get(hdr->count);
		struct vhdx_region_disk *r = vhdx_image_region(img, n, idx);

		guid_put(r->guid, guid);
		r->off = le64_make(off);
		r->len = le32_make(len);
		r->required = le32_make(required);
		hdr->count = le32_make(idx + 1);
		vhdx_image_reseal_regions(img, n);
	}
}

void vhdx_image_add_item(struct vhdx_image *img, const char *guid,
			 uint32_t off, uint32_t len, uint32_t flags)
{
	struct vhdx_meta_hdr_disk *hdr = vhdx_image_meta(img);
	uint16_t idx = le16_get(hdr->count);
	struct vhdx_meta_ent_disk *e = vhdx_image_meta_ent(img, idx);

	guid_put(e->guid, guid);
	e->off = le32_make(off);
	e->len = le32_make(len);
	e->flags = le32_make(flags);
	hdr->count = le16_make((uint16_t)(idx + 1));
}

/* The locator of vhdx.md 18.2; returns its length. */
static uint32_t locator_put(uint8_t *at, const struct vhdx_image_spec *spec)
{
	const char *text[4] = {
		"parent_linkage",
		spec->linkage ? spec->linkage :
				"{66666666-7777-8888-9999-aaaaaaaaaaaa}",
		"relative_path",
		spec->relative_path ? spec->relative_path : ".\\g1.vhdx",
	};
	struct vhdx_locator_ent_disk *ent = (void *)(at + 20);
	uint32_t pos = 20 + 2 * 12;

	guid_put(at, "B04AEFB7-D19E-4A81-B789-25B8E9445913");
	at[18] = 2;
	for (int i = 0; i < 4; i++) {
		uint16_t len = (uint16_t)ascii_put(at + pos, text[i]);

		if (i % 2) {
			ent[i / 2].value_off = le32_make(pos);
			ent[i / 2].value_len = le16_make(len);
		} else {
			ent[i / 2].key_off = le32_make(pos);
			ent[i / 2].key_len = le16_make(len);
		}
		pos += len;
	}
	return pos;
}

static void headers_put(struct vhdx_image *img,
			const struct vhdx_image_spec *spec)
{
	for (int n = 0; n < 2; n++) {
		struct vhdx_header_disk *h = vhdx_image_header(img, n);

		memcpy(h->signature, "head", 4);
		h->seq = le64_make((uint64_t)n);
		guid_put(h->file_write_guid,
			 spec->file_write_guid ? spec->file_write_guid :
			 "11111111-2222-3333-4444-555555555555");
		guid_put(h->data_write_guid,
			 spec->data_write_guid ? spec->data_write_guid :
			 "66666666-7777-8888-9999-aaaaaaaaaaaa");
		h->version = le16_make(1);
		h->log_len = le32_make(MEBI);
		h->log_off = le64_make(LOG_AT);
		memcpy(vhdx_image_regions(img, n)->signature, "regi", 4);
		vhdx_image_reseal_header(img, n);
	}
	vhdx_image_add_region(img, "2DC27766-F623-4200-9D64-115E9BFD4A08",
			      BAT_AT, (uint32_t)img->bat_len, 1);
	vhdx_image_add_region(img, "8B7CA206-4790-4B9A-B8FE-575F050F886E",
			      META_AT, MEBI, 1);
}

static void meta_put(struct vhdx_image *img, const struct vhdx_image_spec *spec)
{
	uint32_t flags = (spec->fixed ? 1u : 0u) | (spec->has_parent ? 2u : 0u);
	le32 w[2] = { le32_make(img->block_size), le32_make(flags) };
	le64 size = le64_make(spec->disk_size);
	le32 lss = le32_make(spec->logical_sector);
	le32 pss = le32_make(spec->physical_sector);
	uint8_t *items = img->bytes + META_AT + 0x10000;

	memcpy(vhdx_image_meta(img)->signature, "metadata", 8);
	vhdx_image_add_item(img, "CAA16737-FA36-4D43-B3B6-33F0AA44E76B",
			    0x10000, 8, 4);
	vhdx_image_add_item(img, "2FA54224-CD1B-4876-B211-5DBED83BF4B8",
			    0x10008, 8, 6);
	vhdx_image_add_item(img, "8141BF1D-A96F-4709-BA47-F233A8FAAB5F",
			    0x10010, 4, 6);
	vhdx_image_add_item(img, "CDA348C7-445D-4471-9CC9-E9885251C556",
			    0x10014, 4, 6);
	vhdx_image_add_item(img, "BECA12AB-B2E6-4523-93EF-C309E000C746",
			    0x10018, 16, 6);
	memcpy(items, w, 8);
	memcpy(items + 8, &size, 8);
	memcpy(items + 16, &lss, 4);
	memcpy(items + 20, &pss, 4);
	guid_put(items + 24, "0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0");
	if (spec->has_parent)
		vhdx_image_add_item(img,
				    "A8D35F2D-B30B-454D-ABF7-D3D84834AB0C",
				    0x10028, locator_put(items + 40, spec), 4);
}

/* By counting, not by formula: slots of whole chunks, in MiB. */
static uint64_t bat_len_of(const struct vhdx_image_spec *spec)
{
	uint64_t chunk = (UINT64_C(1) << 23) * spec->logical_sector;
	uint64_t slots = 0;

	for (uint64_t off = 0; off < spec->disk_size; off += chunk)
		slots += chunk / spec->block_size + 1;
	return (slots * 8 + MEBI - 1) / MEBI * MEBI;
}

void vhdx_image_init(struct vhdx_image *img, const struct vhdx_image_spec *spec)
{
	struct vhdx_image_spec s = { 0 };

	if (spec)
		s = *spec;
	s.disk_size = s.disk_size ? s.disk_size : UINT64_C(10) << 30;
	s.block_size = s.block_size ? s.block_size : 32 * MEBI;
	s.logical_sector = s.logical_sector ? s.logical_sector : 512;
	s.physical_sector = s.physical_sector ? s.physical_sector : 4096;
	memset(img, 0, sizeof(*img));
	img->block_size = s.block_size;
	img->bat_off = BAT_AT;
	img->bat_len = bat_len_of(&s);
	img->payload_off = (size_t)(BAT_AT + img->bat_len);
	vhdx_image_resize(img, img->payload_off);
	memcpy(img->bytes, "vhdxfile", 8);
	ascii_put(img->bytes + 8, s.creator ? s.creator : "golden");
	headers_put(img, &s);
	meta_put(img, &s);
}

void vhdx_image_bat_set(struct vhdx_image *img, uint64_t idx, uint64_t raw)
{
	le64 e = le64_make(raw);

	need(idx < img->bat_len / 8);
	memcpy(img->bytes + img->bat_off + idx * 8, &e, 8);
}

uint64_t vhdx_image_bat_get(const struct vhdx_image *img, uint64_t idx)
{
	le64 e;

	memcpy(&e, img->bytes + img->bat_off + idx * 8, 8);
	return le64_get(e);
}

static uint64_t chunk_ratio_of(struct vhdx_image *img)
{
	le32 lss;

	memcpy(&lss, vhdx_image_item(img, VHDX_IMAGE_LOGICAL), 4);
	return (UINT64_C(1) << 23) * le32_get(lss) / img->block_size;
}

static uint64_t space_add(struct vhdx_image *img, size_t len)
{
	size_t off = (img->len + MEBI - 1) / MEBI * MEBI;

	vhdx_image_resize(img, off + len);
	return off;
}

uint64_t vhdx_image_add_block(struct vhdx_image *img, uint64_t blk,
			      unsigned state, uint8_t fill)
{
	uint64_t off = space_add(img, img->block_size);

	memset(img->bytes + off, fill, img->block_size);
	vhdx_image_bat_set(img, blk + blk / chunk_ratio_of(img), off | state);
	return off;
}

uint64_t vhdx_image_add_bitmap(struct vhdx_image *img, uint64_t chunk)
{
	uint64_t off = space_add(img, MEBI);

	vhdx_image_bat_set(img, (chunk + 1) * chunk_ratio_of(img) + chunk,
			   off | 6);
	return off;
}

void vhdx_image_set_pending(struct vhdx_image *img)
{
	for (int n = 0; n < 2; n++) {
		struct vhdx_header_disk *h = vhdx_image_header(img, n);

		h->seq = le64_make(2 + (uint64_t)n);
		memcpy(h->log_guid, vhdx_image_log_guid, 16);
		vhdx_image_reseal_header(img, n);
	}
}

static uint32_t ring_len(struct vhdx_image *img)
{
	return le32_get(vhdx_image_header(img, 0)->log_len);
}

uint8_t *vhdx_image_log_sector(struct vhdx_image *img, uint32_t ring_off)
{
	return img->bytes + le64_get(vhdx_image_header(img, 0)->log_off) +
	       ring_off % ring_len(img);
}

static void ring_copy_out(struct vhdx_image *img, uint32_t ring_off,
			  uint8_t *buf, uint32_t len)
{
	for (uint32_t i = 0; i < len; i += SECTOR)
		memcpy(buf + i, vhdx_image_log_sector(img, ring_off + i),
		       SECTOR);
}

static void ring_copy_in(struct vhdx_image *img, uint32_t ring_off,
			 const uint8_t *buf, uint32_t len)
{
	for (uint32_t i = 0; i < len; i += SECTOR)
		memcpy(vhdx_image_log_sector(img, ring_off + i), buf + i,
		       SECTOR);
}

void vhdx_image_log_reseal(struct vhdx_image *img, uint32_t ring_off)
{
	struct vhdx_log_hdr_disk *h =
		(void *)vhdx_image_log_sector(img, ring_off);
	uint32_t len = le32_get(h->entry_len);
	uint8_t *buf;

	need(len && len % SECTOR == 0 && len <= ring_len(img));
	buf = malloc(len);
	need(buf != NULL);
	ring_copy_out(img, ring_off, buf, len);
	crc_put(buf, len);
	ring_copy_in(img, ring_off, buf, len);
	free(buf);
}

static void change_put(const struct vhdx_image_change *c, uint64_t seq,
		       struct vhdx_log_desc_disk *d, uint8_t *data)
{
	d->file_off = le64_make(c->file_off);
	d->seq = le64_make(seq);
	if (!c->page) {
		memcpy(d->signature, "zero", 4);
		d->u.zero_len = le64_make(c->zero_len);
		return;
	}
	memcpy(d->signature, "desc", 4);
	memcpy(d->u.leading, c->page, 8);
	memcpy(d->trailing, c->page + 4092, 4);
	memcpy(data, c->page, SECTOR);
	memcpy(data, "data", 4);
	for (int i = 0; i < 4; i++) {
		data[4 + i] = (uint8_t)(seq >> (32 + 8 * i));
		data[4092 + i] = (uint8_t)(seq >> (8 * i));
	}
}

uint32_t vhdx_image_log_put(struct vhdx_image *img, uint32_t ring_off,
			    const struct vhdx_image_entry *ent)
{
	uint32_t area = (64 + 32 * ent->change_count + SECTOR - 1) / SECTOR *
			SECTOR;
	uint32_t len = area;
	uint64_t room = area + (uint64_t)ent->change_count * SECTOR;
	uint8_t *buf = calloc(1, room);
	struct vhdx_log_hdr_disk *h = (void *)buf;

	need(buf != NULL);
	for (uint32_t i = 0; i < ent->change_count; i++) {
		change_put(&ent->change[i], ent->seq,
			   (void *)(buf + 64 + 32 * i), buf + len);
		len += ent->change[i].page ? SECTOR : 0;
	}
	memcpy(h->signature, "loge", 4);
	h->entry_len = le32_make(len);
	h->tail_off = le32_make(ent->tail_off);
	h->seq = le64_make(ent->seq);
	h->desc_count = le32_make(ent->change_count);
	memcpy(h->log_guid, vhdx_image_log_guid, 16);
	h->flushed_file_off = le64_make(ent->flushed ? ent->flushed : 4 * MEBI);
	h->last_file_off = le64_make(ent->last ? ent->last : 4 * MEBI);
	crc_put(buf, len);
	ring_copy_in(img, ring_off, buf, len);
	free(buf);
	img->log_next_off = (ring_off + len) % ring_len(img);
	return img->log_next_off;
}

void vhdx_image_init_dirty(struct vhdx_image *img)
{
	uint8_t page[SECTOR] = { 2 };
	struct vhdx_image_change change = { .file_off = BAT_AT, .page = page };
	struct vhdx_image_entry ent = { .seq = 0x100000001 };

	vhdx_image_init(img, NULL);
	vhdx_image_set_pending(img);
	vhdx_image_log_put(img, 0, &ent);
	ent = (struct vhdx_image_entry){ .seq = 0x100000002, .tail_off = 0x1000,
					 .change = &change, .change_count = 1 };
	vhdx_image_log_put(img, 0x1000, &ent);
	page[0] = 6;
	page[2] = 0x40;
	page[321 * 8] = 2;
	ent.seq = 0x100000003;
	ent.last = 36 * (uint64_t)MEBI;
	vhdx_image_log_put(img, 0x3000, &ent);
}
