/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Repairing a file from its front to its back: identifier, headers, log, region
 * tables, metadata, parent locator, block allocation table.
 *
 * Each part can only be looked at when those before it are sound, so a part that
 * has changed something ends the round, and the next round finds what was hidden
 * behind it.  A part that is not sound and may not be mended ends the repair:
 * nothing behind a log that is not replayed is to be trusted (VHDX-LOG-30).
 *
 * What may be written when: headers are written directly, one slot after the
 * other; whatever comes behind them goes through the log like every other change
 * of metadata (VHDX-LOG-01), in one entry for each step.  A power cut then finds
 * the step done or not begun, and never a file that is worse than before.
 *
 * The file gets a new FileWriteGuid before each step (VHDX-HDR-11).  Its
 * DataWriteGuid stays: no step here changes what the guest reads, and children
 * would no longer know their parent (VHDX-HDR-13).
 */
#include "vhdx/vhdx_repair.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/ckd.h"
#include "vhdx/vhdx_repair_bat.h"
#include "vhdx/vhdx_repair_priv.h"

bool vhdx_fix_may(const struct vhdx_fix *m, enum vhd_rule_idx rule,
		   uint64_t off, const char *fmt, ...)
{
	const struct vhd_mender *mender = &m->req->mender;
	bool granted = m->req->salvage || vhd_mend_choice(mender, rule);
	char msg[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	return mender->step(mender->arg, vhd_rule_get(rule), granted, off,
			    msg) && granted;
}

void vhdx_fix_offer(const struct vhdx_fix *m, enum vhd_rule_idx rule,
		     uint64_t off, const char *fmt, ...)
{
	const struct vhd_mender *mender = &m->req->mender;
	char msg[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	mender->step(mender->arg, vhd_rule_get(rule), false, off, msg);
}

bool vhdx_fix_chosen(const struct vhdx_fix *m, enum vhd_rule_idx rule,
		      const char *word)
{
	const char *choice = vhd_mend_choice(&m->req->mender, rule);

	return m->req->salvage || (choice && !strcmp(choice, word));
}

/* What lies behind the metadata is mended on the open file. */
static int mend_opened(struct vhdx_fix *m, struct vhd_error *err)
{
	struct vhd_engine_open how = { .io = m->io };
	struct vhd_error why = { 0 };
	void *x = NULL;
	int rc = vhdx_open(&how, &x, &why);

	/* What cannot be mended is for the check to tell. */
	if (rc == VHD_E_CORRUPT || rc == VHD_E_UNSUPPORTED)
		return 0;
	if (rc) {
		if (err)
			*err = why;
		return rc;
	}
	rc = vhdx_repair_table(m->req, x, err);
	vhdx_close(x);
	return rc;
}

int vhdx_repair(const struct vhd_engine_repair *req, struct vhd_error *err)
{
	static int (*const parts[])(struct vhdx_fix *m,
				    struct vhd_error *err) = {
		vhdx_fix_ident,
		vhdx_fix_headers,
		vhdx_fix_log,
		vhdx_fix_log_place,
		vhdx_fix_regions,
		vhdx_fix_meta,
		mend_opened,
	};
	struct vhdx_fix m = { .req = req, .io = req->io };
	int rc = vhd_io_size(req->io, &m.file_size, err);

	/* VHDX-CHK-01: there is nothing to begin with. */
	if (rc || m.file_size < VHDX_SECTION_LEN)
		return rc;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		rc = parts[i](&m, err);
		if (rc || m.next != VHDX_FIX_ON)
			return rc;
	}
	return 0;
}
