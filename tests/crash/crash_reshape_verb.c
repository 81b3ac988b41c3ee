/* SPDX-License-Identifier: BSD-2-Clause */
#include "crash/crash_reshape.h"

#include <string.h>

#include "base/ckd.h"
#include "image/change.h"
#include "ops/compact.h"
#include "xen/xen_blocks.h"

const char *const crash_verb_names[CRASH_VERBS] = {
	"grow", "grow-table", "shrink", "set", "identify", "link2", "pack",
	"compact", "compact-fs", "relink", "relink-xen", "hide", "footers", "end",
	"forget", "key", "uncover", "fill",
};

const struct vhd_guid crash_reshape_id = {
	{ 0xa7, 0x10, 0x4d, 0x3c, 0x55, 0x21, 0x4e, 0x6f, 0x90, 0x01 }
};

static int do_resize(const struct crash_reshape *r, struct vhd_image *img,
		     struct vhd_error *err)
{
	const struct vhd_engine_resize req = {
		.size = r->new_size,
		.below = r->parent.info.virtual_size,
	};

	return vhd_image_resize(img, &req, err);
}

static int do_set(const struct crash_reshape *r, struct vhd_image *img,
		  struct vhd_error *err)
{
	bool vhdx = r->setup.type->format == VHD_FORMAT_VHDX;
	struct vhd_attrs a = VHD_ATTRS_INIT;

	a.id = crash_reshape_id;
	a.mask = VHD_ATTR_ID | VHD_ATTR_CREATOR;
	a.creator = vhdx ? "crash" : "crsh";
	a.physical_sector = r->setup.sector;
	a.hidden = 1;
	a.mask |= vhdx ? VHD_ATTR_PHYSICAL_SECTOR : VHD_ATTR_HIDDEN;
	return vhd_image_set(img, &a, err);
}

/* Before the first change, which then is a byte that stays what it is. */
static int do_identify(const struct crash_reshape *r, struct vhd_image *img,
		       struct vhd_error *err)
{
	uint8_t sec[CRASH_SEC];
	int rc;

	if (r->setup.seed % 2) {
		rc = vhd_image_touch(img, err);
		return rc ? rc : vhd_image_identify(img, &crash_reshape_id, err);
	}
	rc = vhd_image_identify(img, &crash_reshape_id, err);
	if (!rc)
		rc = vhd_pread(img, sec, sizeof(sec), 0, err);
	return rc ? rc : vhd_pwrite(img, sec, sizeof(sec), 0, err);
}

static int pack_pass(struct vhd_image *img, bool *any_out,
		     struct vhd_error *err)
{
	uint64_t limit = 0, n = vhd_image_blocks(img);
	int rc = vhd_image_pack(img, &limit, err);

	*any_out = false;
	for (uint64_t blk = 0; !rc && blk < n; blk++) {
		bool moved = false;

		rc = vhd_image_move_block(img, blk, limit, &moved, err);
		*any_out |= moved;
		if (!rc && moved && blk % 3 == 0)
			rc = vhd_flush(img, err);
	}
	if (!rc)
		rc = vhd_flush(img, err);
	if (!rc)
		rc = vhd_image_pack_rest(img, limit, err);
	return rc ? rc : vhd_flush(img, err);
}

static int do_pack(const struct crash_reshape *r, struct vhd_image *img,
		   struct vhd_error *err)
{
	bool any = true;
	int rc = 0;

	if (r->setup.type->format == VHD_FORMAT_VHDX)
		rc = vhd_image_identify(img, &r->old_id, err);
	for (int i = 0; !rc && any && i < 8; i++)
		rc = pack_pass(img, &any, err);
	/* What hangs over is cut, if only because of a touch. */
	return rc ? rc : vhd_image_touch(img, err);
}

/* One block in three as a whole, one its second half. */
void crash_reshape_unused(const struct crash_reshape *r, uint64_t blk,
			  uint64_t *off_out, uint64_t *len_out)
{
	uint64_t start = blk * r->setup.block;
	uint64_t len = min_u64(r->setup.block, r->old_size - start);
	uint64_t skip = blk % 3 == 2 ? len / 2 : 0;

	*off_out = start + skip;
	*len_out = blk % 3 ? len - skip : 0;
}

static int tell_unused(void *arg, struct vhd_image *img, vhd_range_fn emit,
		       void *emit_arg, struct vhd_error *err)
{
	const struct crash_reshape *r = arg;
	/* Behind these nothing is stored, but at the very end. */
	uint64_t n = min_u64(vhd_image_blocks(img), 64);

	(void)err;
	for (uint64_t blk = 0; blk < n; blk++) {
		uint64_t off, len;

		crash_reshape_unused(r, blk, &off, &len);
		if (len && !emit(emit_arg, off, len))
			break;
	}
	return 0;
}

static int do_compact(const struct crash_reshape *r, struct vhd_image *img,
		      struct vhd_error *err)
{
	struct vhd_compact_opts o = VHD_COMPACT_OPTS_INIT;
	struct vhd_compact_result res;
	struct crash_reshape copy = *r;

	o.flags = VHD_CHANGE_ZERO_SCAN;
	if (r->verb == CRASH_COMPACT_FS) {
		o.unused = tell_unused;
		o.unused_arg = &copy;
	}
	return vhd_compact_image(img, &o, &res, err);
}

static uint64_t filled(const struct crash_reshape *r)
{
	return min_u64(r->old_size, max_u64(2 * r->setup.block, 256 * KiB));
}

static int do_verb(const struct crash_reshape *r, struct vhd_image *img,
		   struct vhd_error *err)
{
	switch (r->verb) {
	case CRASH_GROW:
	case CRASH_GROW_TABLE:
	case CRASH_SHRINK:
		return do_resize(r, img, err);
	case CRASH_SET:
		return do_set(r, img, err);
	case CRASH_IDENTIFY:
		return do_identify(r, img, err);
	case CRASH_LINK2:
		return vhd_image_link2(img, &crash_reshape_id, err);
	case CRASH_PACK:
		return do_pack(r, img, err);
	case CRASH_COMPACT:
	case CRASH_COMPACT_FS:
		return do_compact(r, img, err);
	case CRASH_FILL:
		return vhd_xen_fill_image(img, 0, filled(r),
					  r->setup.seed % 2 ?
					  VHD_XEN_FILL_SPARSE : 0, err);
	case CRASH_RELINK:
	case CRASH_RELINK_XEN:
	case CRASH_HIDE:
	case CRASH_FOOTERS:
	case CRASH_END:
	case CRASH_FORGET:
	case CRASH_KEY:
	case CRASH_UNCOVER:
	case CRASH_VERBS:
		break;
	}
	return 0;
}

bool crash_reshape_do(const struct crash_reshape *r, struct crash_file *f,
		      struct vhd_trace *t, struct crash_failure *fail)
{
	void *recorder = vhd_record_new(&crash_file_ops, f, t);
	struct vhd_error err = { 0 }, late = { 0 };
	struct vhd_image *img = NULL;
	struct vhd_open_opts opts;
	const char *parents[2];
	int rc;

	CRASH_NEED(recorder);
	if (r->device)
		crash_file_fix_size(f);
	if (crash_reshape_is_xen(r))
		return crash_reshape_xen_do(r, recorder, fail);
	crash_disk_opts(&r->setup, &r->parent, true, &opts, parents);
	if (r->verb == CRASH_FILL)
		opts.flags |= VHD_OPEN_EXACT;
	rc = vhd_open_io(&vhd_record_ops, recorder, "image", &opts, &img,
			 &err);
	if (!rc)
		rc = do_verb(r, img, &err);
	if (rc)
		crash_fail(fail, "%s fails: %s: %s", crash_verb_names[r->verb],
			   vhd_status_name(rc), err.msg);
	if (img && vhd_close(&img, &late))
		crash_fail(fail, "closing fails: %s", late.msg);
	return !crash_failed(fail);
}
