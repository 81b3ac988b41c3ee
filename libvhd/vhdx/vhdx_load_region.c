/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening, second part: the region tables, as they are after replay. */
#include "base/alloc.h"
#include "base/fail.h"
#include "vhdx/vhdx.h"

static int choose(struct vhdx *x, const uint8_t *first, const uint8_t *second,
		  const struct vhd_sink *sink, struct vhd_error *err)
{
	struct vhdx_notes notes = VHDX_NOTES_INIT;

	if (vhdx_region_pair_decode(first, second, &x->region_pair, &notes) !=
	    VHD_RULE_NONE)
		return vhdx_notes_fail(&notes, 0, err);
	vhdx_notes_report(&notes, sink, 0);
	return 0;
}

static int decode(struct vhdx *x, const uint8_t *table,
		  const struct vhd_sink *sink, struct vhd_error *err)
{
	struct vhdx_notes notes = VHDX_NOTES_INIT;
	uint64_t base = x->region_pair.use ? VHDX_REGIONS2_OFF
					   : VHDX_REGIONS1_OFF;

	if (vhdx_regions_decode(table, &x->log, x->file_size, &x->regions,
				&notes) != VHD_RULE_NONE)
		return vhdx_notes_fail(&notes, base, err);
	vhdx_notes_report(&notes, sink, base);
	return 0;
}

int vhdx_load_regions(struct vhdx *x, const struct vhd_sink *sink,
		      struct vhd_error *err)
{
	uint8_t *first = vhd_alloc(2 * VHDX_REGIONS_LEN);
	uint8_t *second, *table;
	int rc;

	if (!first)
		return vhd_fail_nomem(err);
	second = first + VHDX_REGIONS_LEN;
	rc = vhdx_read(x, first, VHDX_REGIONS_LEN, VHDX_REGIONS1_OFF, err);
	if (rc)
		goto out;
	rc = vhdx_read(x, second, VHDX_REGIONS_LEN, VHDX_REGIONS2_OFF, err);
	if (rc)
		goto out;
	rc = choose(x, first, second, sink, err);
	if (rc)
		goto out;
	table = x->region_pair.use ? second : first;
	rc = decode(x, table, sink, err);
	if (rc)
		goto out;
	rc = vhdx_taken_load(x, table, err);
out:
	vhd_free(first);
	return rc;
}
