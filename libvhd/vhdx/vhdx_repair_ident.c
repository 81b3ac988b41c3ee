/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file identifier (VHDX-CHK-02).  It is never written after creation, so a
 * file without one was hit from outside, or is none of ours.  Only the signature
 * is put back, and only where a header and a region table say what the file is;
 * whatever else there is stays.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "vhdx/vhdx_engine.h"
#include "vhdx/vhdx_repair_priv.h"

static int table_there(struct vhdx_fix *m, bool *yes_out,
		       struct vhd_error *err)
{
	static const uint64_t place[2] = { VHDX_REGIONS1_OFF,
					   VHDX_REGIONS2_OFF };
	uint8_t *table = vhd_alloc(VHDX_REGIONS_LEN);
	bool yes = false;
	int rc = 0;

	if (!table)
		return vhd_fail_nomem(err);
	for (size_t i = 0; i < 2 && !yes && !rc; i++) {
		rc = vhd_io_read(m->io, table, VHDX_REGIONS_LEN, place[i],
				 err);
		yes = !rc && vhdx_regions_sound(table);
	}
	*yes_out = yes;
	vhd_free(table);
	return rc;
}

/* One sector of it changes. */
static int signature_write(struct vhdx_fix *m, struct vhd_error *err)
{
	uint8_t ident[VHD_PAGE_SIZE];
	uint8_t *fresh = vhd_alloc(VHDX_IDENT_LEN);
	int rc;

	if (!fresh)
		return vhd_fail_nomem(err);
	rc = vhd_io_read(m->io, ident, sizeof(ident), VHDX_IDENT_OFF, err);
	if (!rc) {
		vhdx_ident_encode("", fresh);
		memcpy(ident, fresh, 8);
		rc = vhd_io_write(m->io, ident, sizeof(ident), VHDX_IDENT_OFF,
				  err);
	}
	vhd_free(fresh);
	m->next = VHDX_FIX_AGAIN;
	return rc ? rc : vhd_io_flush(m->io, err);
}

int vhdx_fix_ident(struct vhdx_fix *m, struct vhd_error *err)
{
	bool ident = false, header = false, table = false;
	int rc = vhdx_ident_there(m->io, &ident, err);

	if (rc || ident)
		return rc;
	rc = vhdx_header_there(m->io, &header, err);
	if (!rc)
		rc = table_there(m, &table, err);
	if (rc)
		return rc;
	m->next = VHDX_FIX_STOP;
	if (!m->req->salvage && (!header || !table))
		return 0;
	if (!vhdx_fix_may(m, RULE_VHDX_SIGNATURE, VHDX_IDENT_OFF,
			  "the signature at the start of the file is put back"))
		return 0;
	return signature_write(m, err);
}
