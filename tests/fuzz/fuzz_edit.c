/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz_edit.h"

#include <string.h>

#include "base/ckd.h"
#include "codec/vhd1_batmap.h"
#include "codec/vhd1_disk.h"
#include "codec/vhdx_batent.h"
#include "codec/vhdx_geom.h"
#include "codec/vhdx_header.h"
#include "codec/vhdx_logent.h"
#include "engine/engine.h"
#include "fuzz/fuzz.h"
#include "image/probe.h"

static void get(struct vhd_io *io, void *buf, size_t len, uint64_t off)
{
	FUZZ_CHECK(!vhd_io_read(io, buf, len, off, NULL));
}

static void put(struct vhd_io *io, const void *buf, size_t len, uint64_t off)
{
	FUZZ_CHECK(!vhd_io_write(io, buf, len, off, NULL));
}

static uint64_t size_of(struct vhd_io *io)
{
	uint64_t size = 0;

	FUZZ_CHECK(!vhd_io_size(io, &size, NULL));
	return size;
}

void fuzz_edit_info(struct vhd_io *io, struct vhd_info *out)
{
	struct vhd_engine_open req = { .io = io };
	const struct vhd_engine *ops;
	void *eng;

	memset(out, 0, sizeof(*out));
	FUZZ_CHECK(!vhd_probe(io, VHD_FORMAT_AUTO, false, &ops, NULL));
	FUZZ_CHECK(!ops->open(&req, &eng, NULL));
	ops->info(eng, out);
	ops->close(eng);
}

void fuzz_edit_vhd_partial(struct vhd_io *io)
{
	struct vhd_info info;
	uint8_t map[VHD1_SECTOR];
	be32 entry;

	fuzz_edit_info(io, &info);
	get(io, &entry, sizeof(entry), info.vhd.bat_off);
	memset(map, 0x92, sizeof(map));
	put(io, map, (size_t)(info.block_size / VHD1_SECTOR / 8),
	    UINT64_C(512) * be32_get(entry));
}

void fuzz_edit_vhd_batmap(struct vhd_io *io)
{
	struct vhd_info info;
	struct vhd1_batmap b;
	uint8_t raw[VHD1_BATMAP_LEN], map[VHD1_SECTOR];

	fuzz_edit_info(io, &info);
	FUZZ_CHECK(info.vhd.has_batmap);
	get(io, raw, sizeof(raw), info.vhd.batmap_off);
	FUZZ_CHECK(vhd1_batmap_decode(raw, &b));
	get(io, map, sizeof(map), b.map_off);
	map[0] |= 0x80;
	put(io, map, sizeof(map), b.map_off);
	b.checksum = ~vhd1_batmap_sum(0, map, sizeof(map), b.version);
	vhd1_batmap_encode(&b, raw);
	put(io, raw, sizeof(raw), info.vhd.batmap_off);
}

static void bat_put(struct vhd_io *io, const struct vhd_info *info,
		    uint64_t idx, enum vhdx_state state, uint64_t file_off)
{
	le64 entry = vhdx_batent_encode(state, file_off);

	put(io, &entry, sizeof(entry),
	    info->vhdx.bat_off + vhdx_bat_off_of_idx(idx));
}

/* @len more bytes at the end of the file; returns where. */
static uint64_t append(struct vhd_io *io, uint64_t len)
{
	uint64_t off = align_up(size_of(io), MiB);

	FUZZ_CHECK(!vhd_io_set_size(io, off + len, NULL));
	return off;
}

void fuzz_edit_vhdx_states(struct vhd_io *io)
{
	struct vhd_info info;

	fuzz_edit_info(io, &info);
	bat_put(io, &info, 4, VHDX_ZERO, 0);
	bat_put(io, &info, 5, VHDX_UNMAPPED, 0);
	bat_put(io, &info, 6, VHDX_UNDEFINED, 0);
	bat_put(io, &info, 7, VHDX_UNMAPPED, append(io, info.block_size));
}

void fuzz_edit_vhdx_partial(struct vhd_io *io)
{
	struct vhd_info info;
	struct vhdx_geom g;
	uint8_t bytes[64];
	uint64_t off;

	fuzz_edit_info(io, &info);
	vhdx_geom_init(&g, info.virtual_size, (uint32_t)info.block_size,
		       info.logical_sector);
	memset(bytes, 0x5c, sizeof(bytes));
	off = append(io, info.block_size);
	bat_put(io, &info, 0, VHDX_PARTIALLY_PRESENT, off);
	put(io, bytes, sizeof(bytes), off);
	off = append(io, info.block_size);
	bat_put(io, &info, 3, VHDX_FULLY_PRESENT, off);
	put(io, bytes, sizeof(bytes), off);
	bat_put(io, &info, 4, VHDX_ZERO, 0);
	off = append(io, VHDX_BITMAP_LEN);
	bat_put(io, &info, vhdx_bat_idx_of_chunk(&g, 0), VHDX_FULLY_PRESENT,
		off);
	put(io, bytes, sizeof(bytes), off);
}

struct log {
	struct vhd_io *io;
	struct vhd_info info;
	struct vhdx_log_hdr hdr;
	uint32_t ring_off;
};

static void log_begin(struct log *l, struct vhd_io *io)
{
	memset(l, 0, sizeof(*l));
	l->io = io;
	fuzz_edit_info(io, &l->info);
	/* The second entry is the one that wraps. */
	l->ring_off = (uint32_t)l->info.vhdx.log_len - 3 * VHDX_LOG_SECTOR;
	l->hdr.tail_off = l->ring_off;
	l->hdr.seq = 7;
	l->hdr.flushed_file_off = size_of(io);
	l->hdr.last_file_off = size_of(io);
	memset(l->hdr.log_guid.b, 0x3c, sizeof(l->hdr.log_guid.b));
}

static void log_put(struct log *l, const struct vhdx_log_write *w, size_t n)
{
	uint8_t buf[8 * VHDX_LOG_SECTOR];
	size_t len = (size_t)vhdx_log_entry_len(w, n), at;

	FUZZ_CHECK(len <= sizeof(buf));
	vhdx_log_entry_encode(&l->hdr, w, n, buf);
	for (at = 0; at < len; at += VHDX_LOG_SECTOR) {
		put(l->io, buf + at, VHDX_LOG_SECTOR,
		    l->info.vhdx.log_off + l->ring_off);
		l->ring_off += VHDX_LOG_SECTOR;
		if (l->ring_off == l->info.vhdx.log_len)
			l->ring_off = 0;
	}
	l->hdr.seq++;
}

/* Both headers say that the log is pending. */
static void log_end(struct log *l)
{
	static const uint64_t place[] = { VHDX_HEADER1_OFF, VHDX_HEADER2_OFF };
	uint8_t raw[VHDX_HEADER_LEN];
	struct vhdx_header h;
	int i;

	for (i = 0; i < 2; i++) {
		get(l->io, raw, sizeof(raw), place[i]);
		FUZZ_CHECK(vhdx_header_decode(raw, &h));
		h.log_guid = l->hdr.log_guid;
		vhdx_header_encode(&h, raw);
		put(l->io, raw, sizeof(raw), place[i]);
	}
}

static void page_bat(struct log *l, uint8_t page[VHDX_LOG_SECTOR], uint64_t idx,
		     enum vhdx_state state, uint64_t file_off)
{
	le64 entry = vhdx_batent_encode(state, file_off);

	(void)l;
	memcpy(page + vhdx_bat_off_of_idx(idx), &entry, sizeof(entry));
}

static void log_three(struct vhd_io *io, uint64_t grow)
{
	struct log l;
	uint8_t page[VHDX_LOG_SECTOR];
	struct vhdx_log_write w[2] = { { 0 } };
	uint64_t end, spare;

	log_begin(&l, io);
	end = l.hdr.last_file_off;
	/* A place that belongs to nothing: the end of the metadata region. */
	spare = l.info.vhdx.metadata_off + l.info.vhdx.metadata_len - 65536;
	get(io, page, sizeof(page), l.info.vhdx.bat_off);
	w[0] = (struct vhdx_log_write){ l.info.vhdx.bat_off, 0, page };
	page_bat(&l, page, 2, VHDX_ZERO, 0);
	log_put(&l, w, 1);
	w[1] = (struct vhdx_log_write){ spare, 16384, NULL };
	page_bat(&l, page, 2, VHDX_UNMAPPED, 0);
	log_put(&l, w, 2);
	if (grow) {
		page_bat(&l, page, 2, VHDX_FULLY_PRESENT, end);
		l.hdr.last_file_off = end + grow;
	}
	w[1] = (struct vhdx_log_write){ spare + 4096, 0, page };
	log_put(&l, w, 2);
	log_end(&l);
}

void fuzz_edit_vhdx_log(struct vhd_io *io)
{
	log_three(io, 0);
}

void fuzz_edit_vhdx_log_grow(struct vhd_io *io)
{
	struct vhd_info info;

	fuzz_edit_info(io, &info);
	log_three(io, info.block_size);
}
