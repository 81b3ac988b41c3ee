/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Power cuts in what Xen's storage managers change of a VHD: its parent, its
 * flag, both of its footers, its end; and while its data is forgotten.
 *
 * Half of the images are as on a device: repair and set_end neither cut them nor
 * move their end, and a new parent is named without more space.
 */
#include "crash/crash_reshape.h"

#include <string.h>

#include "base/ckd.h"
#include "base/guid.h"
#include "image/change.h"
#include "vhd1/vhd1.h"
#include "vhd1/vhd1_uncover.h"
#include "xen/xen_file.h"
#include "xen/xen_used.h"

bool crash_reshape_is_xen(const struct crash_reshape *r)
{
	return r->verb >= CRASH_RELINK && r->verb < CRASH_FILL;
}

bool crash_reshape_relinks(const struct crash_reshape *r)
{
	return r->verb == CRASH_RELINK || r->verb == CRASH_RELINK_XEN;
}

static bool as_device(const struct crash_reshape *r)
{
	return r->setup.seed % 2;
}

static int relink(const struct crash_reshape *r, struct xen_file *f,
		  struct vhd_error *err)
{
	const struct vhd_engine_parent p = {
		.id = crash_reshape_id,
		.timestamp = INT64_C(1700000000),
		.relative = r->setup.seed % 3 ? "new.vhd" :
			    "some/longer/way/to/the/parent/in/other/new.vhd",
		.xen = r->verb == CRASH_RELINK_XEN,
	};
	bool changed;

	return vhd1_reparent(f->v, &p, false, &changed, err);
}

/* Xen's check takes 1 and nothing above it. */
static uint8_t flag_of(const struct crash_reshape *r)
{
	return r->setup.seed % 2 ? 1 : (uint8_t)(1 + r->setup.seed % 255);
}

static int hide(const struct crash_reshape *r, struct xen_file *f,
		struct vhd_error *err)
{
	const struct vhd_attrs a = {
		.size = sizeof(a), .mask = VHD_ATTR_HIDDEN,
		.hidden = flag_of(r),
	};

	return f->v->write ? vhd1_engine.set(f->v, &a, err) : 0;
}

/* Shorter, as long, or longer. */
static int move_end(const struct crash_reshape *r, struct xen_file *f,
		    struct vhd_error *err)
{
	uint64_t used = 0, end;
	int rc = vhd_xen_end(f->v, &used, NULL, err);

	end = used + 512 * (r->setup.seed * 7 % 40);
	f->device = as_device(r);
	if (f->device)
		end = min_u64(end, align_down(f->size, 512));
	return rc ? rc : vhd_xen_file_set_end(f, end, err);
}

bool crash_reshape_keyed(const struct crash_reshape *r)
{
	return r->verb == CRASH_KEY && r->setup.seed % 3;
}

/* Where the batmap can hold it; elsewhere it is attributes of the file. */
static int set_key(const struct crash_reshape *r, struct xen_file *f,
		   struct vhd_error *err)
{
	struct vhd_attrs a = {
		.size = sizeof(a), .mask = VHD_ATTR_MARKER, .marker = 3,
	};

	if (crash_reshape_keyed(r))
		a.mask |= VHD_ATTR_KEYHASH;
	memset(a.key_hash, 0x5d, sizeof(a.key_hash));
	memset(a.key_nonce, 0x2c, sizeof(a.key_nonce));
	return f->v->write && f->v->has_batmap ?
	       vhd1_engine.set(f->v, &a, err) : 0;
}

bool crash_reshape_uncovered(const struct crash_reshape *r, unsigned k,
			     uint64_t *off_out, uint64_t *len_out)
{
	uint64_t seed = r->setup.seed, most = 12 * r->setup.block;
	uint64_t off = align_down((seed * 77777 + k * 300007) % most, CRASH_SEC);
	uint64_t len = k % 2 ? r->setup.block : (1 + seed % 40) * CRASH_SEC;

	if (r->verb != CRASH_UNCOVER || k == 4)
		return false;
	*off_out = min_u64(off, r->old_size);
	*len_out = align_down(min_u64(len, r->old_size - *off_out), CRASH_SEC);
	return true;
}

static int uncover(const struct crash_reshape *r, struct xen_file *f,
		   struct vhd_error *err)
{
	uint64_t off, len;
	int rc = vhd1_uncover_begin(f->v, err);

	for (unsigned k = 0; !rc && crash_reshape_uncovered(r, k, &off, &len);
	     k++)
		rc = vhd1_uncover(f->v, off, len, err);
	return rc;
}

static int do_verb(const struct crash_reshape *r, struct xen_file *f,
		   struct vhd_error *err)
{
	switch (r->verb) {
	case CRASH_RELINK:
	case CRASH_RELINK_XEN:
		return relink(r, f, err);
	case CRASH_HIDE:
		return hide(r, f, err);
	case CRASH_FOOTERS:
		f->device = as_device(r);
		return vhd_xen_file_repair(f, err);
	case CRASH_END:
		return move_end(r, f, err);
	case CRASH_FORGET:
		return vhd_xen_file_forget(f, err);
	case CRASH_KEY:
		return set_key(r, f, err);
	case CRASH_UNCOVER:
		return uncover(r, f, err);
	case CRASH_FILL:
	case CRASH_GROW:
	case CRASH_GROW_TABLE:
	case CRASH_SHRINK:
	case CRASH_SET:
	case CRASH_IDENTIFY:
	case CRASH_LINK2:
	case CRASH_PACK:
	case CRASH_COMPACT:
	case CRASH_COMPACT_FS:
	case CRASH_VERBS:
		break;
	}
	return 0;
}

bool crash_reshape_xen_do(const struct crash_reshape *r, void *recorder,
			  struct crash_failure *fail)
{
	bool past = r->verb == CRASH_FOOTERS || r->verb == CRASH_END;
	struct vhd_error err = { 0 };
	struct vhd_io *io = NULL;
	struct xen_file f;
	int rc;

	CRASH_NEED(!vhd_io_new(&vhd_record_ops, recorder, "image", &io, NULL));
	rc = vhd_xen_file_use(io, past ? XEN_FILE_PAST : XEN_FILE_WRITER, &f, &err);
	if (!rc)
		rc = vhd_xen_file_close(&f, do_verb(r, &f, &err), &err);
	if (rc)
		crash_fail(fail, "%s fails: %s: %s", crash_verb_names[r->verb],
			   vhd_status_name(rc), err.msg);
	return !crash_failed(fail);
}

/* One record of the parent, or the other. */
static void judge_parent(const struct crash_reshape *r, struct vhd_image *img,
			 bool done, struct crash_failure *fail)
{
	struct vhd_parent_ref ref;
	bool renewed;

	if (!img->layers[0].ops->parent(img->layers[0].eng, &ref)) {
		crash_fail(fail, "it has no parent");
		return;
	}
	renewed = vhd_guid_equal(&ref.ids[0], &crash_reshape_id);
	if (!renewed && (done || !vhd_guid_equal(&ref.ids[0],
						 &r->parent.info.id)))
		crash_fail(fail, "the parent has another id");
	for (size_t i = 0; i < ref.locator_count; i++) {
		if (!strstr(ref.locators[i].text, renewed ? "new.vhd" : "parent"))
			crash_fail(fail, "%s says %s", ref.locators[i].code,
				   ref.locators[i].text);
	}
	if (!ref.locator_count)
		crash_fail(fail, "the parent has no name");
}

static void judge_flag(const struct crash_reshape *r, struct crash_file *f,
		       bool done, struct crash_failure *fail)
{
	uint8_t want = flag_of(r), front, tail;

	crash_file_read(f, &front, 1, 85);
	crash_file_read(f, &tail, 1, crash_file_size(f) - 512 + 85);
	if ((front && front != want) || (tail && tail != want) ||
	    (done && (front != want || tail != want)))
		crash_fail(fail, "the flags are %u and %u", front, tail);
}

static void judge_footers(const struct crash_reshape *r, struct crash_file *f,
			  struct crash_failure *fail)
{
	uint8_t front[512], tail[512];

	crash_file_read(f, front, sizeof(front), 0);
	crash_file_read(f, tail, sizeof(tail), crash_file_size(f) - 512);
	if (memcmp(front, tail, sizeof(front)))
		crash_fail(fail, "the footers differ");
	if (r->file_size && crash_file_size(f) != r->file_size)
		crash_fail(fail, "the file has 0x%" PRIx64 " bytes instead of"
			   " 0x%" PRIx64, crash_file_size(f), r->file_size);
}

static bool is_own(struct vhd_image *img, uint64_t off, uint64_t len)
{
	struct vhd_extent ext;
	bool own = false;
	size_t n;

	for (; !own && len; off += ext.len, len -= ext.len) {
		CRASH_NEED(!vhd_resolve(img, off, len, &ext, 1, &n, NULL) && n);
		own = ext.kind == VHD_EXTENT_DATA && !ext.layer;
	}
	return own;
}

static void judge_uncovered(const struct crash_reshape *r,
			    struct vhd_image *img, struct crash_failure *fail)
{
	uint64_t off, len;

	for (unsigned k = 0; crash_reshape_uncovered(r, k, &off, &len); k++) {
		if (is_own(img, off, len))
			crash_fail(fail, "bytes at 0x%" PRIx64 " are not given "
				   "up", off);
	}
}

/* All of the key and the marker, or nothing. */
static void judge_key(const struct crash_reshape *r, struct vhd_image *img,
		      bool done, struct crash_failure *fail)
{
	const struct vhd1 *v = img->layers[0].eng;
	bool set = v->batmap.marker == 3, keyed = crash_reshape_keyed(r);
	uint8_t hash = set && keyed ? 0x5d : 0, nonce = set && keyed ? 0x2c : 0;
	bool ok = (set || !done) && (v->batmap.key_cookie == 1) ==
				    (set && keyed);

	for (size_t i = 0; i < sizeof(v->batmap.key_hash); i++)
		ok &= v->batmap.key_hash[i] == hash &&
		      v->batmap.key_nonce[i] == nonce;
	if (v->has_batmap && !ok)
		crash_fail(fail, "a part of the key is there");
}

/* What the record has of a power cut: a file's footer may have to be repaired. */
static void judge_strict(const struct crash_reshape *r, struct crash_file *f,
			 bool done, struct crash_failure *fail)
{
	struct vhd_error why = { 0 };

	if (!crash_reshape_is_told(r, f, !done, !done, &why))
		crash_fail(fail, "Xen's check says: %s", why.msg);
}

void crash_reshape_xen_judge(const struct crash_reshape *r,
			     struct crash_file *f, struct vhd_image *img,
			     bool done, struct crash_failure *fail)
{
	struct vhd_usage use = { 0 };
	struct vhd_layer *top = &img->layers[0];

	if (crash_reshape_relinks(r))
		judge_parent(r, img, done, fail);
	if (r->verb == CRASH_HIDE)
		judge_flag(r, f, done, fail);
	if (r->verb == CRASH_KEY)
		judge_key(r, img, done, fail);
	if (r->verb == CRASH_UNCOVER && done)
		judge_uncovered(r, img, fail);
	if (r->strict)
		judge_strict(r, f, done, fail);
	if (done && (r->verb == CRASH_FOOTERS || r->verb == CRASH_FORGET ||
		     r->verb == CRASH_HIDE))
		judge_footers(r, f, fail);
	if (!done || r->verb != CRASH_FORGET)
		return;
	CRASH_NEED(!top->ops->usage(top->eng, UINT64_C(1) << 20, &use, NULL));
	if (use.blocks_data)
		crash_fail(fail, "it has %" PRIu64 " blocks", use.blocks_data);
}
