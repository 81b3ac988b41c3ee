/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhdx/vhdx_update.h"

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "base/guid.h"

enum { NUMBERS_LEFT = 1 << 30 };

/*
 * Rebuilt, not edited: reserved bytes become zero whatever they were, and so
 * does a log version that an idle log may have had (VHDX-HDR-04, VHDX-HDR-06).
 */
static int header_next(const struct vhdx_update *u,
		       const struct vhdx_header *fields,
		       struct vhdx_header *out, struct vhd_error *err)
{
	struct vhdx_header h = {
		.file_write_guid = fields->file_write_guid,
		.data_write_guid = fields->data_write_guid,
		.log_guid = fields->log_guid,
		.version = 1,
		.log_len = fields->log_len,
		.log_off = fields->log_off,
	};

	if (ckd_add(&h.seq, vhdx_update_current(u)->seq, 1))
		return vhd_fail(err, VHD_E_UNSUPPORTED,
				"sequence numbers of the headers are used up");
	*out = h;
	return 0;
}

static int slot_write(struct vhdx_update *u, uint32_t slot,
		      const struct vhdx_header *h, struct vhd_error *err)
{
	static const uint64_t place[2] = { VHDX_HEADER1_OFF, VHDX_HEADER2_OFF };
	uint8_t *buf = vhd_alloc_aligned(VHDX_HEADER_LEN, VHDX_HEADER_LEN);
	int rc;

	if (!buf)
		return vhd_fail_nomem(err);
	vhdx_header_encode(h, buf);
	rc = vhd_io_write(u->io, buf, VHDX_HEADER_LEN, place[slot], err);
	vhd_free(buf);
	if (rc) {
		u->headers.ok &= ~(UINT32_C(1) << slot);
		return rc;
	}
	u->headers.hdr[slot] = *h;
	u->headers.ok |= UINT32_C(1) << slot;
	return 0;
}

/* An invalid slot is never the current one: it is mended (VHDX-HDR-24). */
int vhdx_header_write(struct vhdx_update *u, const struct vhdx_header *fields,
		      struct vhd_error *err)
{
	uint32_t slot = 1 - u->headers.current;
	struct vhdx_header h;
	int rc = header_next(u, fields, &h, err);

	if (!rc)
		rc = slot_write(u, slot, &h, err);
	if (!rc)
		u->headers.current = slot;
	return rc;
}

/* Between the two writes either slot says the same; afterwards both do. */
int vhdx_header_renumber(struct vhdx_update *u, struct vhd_error *err)
{
	uint32_t slot = u->headers.current;
	struct vhdx_header h = *vhdx_update_current(u);
	int rc;

	if (h.seq < UINT64_MAX - NUMBERS_LEFT)
		return 0;
	h.seq = 1;
	rc = slot_write(u, 1 - slot, &h, err);
	if (!rc)
		rc = vhd_io_flush(u->io, err);
	h.seq = 2;
	if (!rc)
		rc = slot_write(u, slot, &h, err);
	return rc ? rc : vhd_io_flush(u->io, err);
}

int vhdx_header_copy(struct vhdx_update *u, struct vhd_error *err)
{
	struct vhdx_header h = *vhdx_update_current(u);

	return vhdx_header_write(u, &h, err);
}
