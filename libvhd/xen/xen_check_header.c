/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>

#include "base/ckd.h"
#include "base/fail.h"
#include "vhd1/vhd1_check.h"
#include "xen/xen_check_priv.h"

struct fault {
	const char *what;
	enum vhd_rule_idx rule;
};

static struct fault judged(const struct vhd_xen_checker *c,
			   const struct vhd1_header *h)
{
	enum vhd_rule_idx rule = vhd1_header_judge(h, c->footer->f.data_off,
						   c->tail_off);

	if (rule == RULE_VHD1_BLOCK_SIZE)
		return (struct fault){ "invalid block size", rule };
	if (rule != VHD_RULE_NONE)
		return (struct fault){ "invalid table offset", rule };
	if (h->table_off % VHD1_SECTOR)
		return (struct fault){ "invalid table offset",
				       RULE_VHD1_BAT_UNALIGNED };
	if (!vhd1_header_reserved_clean(h))
		return (struct fault){ "invalid reserved bits",
				       RULE_VHD1_HDR_RESERVED };
	return (struct fault){ NULL, VHD_RULE_NONE };
}

static struct fault fault_of(const struct vhd_xen_checker *c,
			     const uint8_t raw[VHD1_HEADER_LEN])
{
	enum vhd1_seal seal = vhd1_header_seal(raw);
	struct vhd1_header h;

	vhd1_header_decode(raw, &h);
	if (seal == VHD1_SEAL_NONE)
		return (struct fault){ "invalid cookie",
				       RULE_VHD1_HDR_COOKIE };
	if (!vhd1_sealed(seal))
		return (struct fault){ "invalid checksum",
				       RULE_VHD1_HDR_CHECKSUM };
	if (h.version != VHD1_VERSION_1_0)
		return (struct fault){ "invalid header version",
				       RULE_VHD1_HDR_VERSION };
	if (h.next_off != VHD1_NO_OFF)
		return (struct fault){ "invalid data offset",
				       RULE_VHD1_HDR_NEXT_XEN };
	return judged(c, &h);
}

static int check_size(const struct vhd_xen_checker *c,
		      const uint8_t raw[VHD1_HEADER_LEN], struct vhd_error *err)
{
	struct vhd1_header h;
	uint64_t blocks;

	vhd1_header_decode(raw, &h);
	blocks = div_ceil(c->footer->f.current_size, h.block_size);
	if (blocks <= h.max_entries)
		return 0;
	return vhd_fail_rule(err, RULE_VHD1_BAT_SHORT, c->footer->f.data_off,
			     "VHD size (%" PRIu64 " blocks) exceeds BAT size "
			     "(%" PRIu32 ")", blocks, h.max_entries);
}

int vhd_xen_check_header(struct vhd_xen_checker *c, struct vhd_error *err)
{
	uint64_t off = c->footer->f.data_off;
	uint8_t raw[VHD1_HEADER_LEN];
	struct fault fault;
	int rc = vhd_io_read(c->io, raw, sizeof(raw), off, err);

	if (rc)
		return rc;
	fault = fault_of(c, raw);
	if (fault.what)
		return vhd_fail_rule(err, fault.rule, off,
				     "header is invalid: %s", fault.what);
	return check_size(c, raw, err);
}

int vhd_xen_check_parent_fields(struct vhd_xen_checker *c,
				struct vhd_error *err)
{
	const struct vhd1_header *h = &c->v->hdr;
	uint64_t off = c->footer->f.data_off;

	if (c->footer->f.type == VHD1_TYPE_DIFF) {
		if (!vhd1_time_is_future(h->parent_timestamp, c->now))
			return 0;
		return vhd_fail_rule(err, RULE_VHD1_PARENT_TIME_FUTURE, off,
				     "differencing header is invalid: invalid "
				     "parent timestamp");
	}
	if (!vhd1_header_has_parent(h))
		return 0;
	return vhd_fail_rule(err, RULE_VHD1_PARENT_STRAY, off,
			     "differencing header is invalid: parent of a "
			     "dynamic disk");
}
