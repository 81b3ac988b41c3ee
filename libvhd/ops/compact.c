/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Compacting: a file becomes as small as its content allows.
 *
 *	walk	blocks that show nothing which would be missed are given up
 *		(compact_walk.c, compact_look.c, compact_drop.c)
 *	pack	what lies far out moves into the holes (compact_pack.c)
 *	close	the file is cut behind the last thing in it
 *
 * Each step is one that a guest's own discards, or a repair, could have made:
 * the order in which it becomes durable is the writer's and the engine's, so a
 * cut or a cancel at any moment leaves a sound image, and the same call goes on
 * from there.  Nothing is written to an image that is compact: not a header.
 *
 * A dry run is the same walk; what its packing would save is a sum
 * (compact_room.c).
 */
#include "ops/compact.h"

#include <string.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "base/opts.h"
#include "base/rules.h"
#include "io/io_posix.h"
#include "ops/compact_priv.h"
#include "ops/kin.h"
#include "vhd/ops.h"

int vhd_compact_tell(const struct compact *c, uint64_t done, uint64_t total,
		     struct vhd_error *err)
{
	if (!c->opts->progress ||
	    c->opts->progress(c->opts->progress_arg, done, total))
		return 0;
	return vhd_fail(err, VHD_E_CANCELLED, "cancelled");
}

/* Is there anything to win, by the kind of the image? */
static int check_kind(struct vhd_image *img, struct vhd_info *info,
		      struct vhd_error *err)
{
	int rc = vhd_layer_info(img, 0, info, err);

	if (rc)
		return rc;
	if (info->format == VHD_FORMAT_RAW)
		return vhd_fail(err, VHD_E_UNSUPPORTED,
				"it is a raw disk, which has no blocks to give "
				"up; converted to a dynamic image it takes no "
				"more room than what is in it");
	if (info->type == VHD_TYPE_FIXED)
		return vhd_fail(err, VHD_E_UNSUPPORTED,
				"it is a fixed image, whose %llu bytes are all "
				"reserved; convert it to a dynamic one",
				(unsigned long long)info->virtual_size);
	return 0;
}

/*
 * What is unused on the disk may be about to be read: by a child, or by the
 * memory of a machine that sleeps, which has these file systems mounted
 * (VHD-R-7).
 */
static int check_users(struct compact *c, const struct vhd_info *info,
		       struct vhd_error *err)
{
	if (!c->opts->unused)
		return 0;
	if (info->format == VHD_FORMAT_VHD && info->vhd.saved_state)
		return vhd_fail(err, VHD_E_REFUSED,
				"it belongs to a machine whose state is saved, "
				"and which may use more of the disk than its "
				"file systems say");
	return vhd_kin_refuse(c->img, c->opts->flags, err);
}

static int prepare(struct compact *c, struct vhd_error *err)
{
	const struct vhd_compact_opts *opts = c->opts;
	struct vhd_info info = { .size = sizeof(info) };
	int rc = check_kind(c->img, &info, err);

	if (rc)
		return rc;
	c->dry = opts->flags & VHD_CHANGE_DRY_RUN;
	c->child = info.has_parent;
	c->block_size = info.block_size;
	c->blocks = div_ceil(c->img->size, c->block_size);
	c->ranges = vhd_alloc_array(COMPACT_RANGES, sizeof(*c->ranges));
	c->buf = vhd_alloc_aligned(4096, COMPACT_BUFFER);
	c->below = vhd_alloc_aligned(4096, COMPACT_BUFFER);
	if (!c->ranges || !c->buf || !c->below)
		return vhd_fail_nomem(err);
	c->res->old_usage = c->res->new_usage = info.disk_usage;
	rc = vhd_io_size(c->io, &c->res->old_file, err);
	c->res->new_file = c->res->old_file;
	return rc ? rc : check_users(c, &info, err);
}

int vhd_compact_image(struct vhd_image *img,
		      const struct vhd_compact_opts *opts,
		      struct vhd_compact_result *res, struct vhd_error *err)
{
	struct compact c = {
		.img = img,
		.opts = opts,
		.res = res,
		.io = img->layers[0].io,
	};
	int rc;

	memset(res, 0, sizeof(*res));
	rc = prepare(&c, err);
	if (!rc && !c.dry)
		rc = vhd_compact_announce(&c, err);
	if (!rc)
		rc = vhd_compact_walk(&c, err);
	c.walked = !rc;
	if (!rc)
		rc = c.dry ? vhd_compact_estimate(&c, err)
			   : vhd_compact_pack(&c, err);
	vhd_free(c.ranges);
	vhd_free(c.buf);
	vhd_free(c.below);
	return rc ? vhd_err_file(err, rc, vhd_io_name(img->layers[0].io)) : 0;
}

static int opts_get(const struct vhd_compact_opts *in,
		    struct vhd_compact_opts *out, struct vhd_open_opts *open,
		    struct vhd_error *err)
{
	const uint32_t known = VHD_CHANGE_DRY_RUN | VHD_CHANGE_ORPHAN |
			       VHD_CHANGE_ZERO_SCAN | VHD_CHANGE_CUT;
	int rc;

	rc = VHD_OPTS_COPY(vhd_compact_opts, open, in, out, err);
	if (!rc)
		rc = vhd_flags_check(out->flags, known, "flags", err);
	if (!rc)
		rc = vhd_open_opts_get(out->open, open, err);
	if (rc)
		return rc;
	open->flags &= ~(uint32_t)(VHD_OPEN_RDWR | VHD_OPEN_THREAD);
	/* The footer says how large the disk is, not the geometry: VHD-C-15. */
	open->size_rule = VHD_SIZE_CURRENT;
	if (!(out->flags & VHD_CHANGE_DRY_RUN)) {
		open->flags &= ~(uint32_t)VHD_OPEN_NO_LOCK;
		open->flags |= VHD_OPEN_RDWR;
	}
	return 0;
}

/* What speaks against it: a file with damage holds more than its table says. */
struct doubt {
	struct vhd_error why;
	bool cut;			/* what belongs to no block may go */
};

static void on_finding(void *arg, const struct vhd_finding *f)
{
	struct doubt *d = arg;
	struct vhd_error *why = &d->why;
	bool lost = !d->cut &&
		    (f->rule == vhd_rule_get(RULE_VHD1_TABLE_LOST) ||
		     f->rule == vhd_rule_get(RULE_VHDX_TABLE_LOST));

	if (why->code || f->layer ||
	    (f->rule->severity < VHD_SEV_ERROR && !lost))
		return;
	vhd_fail(why, VHD_E_CORRUPT, "%s", f->msg);
	why->rule = f->rule;
	why->off = f->off;
}

/* Space that belongs to no block is given up: it must not be a lost block's. */
static int check_sound(const char *path, const struct vhd_open_opts *open,
		       bool cut, struct vhd_error *err)
{
	struct vhd_check_opts o = VHD_CHECK_OPTS_INIT;
	struct doubt d = { .why = { .code = VHD_OK }, .cut = cut };
	struct vhd_open_opts reading = *open;
	struct vhd_check_result res;
	int rc;

	reading.flags &= ~(uint32_t)VHD_OPEN_RDWR;
	reading.log = NULL;
	o.open = &reading;
	o.finding = on_finding;
	o.finding_arg = &d;
	rc = vhd_check(path, &o, &res, err);
	if (!rc && d.why.code && err)
		*err = d.why;
	return rc ? rc : d.why.code;
}

/* What is left of the file. */
static int look_again(const char *path, struct vhd_compact_result *res,
		      struct vhd_error *err)
{
	struct vhd_io *io = NULL;
	int rc = vhd_io_open_posix(path, 0, &io, err);

	if (!rc)
		rc = vhd_io_size(io, &res->new_file, err);
	if (!rc)
		res->new_usage = vhd_io_disk_usage(io);
	vhd_io_close(&io, NULL);
	return rc;
}

int vhd_compact(const char *path, const struct vhd_compact_opts *opts,
		struct vhd_compact_result *result_out, struct vhd_error *err)
{
	struct vhd_compact_result res;
	struct vhd_compact_opts o;
	struct vhd_open_opts open;
	struct vhd_image *img = NULL;
	int rc, rc2;

	if (!path)
		return vhd_fail(err, VHD_E_INVAL, "no file is named");
	rc = opts_get(opts, &o, &open, err);
	if (!rc)
		rc = check_sound(path, &open, o.flags & VHD_CHANGE_CUT, err);
	if (!rc)
		rc = vhd_open(path, &open, &img, err);
	if (rc)
		return vhd_err_file(err, rc, path);
	rc = vhd_compact_image(img, &o, &res, err);
	rc2 = vhd_close(&img, rc ? NULL : err);
	rc = rc ? rc : rc2;
	if (!rc && !(o.flags & VHD_CHANGE_DRY_RUN))
		rc = look_again(path, &res, err);
	if (rc)
		return vhd_err_file(err, rc, path);
	if (result_out)
		*result_out = res;
	return 0;
}
