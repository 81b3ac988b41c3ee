/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One of two headers is damaged, and it was the one that counted.
 *
 * Some writers enter the LogGuid in one header only (VHDX-HDR-20 asks for no
 * more).  If that one rots, the other says that nothing is pending, and what the
 * log holds is lost without a word.  The damaged header may still tell its
 * LogGuid: entries that make a sequence under it cannot be there by chance.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "base/guid.h"
#include "vhdx/vhdx.h"
#include "vhdx/vhdx_ring.h"

static bool claims_log(const struct vhdx_header *h,
		       const struct vhdx_header *good, uint64_t file_size)
{
	return h->seq > good->seq && !vhd_guid_is_zero(&h->log_guid) &&
	       !vhd_guid_equal(&h->log_guid, &good->log_guid) &&
	       h->log_off >= MiB && !(h->log_off % MiB) && h->log_len &&
	       !(h->log_len % MiB) &&
	       range_in(h->log_off, h->log_len, file_size);
}

int vhdx_newer_find(struct vhd_io *io, const uint8_t *pair,
		    const struct vhdx_headers *headers, uint64_t file_size,
		    struct vhdx_newer *out, struct vhd_error *err)
{
	uint32_t bad = 1 - headers->current;
	struct vhdx_ring_active active;
	struct vhdx_ring *ring;
	int rc;

	*out = (struct vhdx_newer){ .slot = bad };
	if (headers->ok >> bad & 1)
		return 0;
	vhdx_header_peek(pair + bad * VHDX_HEADER_LEN, &out->hdr);
	if (!claims_log(&out->hdr, &headers->hdr[headers->current], file_size))
		return 0;
	ring = vhd_alloc(sizeof(*ring));
	if (!ring)
		return vhd_fail_nomem(err);
	vhdx_ring_init(ring, io, &out->hdr);
	rc = vhdx_ring_find(ring, &active, err);
	vhd_free(ring);
	out->found = !rc && active.entry_count;
	return rc;
}
