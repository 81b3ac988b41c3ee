/* SPDX-License-Identifier: BSD-2-Clause */
/* VHDX-CHK-03: what follows the creator in the file identifier. */
#include <inttypes.h>

#include "base/zero.h"
#include "vhdx/vhdx_check_priv.h"

int vhdx_check_ident(struct vhdx_check *c, struct vhd_error *err)
{
	uint64_t off = offsetof(struct vhdx_ident_disk, reserved);
	uint8_t buf[4096];

	while (off < VHDX_IDENT_LEN) {
		size_t len = (size_t)min_u64(sizeof(buf), VHDX_IDENT_LEN - off);
		int rc = vhd_io_read_padded(c->x->io, buf, len, off, err);

		if (rc)
			return rc;
		if (!vhd_is_zero(buf, len)) {
			vhdx_find(&c->tally, RULE_VHDX_IDENT_TAIL, off,
				  "reserved bytes of the file identifier at 0x%"
				  PRIx64 " are not zero", off);
			return 0;
		}
		off += len;
	}
	return 0;
}
