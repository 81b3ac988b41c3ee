/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhd1/vhd1_check.h"

#include <inttypes.h>

#include "vhd1/vhd1_batmap_scan.h"

/* VHD-K-55 to VHD-K-57: the batmap against its checksum and the table. */

static int on_fault(void *arg, uint64_t blk, enum vhd1_bit_fault fault,
		    struct vhd_error *err)
{
	struct vhd1_checker *c = arg;

	(void)err;
	if (vhd1_may_say(c, RULE_VHD1_BATMAP_BIT))
		vhd_report(c->sink, RULE_VHD1_BATMAP_BIT,
			   c->v->batmap.map_off + blk / 8,
			   "batmap shows block %" PRIu64 " full, and %s", blk,
			   fault == VHD1_BIT_UNUSED ?
			   "it is not allocated" : "its sector bitmap is not");
	return 0;
}

int vhd1_check_batmap(struct vhd1_checker *c, struct vhd_error *err)
{
	struct vhd1_batmap_scan s = { .fault = on_fault, .arg = c };
	int rc = vhd1_batmap_scan(c->v, &s, err);

	if (rc)
		return rc;
	if (s.checksum != c->v->batmap.checksum)
		vhd_report(c->sink, RULE_VHD1_BATMAP_CHECKSUM,
			   c->v->batmap_hdr_off, "checksum of the batmap is "
			   "0x%08" PRIx32 ", recorded is 0x%08" PRIx32,
			   s.checksum, c->v->batmap.checksum);
	if (vhd1_batmap_defect(c->v->footer.current_size))
		vhd_report(c->sink, RULE_VHD1_BATMAP_ROUNDING,
			   c->v->batmap_hdr_off, "libvhd miscounts the batmap "
			   "of a disk of %" PRIu64 " bytes",
			   c->v->footer.current_size);
	return 0;
}
