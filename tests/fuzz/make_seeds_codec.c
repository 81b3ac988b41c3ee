/* SPDX-License-Identifier: BSD-2-Clause */
/* Seeds of the decoders; the layouts are those that the drivers describe. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/ckd.h"
#include "base/guid.h"
#include "codec/vhd1_disk.h"
#include "codec/vhd1_locator.h"
#include "codec/vhdx_guids.h"
#include "codec/vhdx_locator.h"
#include "codec/vhdx_logent.h"
#include "codec/vhdx_meta.h"
#include "fuzz/make_seeds.h"

static void seed_locators(struct seeds *s, const struct fuzz_file *f,
			  const struct vhd1_header_disk *h, const char *name)
{
	struct seed seed = { NULL, 0 };
	char full[64];
	int i;

	for (i = 0; i < VHD1_LOCATORS; i++) {
		const struct vhd1_locator_disk *loc = &h->locator[i];

		if (!be32_get(loc->code))
			continue;
		seed_u8(&seed, 0xff);
		seed_bytes(&seed, &loc->code, sizeof(loc->code));
		seed_part(&seed, f, be64_get(loc->off), be32_get(loc->len));
		snprintf(full, sizeof(full), "%s-%d", name, i);
		seed_end(s, &seed, "vhd1_locator", full);
	}
}

void seeds_of_vhd(struct seeds *s, const struct fuzz_file *f, const char *name)
{
	struct vhd1_footer_disk footer;
	struct vhd1_header_disk h;
	struct vhd1_batmap_disk map;
	struct seed seed = { NULL, 0 };
	uint64_t off;

	fuzz_file_get(f, &footer, sizeof(footer), f->size - sizeof(footer));
	seed_bytes(&seed, &footer, sizeof(footer));
	seed_end(s, &seed, "vhd1_footer", name);
	off = be64_get(footer.data_off);
	if (off == VHD1_NO_OFF)
		return;
	fuzz_file_get(f, &h, sizeof(h), off);
	seed_bytes(&seed, &h, sizeof(h));
	seed_u64(&seed, off);
	seed_u64(&seed, f->size - sizeof(footer));
	seed_end(s, &seed, "vhd1_header", name);
	seed_locators(s, f, &h, name);
	off = be64_get(h.table_off) +
	      align_up(UINT64_C(4) * be32_get(h.max_entries), VHD1_SECTOR);
	fuzz_file_get(f, &map, sizeof(map), off);
	if (memcmp(map.cookie, VHD1_COOKIE_BATMAP, sizeof(map.cookie)))
		return;
	seed_u32(&seed, be32_get(h.max_entries));
	seed_u64(&seed, f->size);
	seed_bytes(&seed, &map, sizeof(map));
	seed_part(&seed, f, be64_get(map.map_off), VHD1_SECTOR);
	seed_end(s, &seed, "vhd1_batmap", name);
}

static void seed_headers(struct seeds *s, const struct fuzz_file *f,
			 const char *name)
{
	struct seed seed = { NULL, 0 };
	size_t at, len;

	seed_u8(&seed, 1);
	seed_u64(&seed, f->size);
	at = seed.len;
	seed_u16(&seed, 0);
	len = seed_part(&seed, f, VHDX_HEADER1_OFF, VHDX_HEADER_LEN);
	seed.data[at] = (uint8_t)len;
	seed.data[at + 1] = (uint8_t)(len >> 8);
	seed_part(&seed, f, VHDX_HEADER2_OFF, VHDX_HEADER_LEN);
	seed_end(s, &seed, "vhdx_headers", name);
}

static void seed_regions(struct seeds *s, const struct fuzz_file *f,
			 const struct vhdx_header_disk *h, const char *name)
{
	struct seed seed = { NULL, 0 };
	size_t at, len;

	seed_u8(&seed, 1);
	seed_u64(&seed, le64_get(h->log_off));
	seed_u64(&seed, le32_get(h->log_len));
	seed_u64(&seed, f->size);
	at = seed.len;
	seed_u16(&seed, 0);
	len = seed_part(&seed, f, VHDX_REGIONS1_OFF, VHDX_REGIONS_LEN - 1);
	seed.data[at] = (uint8_t)len;
	seed.data[at + 1] = (uint8_t)(len >> 8);
	seed_part(&seed, f, VHDX_REGIONS2_OFF, VHDX_REGIONS_LEN);
	seed_end(s, &seed, "vhdx_regions", name);
}

/* Place of the metadata region, by the first region table. */
static uint64_t metadata_off(const struct fuzz_file *f)
{
	struct vhdx_region_disk r;
	struct vhd_guid guid;
	uint64_t off = VHDX_REGIONS1_OFF + sizeof(struct vhdx_regions_hdr_disk);
	int i;

	for (i = 0; i < 2; i++, off += sizeof(r)) {
		fuzz_file_get(f, &r, sizeof(r), off);
		vhd_guid_from_mixed(r.guid, &guid);
		if (vhd_guid_equal(&guid, &vhdx_guid_metadata))
			return le64_get(r.off);
	}
	return 0;
}

static void seed_meta(struct seeds *s, const struct fuzz_file *f,
		      const char *name)
{
	struct seed seed = { NULL, 0 };
	uint64_t off = metadata_off(f);
	struct vhdx_meta_items items;

	fuzz_file_get(f, &items, sizeof(items), off + VHDX_META_ITEMS_OFF);
	seed_u32(&seed, 1 << 20);
	seed_bytes(&seed, &items, sizeof(items));
	seed_part(&seed, f, off, VHDX_META_TABLE_LEN);
	seed_end(s, &seed, "vhdx_meta", name);
	if (!(le32_get(items.params.flags) & VHDX_PARAM_HAS_PARENT))
		return;
	seed_part(&seed, f, off + VHDX_META_LOCATOR_OFF, 4096);
	/* The last character's high byte is one of the zeros. */
	seed_u8(&seed, 0);
	seed_end(s, &seed, "vhdx_locator", name);
}

/* The entries that do not wrap. */
static void seed_log(struct seeds *s, const struct fuzz_file *f,
		     const struct vhdx_header_disk *h, const char *name)
{
	uint64_t off = le64_get(h->log_off), end = off + le32_get(h->log_len);
	struct vhdx_log_hdr_disk e;
	struct seed seed = { NULL, 0 };
	char full[64];

	for (; off < end; off += VHDX_LOG_SECTOR) {
		fuzz_file_get(f, &e, sizeof(e), off);
		if (memcmp(e.signature, "loge", 4) ||
		    !range_in(off, le32_get(e.entry_len), end))
			continue;
		seed_u8(&seed, 1);
		seed_u32(&seed, le32_get(h->log_len));
		seed_bytes(&seed, e.log_guid, sizeof(e.log_guid));
		seed_part(&seed, f, off, le32_get(e.entry_len));
		snprintf(full, sizeof(full), "%s-%llu", name,
			 (unsigned long long)le64_get(e.seq));
		seed_end(s, &seed, "vhdx_logent", full);
	}
}

void seeds_of_vhdx(struct seeds *s, const struct fuzz_file *f, const char *name)
{
	struct vhdx_header_disk h;

	fuzz_file_get(f, &h, sizeof(h), VHDX_HEADER1_OFF);
	seed_headers(s, f, name);
	seed_regions(s, f, &h, name);
	seed_meta(s, f, name);
	seed_log(s, f, &h, name);
}

static void geometry(struct seeds *s, const char *name, uint64_t size,
		     uint8_t block, uint8_t sector, uint64_t off)
{
	struct seed seed = { NULL, 0 };
	uint64_t state;

	seed_u64(&seed, size);
	seed_u8(&seed, block);
	seed_u8(&seed, sector);
	seed_u8(&seed, size % 2);
	seed_u64(&seed, off);
	for (state = 0; state < 8; state++)
		seed_u64(&seed, state | state << 24);
	seed_end(s, &seed, "vhdx_batent", name);
}

static void payload(struct seeds *s, const char *name, uint8_t code,
		    const char *text, bool wide)
{
	struct seed seed = { NULL, 0 };
	size_t i;

	seed_u8(&seed, code);
	for (i = 0; text[i]; i++) {
		seed_u8(&seed, (uint8_t)text[i]);
		if (wide)
			seed_u8(&seed, 0);
	}
	seed_end(s, &seed, "vhd1_locator", name);
}

static void locator_keys(struct seeds *s)
{
	static const struct vhdx_locator_kv kv[] = {
		{ "parent_linkage", "{01234567-89ab-cdef-0123-456789abcdef}" },
		{ "parent_linkage2", "{00000000-0000-0000-0000-000000000000}" },
		{ "relative_path", ".\\..\\b\\parent.vhdx" },
		{ "volume_path", "\\\\?\\Volume{01234567-89ab-cdef-0123-"
				 "456789abcdef}\\b\\parent.vhdx" },
		{ "absolute_win32_path", "C:\\b\\parent.vhdx" },
		{ "something_else", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x92\xbe" },
	};
	uint8_t item[4096];
	size_t len;

	if (vhdx_locator_encode(kv, sizeof(kv) / sizeof(kv[0]), item,
				sizeof(item), &len))
		seed_put(s, "vhdx_locator", "all-keys", item, len);
}

void seeds_by_hand(struct seeds *s)
{
	geometry(s, "small", MiB, 20, 9, 0);
	geometry(s, "chunks", 12 * TiB, 21, 9, 9 * TiB);
	geometry(s, "largest", 64 * TiB, 20, 12, 64 * TiB - 1);
	geometry(s, "one-block", 4096, 28, 12, 5);
	payload(s, "wi2r", 0, ".\\b\\parent.vhd", false);
	payload(s, "wi2k", 1, "C:\\b\\parent.vhd", false);
	payload(s, "w2ru", 2, ".\\b\\parent.vhd", true);
	payload(s, "w2ku", 3, "C:\\b\\parent.vhd", true);
	payload(s, "mac", 4, "alias", false);
	payload(s, "macx", 5, "file://localhost/b/a%20parent.vhd", false);
	payload(s, "macx-relative", 5, "file://./parent.vhd", false);
	locator_keys(s);
}
