/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/vhd1_mark.h"

#include <stdlib.h>
#include <string.h>

#include "base/bitmap.h"
#include "base/bytes.h"
#include "base/ckd.h"
#include "codec/vhd1_batmap.h"
#include "codec/vhd1_footer.h"
#include "codec/vhd1_header.h"

static void need(bool ok)
{
	if (!ok)
		abort();
}

static bool is_full(struct vhd_io *io, uint64_t at)
{
	uint8_t bits[512];

	need(!vhd_io_read(io, bits, sizeof(bits), at, NULL));
	return bits[0] == 0xff && !memcmp(bits, bits + 1, sizeof(bits) - 1);
}

static unsigned mark(struct vhd_io *io, const struct vhd1_header *h,
		     uint8_t *map)
{
	unsigned count = 0;

	for (uint32_t blk = 0; blk < h->max_entries; blk++) {
		be32 raw;

		need(!vhd_io_read(io, &raw, sizeof(raw),
				  h->table_off + 4 * (uint64_t)blk, NULL));
		if (be32_get(raw) == VHD1_UNUSED ||
		    !is_full(io, be32_get(raw) * UINT64_C(512)))
			continue;
		vhd_bit_set(map, blk, VHD_MSB_FIRST);
		count++;
	}
	return count;
}

unsigned vhd1_mark_full(struct vhd_io *io)
{
	uint8_t raw[1024], *map;
	struct vhd1_batmap b;
	struct vhd1_footer f;
	struct vhd1_header h;
	uint64_t off, len;
	unsigned count;

	need(!vhd_io_read(io, raw, 512, 0, NULL));
	vhd1_footer_decode(raw, &f);
	need(!vhd_io_read(io, raw, sizeof(raw), 512, NULL));
	vhd1_header_decode(raw, &h);
	off = h.table_off + vhd1_table_space(h.max_entries);
	need(!vhd_io_read(io, raw, 512, off, NULL));
	if (!vhd1_batmap_decode(raw, &b))
		return 0;
	len = UINT64_C(512) * b.map_sectors;
	map = calloc(1, (size_t)len);
	need(map);
	count = mark(io, &h, map);
	b.checksum = ~vhd1_batmap_sum(0, map, (size_t)min_u64(len,
			vhd1_batmap_covered(f.current_size)), b.version);
	vhd1_batmap_encode(&b, raw);
	need(!vhd_io_write(io, map, (size_t)len, b.map_off, NULL));
	need(!vhd_io_write(io, raw, 512, off, NULL));
	free(map);
	return count;
}
