/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rounds of an engine's repair.
 *
 * Each round the engine sees the file as the rounds before have left it, until
 * one of them has no step that is granted.  A step that cures nothing would be
 * granted again and again: a round in which nothing is granted that was not
 * granted before is the last but one, and there is a limit to all of them.
 */

#include "ops/mend.h"

enum { ROUNDS_MAX = 1000, STALE_MAX = 2 };

static const char *on_choice(void *arg, const struct vhd_rule *rule)
{
	const struct vhd_mend *m = arg;

	return m->grants->choice[rule - vhd_rules(NULL)];
}

/* What is wrong can be mended only by recording the parent anew. */
static bool names_parent(const struct vhd_rule *rule)
{
	static const enum vhd_rule_idx all[] = {
		RULE_VHD1_LOCATOR_NONE, RULE_VHD1_PARENT_MISSING,
		RULE_VHD1_PARENT_ID, RULE_VHD1_PARENT_NAME,
		RULE_VHDX_LOCATOR_MISSING, RULE_VHDX_LOCATOR_FORM,
		RULE_VHDX_LINKAGE, RULE_VHDX_PARENT_NO_PATH,
		RULE_VHDX_PARENT_MISSING, RULE_VHDX_PARENT_ID,
		RULE_VHDX_PATH_STALE,
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (vhd_rule_get(all[i]) == rule)
			return true;
	}
	return false;
}

static void tell(struct vhd_mend *m, const struct vhd_rule *rule, bool granted,
		 uint64_t off, const char *msg)
{
	const struct vhd_repair_step step = {
		.rule = rule,
		.granted = granted,
		.needs_parent = !granted && !m->req.parent && names_parent(rule),
		.off = off,
		.file = m->file,
		.msg = msg,
	};

	if (granted)
		m->steps++;
	else
		m->possible++;
	if (m->step)
		m->step(m->step_arg, &step);
}

static bool on_step(void *arg, const struct vhd_rule *rule, bool granted,
		    uint64_t off, const char *msg)
{
	struct vhd_mend *m = arg;

	if (granted && vhd_patch_bytes(m->patch) > VHD_MEND_BUDGET)
		m->full = true;
	/* What is told after this belongs to a file that is not there yet. */
	if (m->full)
		return false;
	if (granted)
		m->granted++;
	if (vhd_told_add(m->told, rule, granted, off, msg)) {
		m->news = m->news || granted;
		tell(m, rule, granted, off, msg);
	}
	return true;
}

void vhd_mend_offer_parent(struct vhd_mend *m, enum vhd_rule_idx index,
			   const char *msg)
{
	const struct vhd_rule *rule = vhd_rule_get(index);

	if (names_parent(rule) &&
	    vhd_told_add(m->told, rule, false, VHD_NO_OFFSET, msg))
		tell(m, rule, false, VHD_NO_OFFSET, msg);
}

static int on_copy(void *arg, uint64_t from, uint64_t to, uint64_t len,
		   struct vhd_error *err)
{
	struct vhd_mend *m = arg;

	return vhd_patch_copy(m->patch, from, to, len, err);
}

static int run_round(struct vhd_mend *m, struct vhd_error *err)
{
	struct vhd_io *view = NULL;
	int rc = vhd_patch_view(m->patch, &view, err);

	if (rc)
		return rc;
	m->granted = 0;
	m->news = false;
	m->req.io = view;
	m->req.mender = (struct vhd_mender){ on_choice, on_step, m };
	m->req.copy = on_copy;
	m->req.copy_arg = m;
	rc = m->engine->repair(&m->req, err);
	/* What one round did is done before what the next one does. */
	if (!rc)
		rc = vhd_io_flush(view, err);
	vhd_io_close(&view, NULL);
	m->req.io = NULL;
	return rc;
}

int vhd_mend_run(struct vhd_mend *m, struct vhd_error *err)
{
	int stale = 0, rc = 0;

	m->full = false;
	if (!m->engine || !m->engine->repair)
		return 0;
	for (int i = 0; i < ROUNDS_MAX && stale < STALE_MAX; i++) {
		rc = run_round(m, err);
		if (rc || m->full || !m->granted)
			break;
		stale = m->news ? 0 : stale + 1;
	}
	return rc;
}
