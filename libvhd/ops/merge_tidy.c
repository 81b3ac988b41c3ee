/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When all is in the ancestor.  Each step may have been done by a call that was
 * interrupted later: files are removed from the ancestor upwards, so that who
 * names the merged image again finds what is left.
 */
#include <errno.h>
#include <string.h>

#include "base/fail.h"
#include "base/guid.h"
#include "io/path.h"
#include "io/stat.h"
#include "ops/merge.h"
#include "ops/reparent.h"

static bool dry(const struct vhd_merge *m)
{
	return m->opts.flags & VHD_CHANGE_DRY_RUN;
}

static int relink(struct vhd_merge *m, struct vhd_error *err)
{
	const struct vhd_merge_layer *to = &m->layer[m->into];
	struct vhd_open_opts open;
	int rc = 0;

	vhd_merge_open_opts(m, m->into, &open);
	/* Of the child, that is. */
	open.format = VHD_FORMAT_AUTO;
	for (size_t i = 0; !rc && i < m->children.count; i++) {
		bool changed = true;

		if (!dry(m))
			rc = vhd_reparent(m->children.name[i], to->path, &open,
					  0, &changed, err);
		if (!rc && changed)
			m->result.relinked++;
	}
	return rc;
}

static int remove_one(struct vhd_merge *m, const struct vhd_merge_layer *l,
		      struct vhd_error *err)
{
	struct vhd_file_id id = { 0 };

	vhd_path_file_id(l->path, &id);
	if (!vhd_file_id_same(&id, &l->file))
		return vhd_err_file(err, vhd_fail(err, VHD_E_BUSY,
				    "another file has taken the place of this "
				    "one, which is spent, and stays"), l->path);
	vhd_merge_note(m, l->path, "is removed");
	if (!dry(m) && !vhd_path_remove(l->path))
		return vhd_err_file(err, vhd_fail_errno(err, errno,
				    VHD_NO_OFFSET, "cannot remove this file, "
				    "which is spent"), l->path);
	m->result.removed++;
	return 0;
}

/* A spent image that nothing else tells from one that is to be merged. */
static bool looks_alive(const struct vhd_merge *m)
{
	const struct vhd_merge_layer *top = &m->layer[0];

	return !(m->opts.flags & VHD_MERGE_DELETE) &&
	       (!vhd_guid_equal(&top->id, &m->layer[m->into].id) ||
		vhd_guid_is_zero(&top->id));
}

int vhd_merge_tidy(struct vhd_merge *m, struct vhd_error *err)
{
	int rc = relink(m, err);

	for (uint32_t i = m->into; !rc && i > 0; i--) {
		if (m->opts.flags & VHD_MERGE_DELETE)
			rc = remove_one(m, &m->layer[i - 1], err);
		else
			vhd_merge_note(m, m->layer[i - 1].path, "is spent, and "
				       "no use any more: remove it%s",
				       dry(m) ? " then" : "");
	}
	if (!rc && !dry(m) && !looks_alive(m))
		vhd_mark_remove(m->layer[m->into].path);
	return rc;
}
