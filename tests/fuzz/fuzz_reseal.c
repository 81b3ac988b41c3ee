/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/fuzz_reseal.h"

#include <stdlib.h>
#include <string.h>

#include "base/ckd.h"
#include "base/crc32c.h"
#include "codec/vhd1_batmap.h"
#include "codec/vhd1_checksum.h"
#include "codec/vhd1_disk.h"
#include "codec/vhdx_disk.h"
#include "fuzz/fuzz.h"

/* Longer entries keep their checksums: no base image has any. */
enum { LOG_ENTRY_MAX = 64 * VHDX_LOG_SECTOR, LOG_ENTRIES_MAX = 64 };

void fuzz_seal_sum(uint8_t *buf, size_t len, size_t field_off)
{
	be32 sum = be32_make(vhd1_checksum(buf, len, field_off));

	memcpy(buf + field_off, &sum, sizeof(sum));
}

void fuzz_seal_crc(uint8_t *buf, size_t len, size_t field_off)
{
	le32 crc;

	memset(buf + field_off, 0, sizeof(crc));
	crc = le32_make(vhd_crc32c(0, buf, len));
	memcpy(buf + field_off, &crc, sizeof(crc));
}

static void seal_footer(struct fuzz_file *f, uint64_t off)
{
	uint8_t raw[VHD1_FOOTER_LEN];

	if (!range_in(off, sizeof(raw), f->size))
		return;
	fuzz_file_get(f, raw, sizeof(raw), off);
	fuzz_seal_sum(raw, sizeof(raw),
		      offsetof(struct vhd1_footer_disk, checksum));
	fuzz_file_put(f, raw, sizeof(raw), off);
}

static void seal_batmap(struct fuzz_file *f, uint64_t off)
{
	struct vhd1_batmap_disk d;
	uint8_t map[4096];
	uint64_t len;

	fuzz_file_get(f, &d, sizeof(d), off);
	len = UINT64_C(512) * be32_get(d.map_sectors);
	if (memcmp(d.cookie, VHD1_COOKIE_BATMAP, sizeof(d.cookie)) ||
	    len > sizeof(map))
		return;
	fuzz_file_get(f, map, (size_t)len, be64_get(d.map_off));
	d.checksum = be32_make(~vhd1_batmap_sum(0, map, (size_t)len,
						be32_get(d.version)));
	fuzz_file_put(f, &d, sizeof(d), off);
}

static void seal_header(struct fuzz_file *f, uint64_t off)
{
	struct vhd1_header_disk d;
	uint8_t raw[VHD1_HEADER_LEN];
	uint64_t table, len;

	if (!range_in(off, sizeof(raw), f->size))
		return;
	fuzz_file_get(f, raw, sizeof(raw), off);
	fuzz_seal_sum(raw, sizeof(raw),
		      offsetof(struct vhd1_header_disk, checksum));
	fuzz_file_put(f, raw, sizeof(raw), off);
	memcpy(&d, raw, sizeof(d));
	/* VHD-X-3: the batmap follows the table. */
	table = be64_get(d.table_off);
	len = align_up(UINT64_C(4) * be32_get(d.max_entries), VHD1_SECTOR);
	if (range_in(table, len, f->size))
		seal_batmap(f, table + len);
}

static void seal_vhd(struct fuzz_file *f)
{
	struct vhd1_footer_disk d = { 0 };

	if (f->size >= VHD1_FOOTER_LEN)
		seal_footer(f, f->size - VHD1_FOOTER_LEN);
	fuzz_file_get(f, &d, sizeof(d), 0);
	if (memcmp(d.cookie, VHD1_COOKIE, sizeof(d.cookie)))
		return;
	if (f->size >= 2 * VHD1_FOOTER_LEN)
		seal_footer(f, 0);
	seal_header(f, be64_get(d.data_off));
}

static void seal_at(struct fuzz_file *f, uint64_t off, size_t len)
{
	uint8_t *buf = malloc(len);

	FUZZ_CHECK(buf);
	fuzz_file_get(f, buf, len, off);
	fuzz_seal_crc(buf, len, 4);
	/* The rest of the structure is as it was. */
	fuzz_file_put(f, buf, 8, off);
	free(buf);
}

/* Entries that wrap round the end of the ring are not sealed. */
static void seal_log(struct fuzz_file *f, uint64_t log_off, uint64_t log_len)
{
	struct vhdx_log_hdr_disk d;
	uint64_t off = log_off, end;
	int i;

	if (!range_in(log_off, log_len, f->size))
		return;
	end = log_off + log_len;
	for (i = 0; i < LOG_ENTRIES_MAX; i++) {
		uint64_t len;

		off = fuzz_file_next(f, off);
		if (off >= end)
			return;
		fuzz_file_get(f, &d, sizeof(d), off);
		len = le32_get(d.entry_len);
		if (!memcmp(d.signature, "loge", 4) && len && len % 4096 == 0 &&
		    len <= LOG_ENTRY_MAX && len <= end - off)
			seal_at(f, off, (size_t)len);
		off += VHDX_LOG_SECTOR;
	}
}

static void seal_vhdx(struct fuzz_file *f)
{
	static const uint64_t header[] = { VHDX_HEADER1_OFF, VHDX_HEADER2_OFF };
	static const uint64_t table[] = { VHDX_REGIONS1_OFF, VHDX_REGIONS2_OFF };
	struct vhdx_header_disk d;
	size_t i;

	for (i = 0; i < 2; i++) {
		seal_at(f, header[i], VHDX_HEADER_LEN);
		seal_at(f, table[i], VHDX_REGIONS_LEN);
	}
	for (i = 0; i < 2; i++) {
		uint64_t other, off, len;

		fuzz_file_get(f, &d, sizeof(d), header[i]);
		off = le64_get(d.log_off);
		len = le32_get(d.log_len);
		seal_log(f, off, len);
		fuzz_file_get(f, &d, sizeof(d), header[1]);
		other = le64_get(d.log_off);
		if (other == off && le32_get(d.log_len) == len)
			return;
	}
}

void fuzz_reseal(struct fuzz_file *f)
{
	uint8_t start[8];

	fuzz_file_get(f, start, sizeof(start), 0);
	if (!memcmp(start, "vhdxfile", sizeof(start)))
		seal_vhdx(f);
	else
		seal_vhd(f);
}
