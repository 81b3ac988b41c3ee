/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Input: flags (1; bit 0: fresh checksum), length of the log (4), the LogGuid
 * as it is in the entry (16), the sectors of an entry, filled up with zeros.
 */
#include <stdlib.h>

#include "base/guid.h"
#include "codec/vhdx_logent.h"
#include "fuzz/fuzz.h"
#include "fuzz/fuzz_cursor.h"
#include "fuzz/fuzz_reseal.h"

enum { SECTORS_MAX = 64 };

struct entry {
	uint8_t *bytes;
	size_t len;
	struct vhdx_log_hdr hdr;
};

static void desc_at(const struct entry *e, uint64_t idx,
		    struct vhdx_log_desc *out)
{
	struct vhdx_log_desc_disk disk;
	uint64_t off = vhdx_log_desc_off(idx);

	FUZZ_CHECK(range_in(off, sizeof(disk), e->len));
	memcpy(&disk, e->bytes + off, sizeof(disk));
	FUZZ_CHECK(vhdx_log_desc_decode(&disk, e->hdr.seq, out));
}

/* What a valid entry says, encoded again, is valid and says the same. */
static void round_trip(const struct entry *e)
{
	uint32_t n = e->hdr.desc_count, i, pages = 0;
	struct vhdx_log_write *w = calloc(n ? n : 1, sizeof(*w));
	uint8_t *page = calloc(SECTORS_MAX, VHDX_LOG_SECTOR), *buf;
	uint64_t data = vhdx_log_desc_area(n);
	struct vhdx_log_verify v;
	struct vhdx_log_hdr again;
	size_t len, at;

	FUZZ_CHECK(w && page);
	for (i = 0; i < n; i++) {
		struct vhdx_log_desc d;

		desc_at(e, i, &d);
		w[i] = (struct vhdx_log_write){ d.file_off, d.len, NULL };
		if (d.zero)
			continue;
		at = pages++ * (size_t)VHDX_LOG_SECTOR;
		FUZZ_CHECK(range_in(data + at, VHDX_LOG_SECTOR, e->len));
		vhdx_log_page_restore(&d, e->bytes + data + at, page + at);
		w[i].page = page + at;
	}
	len = (size_t)vhdx_log_entry_len(w, n);
	FUZZ_CHECK(len == e->len);
	buf = malloc(len);
	FUZZ_CHECK(buf);
	vhdx_log_entry_encode(&e->hdr, w, n, buf);
	FUZZ_CHECK(vhdx_log_hdr_decode(buf, &e->hdr.log_guid, UINT32_C(1) << 30,
				       &again));
	vhdx_log_verify_begin(&v, &again);
	for (at = 0; at < len; at += VHDX_LOG_SECTOR)
		FUZZ_CHECK(vhdx_log_verify_sector(&v, buf + at));
	FUZZ_CHECK(vhdx_log_verify_end(&v));
	FUZZ_CHECK(v.page_count == pages);
	free(buf);
	free(page);
	free(w);
}

static void run(struct entry *e, const struct vhd_guid *guid, uint32_t log_len)
{
	struct vhdx_log_verify v;
	size_t at;

	if (!vhdx_log_hdr_decode(e->bytes, guid, log_len, &e->hdr))
		return;
	FUZZ_CHECK(e->hdr.len && e->hdr.len % VHDX_LOG_SECTOR == 0);
	FUZZ_CHECK(e->hdr.len <= log_len && e->hdr.seq);
	FUZZ_CHECK(vhdx_log_desc_area(e->hdr.desc_count) <= e->hdr.len);
	if (e->hdr.len > e->len)
		return;
	e->len = e->hdr.len;
	vhdx_log_verify_begin(&v, &e->hdr);
	for (at = 0; at < e->len; at += VHDX_LOG_SECTOR)
		if (!vhdx_log_verify_sector(&v, e->bytes + at))
			return;
	if (vhdx_log_verify_end(&v))
		round_trip(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_cursor c = { data, len };
	struct entry e = { 0 };
	struct vhd_guid guid;
	uint32_t log_len;
	uint8_t flags, mixed[16];

	fuzz_memory_reset();
	flags = fuzz_take_u8(&c);
	log_len = fuzz_take_u32(&c);
	fuzz_take(&c, mixed, sizeof(mixed));
	vhd_guid_from_mixed(mixed, &guid);
	e.len = align_up(max_u64(c.len, 1), VHDX_LOG_SECTOR);
	if (e.len > SECTORS_MAX * (size_t)VHDX_LOG_SECTOR)
		return 0;
	e.bytes = malloc(e.len);
	FUZZ_CHECK(e.bytes);
	fuzz_take(&c, e.bytes, e.len);
	if (flags & 1) {
		struct vhdx_log_hdr_disk d;

		memcpy(&d, e.bytes, sizeof(d));
		if (le32_get(d.entry_len) <= e.len && le32_get(d.entry_len) > 8)
			fuzz_seal_crc(e.bytes, le32_get(d.entry_len), 4);
	}
	run(&e, &guid, log_len);
	free(e.bytes);
	return 0;
}
