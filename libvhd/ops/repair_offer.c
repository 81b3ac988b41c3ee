/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the owner could mend by naming the parent.
 *
 * An engine sees one file, and in it a link may look sound that leads nowhere;
 * only opening the chain tells.  Nothing is done about it here: the step is
 * offered, and made by the engine when the parent has been named.
 */
#include <stdio.h>

#include "ops/repair.h"

/* What the two formats call it. */
static enum vhd_rule_idx missing(const struct vhd_layer *child,
				 const struct vhd_parent_ref *ref)
{
	if (child->format == VHD_FORMAT_VHDX)
		return RULE_VHDX_PARENT_MISSING;
	return ref->locator_count ? RULE_VHD1_PARENT_MISSING
				  : RULE_VHD1_LOCATOR_NONE;
}

static bool is_wrong_id(const struct vhd_rule *rule)
{
	return rule == vhd_rule_get(RULE_VHD1_PARENT_ID) ||
	       rule == vhd_rule_get(RULE_VHDX_PARENT_ID);
}

/* The parent could not be opened, for the reason @e. */
static void offer_other(struct vhd_mend *m, const struct vhd_layer *child,
			const struct vhd_error *e)
{
	struct vhd_parent_ref ref = { 0 };
	enum vhd_rule_idx rule;

	if (e->code != VHD_E_PARENT && e->code != VHD_E_FORMAT &&
	    e->code != VHD_E_NOTFILE)
		return;
	if (!child->ops->parent(child->eng, &ref))
		return;
	rule = missing(child, &ref);
	if (is_wrong_id(e->rule))
		rule = child->format == VHD_FORMAT_VHDX ? RULE_VHDX_PARENT_ID
							: RULE_VHD1_PARENT_ID;
	else if (e->rule && e->code == VHD_E_PARENT &&
		 e->rule != vhd_rule_get(RULE_VHDX_PARENT_MISSING) &&
		 e->rule != vhd_rule_get(RULE_VHD1_PARENT_MISSING))
		return;
	vhd_mend_offer_parent(m, rule,
			      "the parent is recorded anew, once it is named");
}

struct stale {
	bool vhd1_name, vhdx_path;
};

static void on_report(void *arg, uint32_t layer, const char *file,
		      const struct vhd_rule *rule, uint64_t off,
		      const char *msg)
{
	struct stale *s = arg;
	(void)file;
	(void)off;
	(void)msg;

	if (layer > 0)
		return;
	if (rule == vhd_rule_get(RULE_VHD1_PARENT_NAME))
		s->vhd1_name = true;
	else if (rule == vhd_rule_get(RULE_VHDX_PATH_STALE))
		s->vhdx_path = true;
}

/* The parent was found, though not by all that is recorded of it. */
static void offer_found(struct vhd_mend *m, const struct stale *s,
			const struct vhd_layer *parent)
{
	char msg[512];

	snprintf(msg, sizeof(msg), "the parent is recorded anew, once it is "
		 "named; it was found as \"%.380s\"",
		 vhd_io_name(parent->io));
	if (s->vhd1_name)
		vhd_mend_offer_parent(m, RULE_VHD1_PARENT_NAME, msg);
	if (s->vhdx_path)
		vhd_mend_offer_parent(m, RULE_VHDX_PATH_STALE, msg);
}

void vhd_repair_offer_parent(struct vhd_mend *m, struct vhd_io *view,
			     const struct vhd_open_opts *opts)
{
	struct vhd_error e, broken = { .code = VHD_OK };
	struct stale stale = { false, false };
	struct vhd_reporter reporter = { on_report, &stale, &broken };
	struct vhd_image *img = NULL;

	/* What keeps the image itself from being opened is told elsewhere. */
	if (vhd_image_open(view, opts, &reporter, 0, &img, &e))
		return;
	if (img->count > 1)
		offer_found(m, &stale, &img->layers[1]);
	else if (broken.code)
		offer_other(m, &img->layers[0], &broken);
	vhd_close(&img, NULL);
}
