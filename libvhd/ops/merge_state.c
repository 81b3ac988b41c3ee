/* SPDX-License-Identifier: BSD-2-Clause */
/* What a mark that an earlier merge has left says to this one. */
#include <errno.h>
#include <inttypes.h>

#include "base/alloc.h"
#include "base/ckd.h"
#include "base/fail.h"
#include "base/fnv.h"
#include "base/guid.h"
#include "io/path.h"
#include "io/stat.h"
#include "ops/merge.h"

/*
 * Somebody else may have written to the ancestor since.  While it is worked on
 * the mark is hardly older than this, so a younger file is no longer ours, or is
 * copied to from the beginning.  Who was quicker is met by vhd_merge_holds().
 */
enum { MARK_SECONDS = 10 };
#define NS_PER_S INT64_C(1000000000)

uint64_t vhd_merge_digest(const struct vhd_merge *m, uint32_t count)
{
	uint64_t h = VHD_FNV_INIT;

	for (uint32_t i = 0; i < count; i++) {
		const struct vhd_merge_layer *l = &m->layer[i];

		h = vhd_fnv(h, l->id.b, sizeof(l->id.b));
		h = vhd_fnv(h, &l->file_size, sizeof(l->file_size));
		h = vhd_fnv(h, &l->mtime_ns, sizeof(l->mtime_ns));
	}
	return h;
}

/*
 * Is the merged image of the mark one of those that are merged now?  A VHDX has
 * another identity when it was written to meanwhile, and is the same file.
 */
static bool is_ours(const struct vhd_merge *m, const struct vhd_mark_facts *f)
{
	for (uint32_t i = 0; i < m->into; i++) {
		if (vhd_guid_equal(&m->layer[i].id, &f->top) ||
		    (f->top_birth && m->layer[i].format == VHD_FORMAT_VHDX &&
		     vhd_path_birth(m->layer[i].path) == f->top_birth))
			return true;
	}
	return false;
}

/*
 * The ancestor took in another image, from above this one or beside it.  A layer
 * right on it that has not changed since then was merged as well, or was spoilt
 * by it; one that was made or relinked later is good, with all above it.
 */
static int refuse_spent(const struct vhd_merge *m,
			const struct vhd_mark_facts *f, struct vhd_error *err)
{
	const struct vhd_merge_layer *l = &m->layer[m->into - 1];
	const char *name = vhd_path_base(m->layer[m->into].path);

	if (l->mtime_ns >= f->into_mtime || m->opts.flags & VHD_CHANGE_ORPHAN)
		return 0;
	return vhd_err_file(err, vhd_fail(err, VHD_E_REFUSED,
		"another image was merged into \"%.120s\" after this one was "
		"last changed, so it is spent: remove it, or \"%.120s.merge\" "
		"if it shall be merged all the same", name, name), l->path);
}

/*
 * Whether the machine ran on with the ancestor, or somebody put an old one in
 * its place, looks the same here.  Nothing is copied; nothing is removed.
 */
static int refuse_delete(const struct vhd_merge *m, struct vhd_error *err)
{
	const char *name = vhd_path_base(m->layer[m->into].path);

	return vhd_err_file(err, vhd_fail(err, VHD_E_REFUSED,
		"the image was merged into \"%.120s\" before, and that was "
		"changed since: if it is the disk now, remove this image and "
		"\"%.120s.merge\"", name, name), m->layer[0].path);
}

/*
 * All was in the ancestor, and that does not grow stale: it is the disk since,
 * and what the merged image holds may be older by now.  An image that was
 * changed instead of its ancestor is merged again.
 */
static int read_done(struct vhd_merge *m, const struct vhd_mark_facts *f,
		     struct vhd_error *err)
{
	const struct vhd_merge_layer *to = &m->layer[m->into];
	bool untouched, same_top;
	int rc;

	if (!vhd_guid_equal(&f->top, &m->layer[0].id))
		return refuse_spent(m, f, err);
	untouched = vhd_path_state(to->path) == f->into_state;
	same_top = f->top_state == vhd_merge_digest(m, 1);
	m->done = same_top && (untouched || vhd_mark_fits(f, to->path));
	if (m->done && !untouched && m->opts.flags & VHD_MERGE_DELETE)
		return refuse_delete(m, err);
	if (m->done || untouched)
		return 0;
	rc = vhd_fail(err, VHD_E_REFUSED, "the image was merged into \"%.120s\" "
		      "before, and %s since: \"%.120s.merge\" "
		      "is to be removed if it shall be merged again",
		      vhd_path_base(to->path), same_top ?
		      "that was replaced or restored" : "both were changed",
		      vhd_path_base(to->path));
	return vhd_err_file(err, rc, m->layer[0].path);
}

/*
 * An interrupted merge of another image has left the ancestor as neither it nor
 * what is to be merged now can use it: that one comes first.
 */
int vhd_merge_read_mark(struct vhd_merge *m, struct vhd_error *err)
{
	const struct vhd_merge_layer *to = &m->layer[m->into];
	struct vhd_mark_facts f;
	bool found;
	int rc = vhd_mark_find(to->path, &f, &found, err);

	if (rc || !found || !vhd_guid_equal(&f.into, &to->id))
		return rc;
	if (f.stage == VHD_MARK_DONE)
		return read_done(m, &f, err);
	if (!is_ours(m, &f)) {
		if (m->opts.flags & VHD_CHANGE_ORPHAN)
			return 0;
		rc = vhd_fail(err, VHD_E_REFUSED, "a merge of another image "
			      "into this one was interrupted and has to be "
			      "finished first");
		return vhd_err_file(err, rc, to->path);
	}
	if (vhd_guid_equal(&f.top, &m->layer[0].id) &&
	    f.layers == vhd_merge_digest(m, m->into) &&
	    vhd_mark_fits(&f, to->path) &&
	    to->mtime_ns / NS_PER_S <= f.time + MARK_SECONDS)
		m->from = min_u64(f.pos, m->layer[0].size);
	return 0;
}

bool vhd_merge_is_spent(const struct vhd_merge *m, uint32_t idx,
			const char *child)
{
	const struct vhd_merge_layer *to = &m->layer[idx];
	struct vhd_mark_facts f;
	bool found;

	return !vhd_mark_find(to->path, &f, &found, NULL) && found &&
	       f.stage == VHD_MARK_DONE && vhd_guid_equal(&f.into, &to->id) &&
	       f.top_birth && vhd_path_birth(child) == f.top_birth;
}

static int fail_gone(struct vhd_error *err, const char *into,
		     const struct vhd_mark_facts *f)
{
	if (!into)
		vhd_fail(err, VHD_E_IO, "there is no such file; if it was "
			 "merged and removed before, that is done, and its disk "
			 "is that of the image it was merged into");
	else if (f && f->stage == VHD_MARK_COPY)
		vhd_fail(err, VHD_E_IO, "there is no such file; a merge into "
			 "\"%.120s\" was interrupted after %" PRIu64 " bytes, "
			 "and cannot be finished without the image that was "
			 "merged: restore \"%.120s\" from a backup, then remove "
			 "\"%.120s.merge\"", into, f->pos, into, into);
	else
		vhd_fail(err, VHD_E_IO, "there is no such file; if it was "
			 "merged into \"%.120s\" and removed before, that is "
			 "done: no merge into that one is unfinished%s%.120s%s",
			 into, f ? ", and \"" : "", f ? into : "",
			 f ? ".merge\" may be removed once the merged image is "
			     "gone" : "");
	if (err)
		err->os_errno = ENOENT;
	return VHD_E_IO;
}

/* A file that may lie under some name in one of the directories. */
struct hunt {
	const char *dir;
	uint64_t birth;
	bool nomem, found;
};

static bool on_name(void *arg, const char *name)
{
	struct hunt *h = arg;
	char *path = vhd_path_join(h->dir, name);

	h->nomem = !path;
	h->found = path && vhd_path_birth(path) == h->birth;
	vhd_free(path);
	return !h->nomem && !h->found;
}

/* Is no file beside @path the one that was made as @birth says? */
static bool none_beside(const char *path, uint64_t birth)
{
	char *dir = vhd_path_dir(path);
	struct hunt h = { .dir = dir, .birth = birth, .nomem = !dir };

	if (dir)
		vhd_path_list(dir, on_name, &h);
	vhd_free(dir);
	return !h.nomem && !h.found;
}

/*
 * May the mark go?  Where the ancestor has the identity of what was merged, that
 * tells spent images.  Where it has its own one or none, it is the mark alone that
 * keeps them from being merged once more: it goes if they were to be removed, the
 * ancestor is as the merge has left it, and the merged image is nowhere near.
 */
static bool is_left_over(const struct vhd_merge *m, const char *path,
			 const struct vhd_guid *id,
			 const struct vhd_mark_facts *f)
{
	if (f->stage != VHD_MARK_DONE)
		return false;
	if (vhd_guid_equal(&f->top, id) && !vhd_guid_is_zero(id))
		return true;
	return m->opts.flags & VHD_MERGE_DELETE &&
	       vhd_guid_equal(&f->into, id) &&
	       vhd_path_state(path) == f->into_state && f->top_birth &&
	       none_beside(m->path, f->top_birth) &&
	       none_beside(path, f->top_birth);
}

int vhd_merge_look_gone(struct vhd_merge *m, struct vhd_error *err)
{
	struct vhd_open_opts open = m->open;
	struct vhd_image *into = NULL;
	struct vhd_mark_facts f;
	const struct vhd_guid *id;
	const char *path;
	bool found;
	int rc;

	open.flags |= VHD_OPEN_NO_PARENT | VHD_OPEN_ALLOW_RAW;
	open.format = VHD_FORMAT_AUTO;
	open.parents = NULL;
	if (!m->opts.into || vhd_open(m->opts.into, &open, &into, NULL))
		return fail_gone(err, NULL, NULL);
	path = vhd_io_name(into->layers[0].io);
	id = &into->layers[0].id;
	rc = vhd_mark_find(path, &f, &found, err);
	m->gone = !rc && found && is_left_over(m, path, id, &f);
	if (m->gone) {
		vhd_merge_note(m, path, "has all of an image that was merged "
			       "into it and removed before");
		if (!(m->opts.flags & VHD_CHANGE_DRY_RUN))
			vhd_mark_remove(path);
	} else if (!rc) {
		found = found && vhd_guid_equal(&f.into, id);
		rc = fail_gone(err, vhd_path_base(path), found ? &f : NULL);
	}
	vhd_close(&into, NULL);
	return rc;
}
