/* SPDX-License-Identifier: BSD-2-Clause */
#include "crash/crash_reshape.h"

#include <string.h>

#include "base/ckd.h"
#include "base/guid.h"
#include "base/zero.h"
#include "image/image_priv.h"

enum { CHUNK = 64 * 1024 };

static void on_report(void *arg, uint32_t layer, const char *file,
		      const struct vhd_rule *rule, uint64_t off,
		      const char *msg)
{
	struct crash_failure *fail = arg;

	(void)file;
	(void)off;
	/* Parents are longer on purpose, and others than were recorded. */
	if (!strcmp(rule->name, "VHD1_PARENT_LARGER") ||
	    !strcmp(rule->name, "VHD1_PARENT_ID"))
		return;
	if (layer == 0 && rule->severity >= VHD_SEV_ERROR)
		crash_fail(fail, "opening finds %s: %s", rule->name, msg);
}

static void on_finding(void *arg, const struct vhd_rule *rule, uint64_t off,
		       const char *msg)
{
	struct crash_failure *fail = arg;

	(void)off;
	if (rule->severity >= VHD_SEV_ERROR)
		crash_fail(fail, "check finds %s: %s", rule->name, msg);
}

/* The one map there is room for, in the middle of a change. */
static void on_finding_full(void *arg, const struct vhd_rule *rule,
			    uint64_t off, const char *msg)
{
	if (strcmp(rule->name, "VHD1_BATMAP_CHECKSUM"))
		on_finding(arg, rule, off, msg);
}

static void check(const struct crash_reshape *r, struct vhd_image *img,
		  struct crash_failure *fail)
{
	struct vhd_layer *layer = &img->layers[0];
	struct vhd_engine_check req = { .sink = { on_finding, fail } };
	struct vhd_error err;
	bool full;

	crash_reshape_tight(r, &full);
	if (full)
		req.sink.fn = on_finding_full;

	if (layer->ops->check && layer->ops->check(layer->eng, &req, &err))
		crash_fail(fail, "check fails: %s", err.msg);
}

bool crash_reshape_open(const struct crash_reshape *r, struct crash_file *f,
			struct vhd_image **img_out, struct crash_failure *fail)
{
	struct vhd_reporter reporter = { on_report, fail, NULL };
	struct vhd_open_opts opts, all;
	struct vhd_io *io = NULL;
	const char *parents[2];
	struct vhd_error err;

	crash_disk_opts(&r->setup, &r->parent, false, &opts, parents);
	/* As QEMU sees it. */
	if (crash_reshape_qemu(r))
		opts.size_rule = VHD_SIZE_AUTO;
	/* What the new parent holds is not looked at. */
	if (r->verb == CRASH_KEY)
		opts.flags |= VHD_OPEN_CIPHERTEXT;
	if (crash_reshape_relinks(r))
		opts.flags |= VHD_OPEN_IGNORE_PARENT_ID;
	CRASH_NEED(!vhd_open_opts_get(&opts, &all, NULL));
	CRASH_NEED(!vhd_io_new(&crash_file_ro_ops, f, "image", &io, NULL));
	if (vhd_image_open(io, &all, &reporter, 0, img_out, &err))
		crash_fail(fail, "it cannot be opened: %s", err.msg);
	else
		check(r, *img_out, fail);
	return !crash_failed(fail);
}

/* What is at @off, and how far it is alike. */
static bool look(struct vhd_image *img, uint64_t off, uint64_t len,
		 struct vhd_extent *ext, struct crash_failure *fail)
{
	struct vhd_error err;
	size_t n;

	if (!vhd_resolve(img, off, len, ext, 1, &n, &err) && n)
		return true;
	crash_fail(fail, "it cannot be resolved at 0x%" PRIx64 ": %s", off,
		   err.msg);
	return false;
}

static bool compare(struct vhd_image *a, struct vhd_image *b, uint64_t off,
		    uint64_t len, struct crash_failure *fail)
{
	static uint8_t x[CHUNK], y[CHUNK];

	while (len) {
		size_t n = (size_t)min_u64(len, CHUNK);
		struct vhd_error err = { 0 };

		if (vhd_pread(a, x, n, off, &err))
			crash_fail(fail, "it cannot be read at 0x%" PRIx64
				   ": %s", off, err.msg);
		if (b)
			CRASH_NEED(!vhd_pread(b, y, n, off, NULL));
		else
			memset(y, 0, n);
		if (memcmp(x, y, n))
			crash_fail(fail, "between 0x%" PRIx64 " and 0x%" PRIx64
				   " it holds %s", off, off + n,
				   b ? "something else than before"
				     : "more than zeros");
		if (crash_failed(fail))
			return false;
		off += n;
		len -= n;
	}
	return true;
}

/* Both show the parent's bytes there, or zeros. */
static bool same_extent(const struct vhd_extent *a, const struct vhd_extent *b)
{
	if (a->kind == VHD_EXTENT_ZERO || b->kind == VHD_EXTENT_ZERO)
		return a->kind == b->kind;
	return a->layer && a->layer == b->layer && a->file_off == b->file_off;
}

/* @b NULL: zeros. */
static bool same(struct vhd_image *a, struct vhd_image *b, uint64_t off,
		 uint64_t end, struct crash_failure *fail)
{
	while (off < end) {
		struct vhd_extent x, y = { .kind = VHD_EXTENT_ZERO };
		uint64_t len = end - off;

		if (!look(a, off, len, &x, fail) ||
		    (b && !look(b, off, x.len, &y, fail)))
			return false;
		len = b ? min_u64(x.len, y.len) : x.len;
		if (!same_extent(&x, &y) && !compare(a, b, off, len, fail))
			return false;
		off += len;
	}
	return true;
}

static bool is_new(const struct vhd_guid *id)
{
	return vhd_guid_equal(id, &crash_reshape_id);
}

/* VHD-W-10: all that a call changes is there, or nothing. */
static void judge_footer(const struct crash_reshape *r,
			 const struct vhd_info *info, bool kept,
			 struct crash_failure *fail)
{
	bool changes = r->verb == CRASH_SET || r->verb == CRASH_IDENTIFY;

	if (!kept && !(changes && is_new(&info->id)))
		crash_fail(fail, "the disk has another id");
	if (r->verb == CRASH_SET &&
	    (info->vhd.hidden == kept ||
	     !strcmp(info->vhd.creator_app, "crsh") == kept))
		crash_fail(fail, "the footer says a part of what was set");
}

/* VHDX-HDR-12, VHDX-HDR-13: what children of it may find. */
static void judge_identity(const struct crash_reshape *r,
			   struct vhd_image *img, struct crash_failure *fail)
{
	struct vhd_info info = { .size = sizeof(info) };
	bool kept;

	CRASH_NEED(!vhd_layer_info(img, 0, &info, NULL));
	kept = vhd_guid_equal(&info.id, &r->old_id);
	if (r->setup.type->format != VHD_FORMAT_VHDX) {
		judge_footer(r, &info, kept, fail);
		return;
	}
	if ((r->verb == CRASH_PACK || r->verb == CRASH_COMPACT ||
	     r->verb == CRASH_LINK2) && !kept)
		crash_fail(fail, "the data has another identity");
	if (info.virtual_size != r->old_size && kept)
		crash_fail(fail, "another size under the old identity");
	if (r->verb == CRASH_SET && kept && is_new(&info.vhdx.disk_id))
		crash_fail(fail, "another disk id under the old identity");
}

static bool is_packing(const struct crash_reshape *r)
{
	return r->verb == CRASH_PACK || r->verb == CRASH_COMPACT ||
	       r->verb == CRASH_COMPACT_FS;
}

static void judge_done(const struct crash_reshape *r, struct crash_file *f,
		       struct vhd_image *img, struct crash_failure *fail)
{
	struct vhd_parent_ref ref;
	struct vhd_info info = { .size = sizeof(info) };

	CRASH_NEED(!vhd_layer_info(img, 0, &info, NULL));
	if (vhd_size(img) != r->new_size)
		crash_fail(fail, "the size is not the new one");
	if ((r->verb == CRASH_SHRINK || is_packing(r)) && r->file_size &&
	    crash_file_size(f) > r->file_size)
		crash_fail(fail, "the file has 0x%" PRIx64 " bytes instead of"
			   " 0x%" PRIx64, crash_file_size(f), r->file_size);
	if (r->verb == CRASH_IDENTIFY && !is_new(&info.id))
		crash_fail(fail, "the identity is not the new one");
	if (r->verb == CRASH_SET && r->setup.type->format == VHD_FORMAT_VHDX &&
	    (!is_new(&info.vhdx.disk_id) ||
	     strcmp(info.vhdx.creator, "crash")))
		crash_fail(fail, "the headers do not say what was set");
	if (r->verb == CRASH_LINK2 &&
	    (!img->layers[0].ops->parent(img->layers[0].eng, &ref) ||
	     ref.id_count != 2 || !is_new(&ref.ids[1])))
		crash_fail(fail, "the parent has no second name");
}

/* VHDX-HDR-12: bytes that a child can see change under a new identity only. */
static bool may_differ(const struct crash_reshape *r, struct vhd_image *img)
{
	struct vhd_info info = { .size = sizeof(info) };

	CRASH_NEED(!vhd_layer_info(img, 0, &info, NULL));
	return r->setup.type->format != VHD_FORMAT_VHDX ||
	       !vhd_guid_equal(&info.id, &r->old_id);
}

/* All that is the image's own. */
static void same_own(const struct crash_reshape *r, struct vhd_image *img,
		     struct vhd_image *before, struct crash_failure *fail)
{
	uint64_t off = 0;

	while (off < r->old_size && !crash_failed(fail)) {
		struct vhd_extent x;

		if (!look(img, off, r->old_size - off, &x, fail))
			return;
		if (x.kind == VHD_EXTENT_DATA && !x.layer)
			same(img, before, off, off + x.len, fail);
		off += x.len;
	}
}

/* All but what nobody uses. */
static void same_used(const struct crash_reshape *r, struct vhd_image *img,
		      struct vhd_image *before, struct crash_failure *fail)
{
	uint64_t n = min_u64(div_ceil(r->old_size, r->setup.block), 64);
	uint64_t pos = 0, off, len;

	for (uint64_t blk = 0; blk < n; blk++) {
		crash_reshape_unused(r, blk, &off, &len);
		if (!len)
			continue;
		same(img, before, pos, off, fail);
		pos = off + len;
	}
	same(img, before, pos, r->old_size, fail);
}

/* What nobody gives up; of the rest, what is still the image's own. */
static void same_covered(const struct crash_reshape *r, struct vhd_image *img,
			 struct vhd_image *before, struct crash_failure *fail)
{
	uint64_t off, len, from = 0;

	same_own(r, img, before, fail);
	while (from < r->old_size) {
		uint64_t next = r->old_size, end = from;

		for (unsigned k = 0;
		     crash_reshape_uncovered(r, k, &off, &len); k++) {
			if (off <= from && off + len > end)
				end = off + len;
			else if (off > from)
				next = min_u64(next, off);
		}
		if (end == from)
			same(img, before, from, end = next, fail);
		from = end;
	}
}

static void judge(const struct crash_reshape *r, struct crash_file *f,
		  struct vhd_image *img, struct vhd_image *before, bool done,
		  struct crash_failure *fail)
{
	uint64_t size = vhd_size(img);
	uint64_t kept = min_u64(size, r->old_size);

	if (size != r->old_size && size != r->new_size)
		crash_fail(fail, "the disk has 0x%" PRIx64 " bytes", size);
	else if (r->verb == CRASH_COMPACT_FS && may_differ(r, img))
		same_used(r, img, before, fail);
	else if (r->verb == CRASH_FORGET)
		same_own(r, img, before, fail);
	else if (r->verb == CRASH_UNCOVER)
		same_covered(r, img, before, fail);
	else if (same(img, before, 0, kept, fail))
		same(img, NULL, kept, size, fail);
	judge_identity(r, img, fail);
	if (r->verb >= CRASH_RELINK)
		crash_reshape_xen_judge(r, f, img, done, fail);
	if (done)
		judge_done(r, f, img, fail);
}

bool crash_reshape_judge(const struct crash_reshape *r, struct crash_file *f,
			 bool done, struct crash_failure *fail)
{
	struct vhd_image *img = NULL, *before = NULL;
	struct crash_file *old = crash_file_new();
	uint64_t changes = crash_file_changes(f);

	crash_file_reset(old, r->base);
	if (crash_reshape_open(r, f, &img, fail) &&
	    crash_reshape_open(r, old, &before, fail))
		judge(r, f, img, before, done, fail);
	vhd_close(&img, NULL);
	vhd_close(&before, NULL);
	crash_file_free(old);
	if (r->device && crash_file_size(f) != crash_base_size(r->base))
		crash_fail(fail, "the device has another size");
	if (crash_file_changes(f) != changes)
		crash_fail(fail, "reading changed the file");
	return !crash_failed(fail);
}
