/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/ckd.h"
#include "base/crc32c.h"
#include "base/guid.h"
#include "codec/vhdx_logent.h"

/*
 * An entry is a row of 4 KiB sectors: those with descriptors, then one data
 * sector for each "desc" descriptor.  The first eight and last four bytes of a
 * logged page live in its descriptor; signature and sequence number take their
 * place in the data sector, so that each sector shows what entry it belongs to.
 * A checksum covers all of it.
 */

static const char entry_signature[4] = { 'l', 'o', 'g', 'e' };
static const char zero_signature[4] = { 'z', 'e', 'r', 'o' };
static const char desc_signature[4] = { 'd', 'e', 's', 'c' };
static const char data_signature[4] = { 'd', 'a', 't', 'a' };

uint64_t vhdx_log_desc_off(uint64_t idx)
{
	return sizeof(struct vhdx_log_hdr_disk) +
	       idx * sizeof(struct vhdx_log_desc_disk);
}

uint64_t vhdx_log_desc_area(uint64_t count)
{
	return align_up(vhdx_log_desc_off(count), VHDX_LOG_SECTOR);
}

bool vhdx_log_hdr_decode(const uint8_t sector[VHDX_LOG_SECTOR],
			 const struct vhd_guid *log_guid, uint32_t log_len,
			 struct vhdx_log_hdr *out)
{
	const struct vhdx_log_hdr_disk *d = (const void *)sector;
	struct vhdx_log_hdr h = {
		.len = le32_get(d->entry_len),
		.tail_off = le32_get(d->tail_off),
		.seq = le64_get(d->seq),
		.desc_count = le32_get(d->desc_count),
		.checksum = le32_get(d->checksum),
		.flushed_file_off = le64_get(d->flushed_file_off),
		.last_file_off = le64_get(d->last_file_off),
		.reserved_set = le32_get(d->reserved) != 0,
	};

	vhd_guid_from_mixed(d->log_guid, &h.log_guid);
	if (memcmp(d->signature, entry_signature, 4) ||
	    !vhd_guid_equal(&h.log_guid, log_guid) ||
	    !h.len || h.len % VHDX_LOG_SECTOR || h.len > log_len ||
	    h.tail_off % VHDX_LOG_SECTOR || h.tail_off >= log_len ||
	    !h.seq || vhdx_log_desc_area(h.desc_count) > h.len)
		return false;
	*out = h;
	return true;
}

bool vhdx_log_desc_decode(const struct vhdx_log_desc_disk *disk, uint64_t seq,
			  struct vhdx_log_desc *out)
{
	struct vhdx_log_desc d = {
		.file_off = le64_get(disk->file_off),
		.len = VHDX_LOG_SECTOR,
	};
	uint64_t end;

	if (!memcmp(disk->signature, zero_signature, 4)) {
		d.zero = true;
		d.len = le64_get(disk->u.zero_len);
	} else if (memcmp(disk->signature, desc_signature, 4)) {
		return false;
	} else {
		memcpy(d.leading, disk->u.leading, sizeof(d.leading));
		memcpy(d.trailing, disk->trailing, sizeof(d.trailing));
	}
	if (le64_get(disk->seq) != seq || d.file_off % VHDX_LOG_SECTOR ||
	    d.len % VHDX_LOG_SECTOR || ckd_add(&end, d.file_off, d.len))
		return false;
	*out = d;
	return true;
}

void vhdx_log_verify_begin(struct vhdx_log_verify *v,
			   const struct vhdx_log_hdr *hdr)
{
	*v = (struct vhdx_log_verify){
		.hdr = *hdr,
		.area_len = vhdx_log_desc_area(hdr->desc_count),
		.ok = true,
	};
}

static void verify_crc(struct vhdx_log_verify *v,
		       const uint8_t sector[VHDX_LOG_SECTOR])
{
	static const uint8_t zeros[4];

	if (v->done_len) {
		v->crc = vhd_crc32c(v->crc, sector, VHDX_LOG_SECTOR);
		return;
	}
	v->crc = vhd_crc32c(0, sector, 4);
	v->crc = vhd_crc32c(v->crc, zeros, 4);
	v->crc = vhd_crc32c(v->crc, sector + 8, VHDX_LOG_SECTOR - 8);
}

/* The descriptors of one sector; after the last one the length must fit. */
static bool verify_descs(struct vhdx_log_verify *v,
			 const uint8_t sector[VHDX_LOG_SECTOR])
{
	struct vhdx_log_desc desc;
	uint64_t pos;

	while (v->desc_idx < v->hdr.desc_count) {
		pos = vhdx_log_desc_off(v->desc_idx) - v->done_len;
		if (pos >= VHDX_LOG_SECTOR)
			return true;
		if (!vhdx_log_desc_decode((const void *)(sector + pos),
					  v->hdr.seq, &desc))
			return false;
		if (!desc.zero)
			v->page_count++;
		v->desc_idx++;
	}
	return v->area_len + (uint64_t)v->page_count * VHDX_LOG_SECTOR ==
	       v->hdr.len;
}

static bool data_ok(const uint8_t sector[VHDX_LOG_SECTOR], uint64_t seq)
{
	const struct vhdx_log_data_disk *d = (const void *)sector;

	return !memcmp(d->signature, data_signature, 4) &&
	       le32_get(d->seq_high) == (uint32_t)(seq >> 32) &&
	       le32_get(d->seq_low) == (uint32_t)seq;
}

bool vhdx_log_verify_sector(struct vhdx_log_verify *v,
			    const uint8_t sector[VHDX_LOG_SECTOR])
{
	if (!v->ok || v->done_len >= v->hdr.len)
		return v->ok = false;
	if (v->done_len < v->area_len)
		v->ok = verify_descs(v, sector);
	else
		v->ok = data_ok(sector, v->hdr.seq);
	verify_crc(v, sector);
	v->done_len += VHDX_LOG_SECTOR;
	return v->ok;
}

bool vhdx_log_verify_end(const struct vhdx_log_verify *v)
{
	return v->ok && v->done_len == v->hdr.len &&
	       v->crc == v->hdr.checksum;
}

void vhdx_log_page_restore(const struct vhdx_log_desc *desc,
			   const uint8_t sector[VHDX_LOG_SECTOR],
			   uint8_t page[VHDX_LOG_SECTOR])
{
	memcpy(page, desc->leading, 8);
	memmove(page + 8, sector + 8, VHDX_LOG_SECTOR - 12);
	memcpy(page + VHDX_LOG_SECTOR - 4, desc->trailing, 4);
}

uint64_t vhdx_log_entry_len(const struct vhdx_log_write *w, size_t count)
{
	uint64_t len = vhdx_log_desc_area(count);

	for (size_t i = 0; i < count; i++)
		len += w[i].page ? VHDX_LOG_SECTOR : 0;
	return len;
}

static void desc_encode(const struct vhdx_log_write *w, uint64_t seq,
			struct vhdx_log_desc_disk *d)
{
	if (w->page) {
		memcpy(d->signature, desc_signature, 4);
		memcpy(d->u.leading, w->page, 8);
		memcpy(d->trailing, w->page + VHDX_LOG_SECTOR - 4, 4);
	} else {
		memcpy(d->signature, zero_signature, 4);
		d->u.zero_len = le64_make(w->zero_len);
	}
	d->file_off = le64_make(w->file_off);
	d->seq = le64_make(seq);
}

static void data_encode(const uint8_t *page, uint64_t seq, uint8_t *sector)
{
	struct vhdx_log_data_disk *d = (void *)sector;

	memcpy(d->signature, data_signature, 4);
	d->seq_high = le32_make((uint32_t)(seq >> 32));
	memcpy(d->bytes, page + 8, sizeof(d->bytes));
	d->seq_low = le32_make((uint32_t)seq);
}

void vhdx_log_entry_encode(const struct vhdx_log_hdr *hdr,
			   const struct vhdx_log_write *w, size_t count,
			   uint8_t *buf)
{
	struct vhdx_log_hdr_disk *d = (void *)buf;
	uint64_t len = vhdx_log_entry_len(w, count);
	uint64_t data_off = vhdx_log_desc_area(count);

	memset(buf, 0, data_off);
	memcpy(d->signature, entry_signature, 4);
	d->entry_len = le32_make((uint32_t)len);
	d->tail_off = le32_make(hdr->tail_off);
	d->seq = le64_make(hdr->seq);
	d->desc_count = le32_make((uint32_t)count);
	vhd_guid_to_mixed(&hdr->log_guid, d->log_guid);
	d->flushed_file_off = le64_make(hdr->flushed_file_off);
	d->last_file_off = le64_make(hdr->last_file_off);
	for (size_t i = 0; i < count; i++) {
		desc_encode(&w[i], hdr->seq,
			    (void *)(buf + vhdx_log_desc_off(i)));
		if (!w[i].page)
			continue;
		data_encode(w[i].page, hdr->seq, buf + data_off);
		data_off += VHDX_LOG_SECTOR;
	}
	d->checksum = le32_make(vhd_crc32c(0, buf, len));
}
