/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the clients of Xen's tools ask of an image that a cut has left: the check
 * that ends at the first thing that is odd (xen/xen_check.c).
 *
 * A kill is no power cut: what was written is there, in its order, and each call
 * arrived whole or not at all.
 */
#include "crash/crash_reshape.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/ckd.h"
#include "xen/xen_check_priv.h"

static int check(struct crash_file *f, uint32_t flags, struct vhd_error *err)
{
	struct vhd_xen_checker c = {
		.flags = flags | VHD_XEN_CHECK_IGNORE_TIMES, .alone = true,
	};
	int rc;

	CRASH_NEED(!vhd_io_new(&crash_file_ro_ops, f, "image", &c.io, NULL));
	rc = vhd_xen_check_run(&c, err);
	vhd_io_close(&c.io, NULL);
	return rc;
}

bool crash_reshape_accepts(struct crash_file *f, bool lost,
			   struct vhd_error *why)
{
	static const char tail[] = "primary footer invalid";

	if (!check(f, 0, why))
		return true;
	return lost && !strncmp(why->msg, tail, sizeof(tail) - 1) &&
	       !check(f, VHD_XEN_CHECK_USE_COPY, why);
}

/* The header that @raw, a footer, leads to, and the blocks that its table has. */
static bool lies_between(const struct crash_file *f, const uint8_t *raw)
{
	uint64_t from = UINT64_MAX, to = 0;
	uint8_t raw_header[VHD1_HEADER_LEN];
	struct vhd1_footer footer;
	struct vhd1_header h;

	vhd1_footer_decode(raw, &footer);
	crash_file_read(f, raw_header, sizeof(raw_header), footer.data_off);
	if (vhd1_footer_seal(raw) != VHD1_SEAL_OK ||
	    vhd1_header_seal(raw_header) != VHD1_SEAL_OK)
		return false;
	vhd1_header_decode(raw_header, &h);
	for (uint64_t i = 0; i < h.max_entries; i++) {
		be32 entry;
		uint64_t at;

		crash_file_read(f, &entry, sizeof(entry), h.table_off + 4 * i);
		at = be32_get(entry) * UINT64_C(512);
		if (be32_get(entry) == UINT32_MAX)
			continue;
		from = min_u64(from, at);
		to = max_u64(to, at + h.block_size);
	}
	return footer.data_off > from && footer.data_off < to;
}

/*
 * Is a change of the parent half done in a place where a guest spoils it?  Then
 * the check must say so, until the change was finished.
 */
static bool is_perilous(const struct crash_reshape *r,
			const struct crash_file *f)
{
	uint64_t end = crash_file_size(f) / CRASH_SECTOR * CRASH_SECTOR;
	uint8_t footer[2][CRASH_SECTOR];

	if (!crash_reshape_relinks(r))
		return false;
	crash_file_read(f, footer[0], CRASH_SECTOR, 0);
	crash_file_read(f, footer[1], CRASH_SECTOR, end - CRASH_SECTOR);
	return lies_between(f, footer[0]) || lies_between(f, footer[1]);
}

/* Both footers change, so that there is a moment between them. */
static bool footers_part(const struct crash_reshape *r)
{
	return r->verb == CRASH_HIDE || r->verb == CRASH_FOOTERS;
}

bool crash_reshape_is_told(const struct crash_reshape *r, struct crash_file *f,
			   bool cut, bool lost, struct vhd_error *why)
{
	bool perilous = cut && is_perilous(r, f), full;

	crash_reshape_tight(r, &full);
	if (crash_reshape_accepts(f, lost, why)) {
		snprintf(why->msg, sizeof(why->msg),
			 "nothing of a header between blocks");
		return !perilous;
	}
	return (perilous && strstr(why->msg, "lies between blocks")) ||
	       (cut && full && strstr(why->msg, "invalid checksum")) ||
	       (cut && footers_part(r) && strstr(why->msg, "do not match"));
}

static bool judge(const struct crash_reshape *r, struct crash_file *f,
		  size_t calls, struct crash_failure *fail)
{
	struct vhd_error why = { 0 };

	if (!crash_reshape_judge(r, f, false, fail))
		crash_context(fail, "killed after %zu calls", calls);
	else if (!crash_reshape_is_told(r, f, true, false, &why))
		crash_fail(fail, "killed after %zu calls, and Xen's check "
			   "says: %s", calls, why.msg);
	return !crash_failed(fail);
}

bool crash_reshape_kills(const struct crash_reshape *r,
			 const struct crash_ops *ops, uint64_t *states,
			 struct crash_failure *fail)
{
	static const struct crash_tear whole = { CRASH_WHOLE, 0 };
	struct crash_file *f = crash_file_new();
	bool ok = true;

	crash_file_reset(f, r->base);
	for (size_t i = 0; ok && i < ops->count; i++) {
		if (ops->op[i].kind == VHD_TRACE_FLUSH)
			continue;
		crash_op_apply(&ops->op[i], &whole, f);
		ok = judge(r, f, i + 1, fail);
		++*states;
	}
	crash_file_free(f);
	return ok;
}
