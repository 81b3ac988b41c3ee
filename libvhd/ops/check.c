/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Check in two passes.  The first opens the image alone and asks its engine
 * for everything that is wrong with it; a file that cannot be opened because a
 * rule is broken has just that finding.  The second opens the whole chain, for
 * what can only be seen from both sides of a link, and checks the parents if it
 * is asked to; of a chain that breaks, as many as there are above the break.
 */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/opts.h"
#include "image/image_priv.h"
#include "io/path.h"
#include "ops/check.h"
#include "ops/merge_unfinished.h"
#include "vhd/ops.h"

/* All of a table of 2 TiB in blocks of 512 KiB; taken as far as it is needed. */
#define TABLE_CACHE (UINT64_C(16) << 20)

struct check {
	struct vhd_check_opts opts;
	struct vhd_open_opts open;
	struct vhd_check_result *result;
	const struct vhd_check_source *src;	/* NULL: a pass is all there is */
	bool links;	/* second pass: layer 0's own findings are known */
};

static void finding(struct check *c, uint32_t layer, const char *file,
		    const struct vhd_rule *rule, uint64_t off, const char *msg)
{
	const struct vhd_finding f = { rule, layer, off, file, msg };

	c->result->count[rule->severity]++;
	if (c->opts.finding)
		c->opts.finding(c->opts.finding_arg, &f);
}

/* True for rules about how two layers fit, which only the chain can judge. */
static bool is_link_rule(const struct vhd_rule *rule)
{
	static const enum vhd_rule_idx links[] = {
		RULE_VHD1_PARENT_SIZE, RULE_VHD1_PARENT_LARGER,
		RULE_VHD1_PARENT_TIME, RULE_VHD1_PARENT_NEWER,
		RULE_VHD1_ID_OF_PARENT, RULE_VHD1_PARENT_NAME,
		RULE_VHDX_PARENT_SIZE, RULE_VHDX_PARENT_DISK_ID,
		RULE_VHDX_PARENT_PENDING, RULE_VHDX_PARENT_TIME,
		RULE_VHDX_PATH_STALE,
	};
	size_t i;

	for (i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		if (vhd_rule_get(links[i]) == rule)
			return true;
	}
	return false;
}

static void on_report(void *arg, uint32_t layer, const char *file,
		      const struct vhd_rule *rule, uint64_t off,
		      const char *msg)
{
	struct check *c = arg;
	bool chain = c->opts.flags & VHD_CHECK_CHAIN;

	if (c->links && layer == 0 && !is_link_rule(rule))
		return;
	if (layer > 0 && !chain)
		return;
	finding(c, layer, file, rule, off, msg);
}

/* An error that a rule explains is a finding; anything else ends the check. */
static int error_as_finding(struct check *c, uint32_t layer, int rc,
			    const struct vhd_error *e, struct vhd_error *err)
{
	if (!rc)
		return 0;
	if (e->rule) {
		finding(c, layer, e->file, e->rule, e->off, e->msg);
		return 0;
	}
	if (err)
		*err = *e;
	return rc;
}

/* What an engine reports while it checks, with layer and file added. */
struct layer_sink {
	struct check *check;
	uint32_t layer;
	const char *file;
};

static void on_engine(void *arg, const struct vhd_rule *rule, uint64_t off,
		      const char *msg)
{
	const struct layer_sink *s = arg;

	finding(s->check, s->layer, s->file, rule, off, msg);
}

static int check_layer(struct check *c, struct vhd_image *img, uint32_t index,
		       struct vhd_error *err)
{
	struct vhd_layer *layer = &img->layers[index];
	struct layer_sink sink = { c, index, vhd_io_name(layer->io) };
	struct vhd_engine_check req = {
		.now = c->opts.now,
		.deep = c->opts.flags & VHD_CHECK_DEEP,
		.sink = { on_engine, &sink },
		.progress = c->opts.progress,
		.progress_arg = c->opts.progress_arg,
	};
	struct vhd_error e;
	int rc = 0;

	if (layer->ops->check)
		rc = layer->ops->check(layer->eng, &req, &e);
	c->result->blocks += req.blocks;
	c->result->layers++;
	if (rc)
		vhd_err_file(&e, rc, vhd_io_name(layer->io));
	return error_as_finding(c, index, rc, &e, err);
}

/* @broken: why a chain goes no further than it was opened; or NULL. */
static int open_image(struct check *c, struct vhd_io *io, uint32_t flags,
		      struct vhd_error *broken, struct vhd_image **img_out,
		      struct vhd_error *err)
{
	struct vhd_open_opts open = c->open;
	struct vhd_reporter reporter = { on_report, c, broken };

	open.flags |= flags;
	/* Blocks are looked at by place, so entries in any order.  Of a chain
	 * that would be too much. */
	if (!open.cache_bytes && flags & VHD_OPEN_NO_PARENT)
		open.cache_bytes = TABLE_CACHE;
	return vhd_image_open(io, &open, &reporter, c->opts.now, img_out, err);
}

/* Windows' change tracking beside the image (VHDX-WIN-05). */
static void look_beside(struct check *c, const char *path)
{
	static const char *const exts[] = { ".rct", ".mrt" };
	size_t i;

	for (i = 0; i < sizeof(exts) / sizeof(exts[0]); i++) {
		char name[4096];
		int n = snprintf(name, sizeof(name), "%s%s", path, exts[i]);

		if (n > 0 && (size_t)n < sizeof(name) && vhd_path_exists(name))
			finding(c, 0, path,
				vhd_rule_get(RULE_VHDX_SIDE_FILE),
				VHD_NO_OFFSET,
				"a change tracking file of Windows lies beside "
				"the image; it is of no use once another "
				"system has written to the disk");
	}
}

/* A merge that was interrupted, into one of the layers from @from on. */
static int look_for_merge(struct check *c, const struct vhd_image *img,
			  uint32_t from, struct vhd_error *err)
{
	const struct vhd_layer *top = &img->layers[0];
	bool vhd1 = top->format == VHD_FORMAT_VHD;
	struct vhd_unfinished p;
	enum vhd_rule_idx rule;
	char msg[512];
	int rc = vhd_unfinished_find(img, from, &p, err);

	if (rc || p.into < 0)
		return rc;
	if (p.merged < 0)
		rule = vhd1 ? RULE_VHD1_MERGE_TORN : RULE_VHDX_MERGE_TORN;
	else
		rule = vhd1 ? RULE_VHD1_MERGE_UNFINISHED :
			      RULE_VHDX_MERGE_UNFINISHED;
	vhd_unfinished_say(img, &p, msg, sizeof(msg));
	finding(c, 0, vhd_io_name(top->io), vhd_rule_get(rule), VHD_NO_OFFSET,
		msg);
	return 0;
}

/* @beside: name of the file that others may lie beside; or NULL. */
static int check_alone(struct check *c, struct vhd_io *io, const char *beside,
		       bool *has_parent_out, struct vhd_error *err)
{
	struct vhd_image *img = NULL;
	struct vhd_error e;
	int rc = open_image(c, io, VHD_OPEN_NO_PARENT, NULL, &img, &e);

	*has_parent_out = false;
	rc = error_as_finding(c, 0, rc, &e, err);
	if (rc || !img)
		return rc;
	*has_parent_out = img->torn;
	if (beside && img->layers[0].format == VHD_FORMAT_VHDX)
		look_beside(c, beside);
	if (beside)
		rc = look_for_merge(c, img, 0, err);
	if (!rc)
		rc = check_layer(c, img, 0, err);
	vhd_close(&img, NULL);
	return rc;
}

/* What lies where the parent should be is none, or cannot be looked at. */
static void tell_no_parent(const struct vhd_layer *low, const char *verdict,
			   struct vhd_error *e)
{
	struct vhd_error why = *e;

	vhd_fail_code_rule(e, e->code, low->format == VHD_FORMAT_VHD ?
				RULE_VHD1_PARENT_MISSING :
				RULE_VHDX_PARENT_MISSING, VHD_NO_OFFSET,
			   "%s %s: %.300s", why.file, verdict, why.msg);
	vhd_err_file(e, e->code, vhd_io_name(low->io));
}

/*
 * Where a chain breaks.  It is the lowest layer that lacks its parent, unless
 * the parent's file itself is what is wrong.
 */
static int tell_break(struct check *c, const struct vhd_image *img,
		      struct vhd_error *e, struct vhd_error *err)
{
	const struct vhd_layer *low = &img->layers[img->count - 1];
	bool vhd1 = low->format == VHD_FORMAT_VHD;
	bool own;

	if (e->code == VHD_E_FORMAT || e->code == VHD_E_NOTFILE)
		tell_no_parent(low, "is no parent", e);
	else if (c->src->tolerant && !e->rule && e->code != VHD_E_NOMEM)
		tell_no_parent(low, "cannot be looked at", e);
	if (e->code == VHD_E_BUSY && vhd1)
		e->rule = vhd_rule_get(RULE_VHD1_PARENT_IN_USE);
	else if (vhd1 && img->count > 1 &&
		 e->rule == vhd_rule_get(RULE_VHD1_PARENT_MISSING))
		e->rule = vhd_rule_get(RULE_VHD1_ANCESTOR_MISSING);
	own = !strcmp(e->file, vhd_io_name(low->io));
	return error_as_finding(c, img->count - (own ? 1 : 0), e->code, e,
				err);
}

static int check_chain(struct check *c, struct vhd_error *err)
{
	struct vhd_error e, broken = { .code = VHD_OK };
	struct vhd_image *img = NULL;
	struct vhd_io *io = NULL;
	uint32_t i;
	int rc;

	c->links = true;
	rc = c->src->open(c->src->arg, &c->open, &io, &e);
	if (!rc)
		rc = open_image(c, io, 0, &broken, &img, &e);
	if (rc)
		return error_as_finding(c, 0, rc, &e, err);
	rc = look_for_merge(c, img, 1, err);
	if (c->opts.flags & VHD_CHECK_CHAIN) {
		for (i = 1; !rc && i < img->count; i++)
			rc = check_layer(c, img, i, err);
	}
	if (!rc && broken.code)
		rc = tell_break(c, img, &broken, err);
	vhd_close(&img, NULL);
	return rc;
}

static int check_init(struct check *c, const struct vhd_check_opts *opts,
		      struct vhd_check_result *result, struct vhd_error *err)
{
	const uint32_t known = VHD_CHECK_CHAIN | VHD_CHECK_DEEP;
	int rc;

	*c = (struct check){ .result = result };
	memset(result, 0, sizeof(*result));
	rc = VHD_OPTS_COPY(vhd_check_opts, now, opts, &c->opts, err);
	if (!rc)
		rc = vhd_flags_check(c->opts.flags, known, "check flags", err);
	return rc ? rc : vhd_open_opts_get(c->opts.open, &c->open, err);
}

int vhd_check_io(struct vhd_io *io, const struct vhd_check_opts *opts,
		 struct vhd_check_result *result_out, struct vhd_error *err)
{
	struct check c;
	bool has_parent;
	int rc = check_init(&c, opts, result_out, err);

	if (rc) {
		vhd_io_close(&io, NULL);
		return rc;
	}
	return check_alone(&c, io, NULL, &has_parent, err);
}

int vhd_check_from(const struct vhd_check_source *src,
		   const struct vhd_check_opts *opts,
		   struct vhd_check_result *result_out, struct vhd_error *err)
{
	struct vhd_io *io = NULL;
	struct check c;
	bool has_parent;
	int rc = check_init(&c, opts, result_out, err);

	c.src = src;
	if (!rc)
		rc = src->open(src->arg, &c.open, &io, err);
	if (rc)
		return rc;
	rc = check_alone(&c, io, src->path, &has_parent, err);
	if (!rc && has_parent && !(c.open.flags & VHD_OPEN_NO_PARENT))
		rc = check_chain(&c, err);
	return rc;
}

static int open_named(void *arg, const struct vhd_open_opts *open,
		      struct vhd_io **io_out, struct vhd_error *err)
{
	const char *const *path = arg;

	return vhd_image_io(*path, open, io_out, err);
}

int vhd_check(const char *path, const struct vhd_check_opts *opts,
	      struct vhd_check_result *result_out, struct vhd_error *err)
{
	const struct vhd_check_source src = {
		.open = open_named,
		.arg = &path,
		.path = path,
	};

	if (!path || !result_out)
		return vhd_fail(err, VHD_E_INVAL, "no file is named");
	return vhd_check_from(&src, opts, result_out, err);
}
