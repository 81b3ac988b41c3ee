/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Merging, and what is left at each moment when it is interrupted:
 *
 *	link	the layer above the ancestor learns a second identity for it
 *		(VHDX-MRG-02): the chain opens, with the first one
 *	mark	NAME.merge says who is merged: no other merge may come between
 *	work	the ancestor has that second identity and changes; whatever is
 *		changed the layers above cover, so the merged image shows what
 *		it did.  The mark says from time to time how far it is
 *	last	the ancestor takes over the identity of the merged image, when
 *		all is durable: the layers are spent, the ancestor is the disk
 *	tidy	its children get another path, files and the mark are removed
 *
 * A VHD's identity does not change when it is written to: it has no link step.
 * The same call again looks at the identities to see which step comes next.
 */
#include "ops/merge.h"

#include <inttypes.h>
#include <time.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/guid.h"
#include "base/opts.h"
#include "image/change.h"
#include "io/path.h"
#include "io/stat.h"

static bool same(const struct vhd_guid *a, const struct vhd_guid *b)
{
	return vhd_guid_equal(a, b) && !vhd_guid_is_zero(a);
}

void vhd_merge_open_opts(const struct vhd_merge *m, uint32_t idx,
			 struct vhd_open_opts *out)
{
	uint32_t n = 0;

	*out = m->open;
	if (!idx)
		return;
	out->format = VHD_FORMAT_AUTO;
	while (n < idx && out->parents && out->parents[n])
		n++;
	out->parents = n == idx ? out->parents + n : NULL;
	if (m->raw && idx == m->into) {
		out->format = VHD_FORMAT_RAW;
		out->flags |= VHD_OPEN_ALLOW_RAW;
	}
}

int vhd_merge_open(const struct vhd_merge *m, uint32_t idx, uint32_t flags,
		   struct vhd_image **img_out, struct vhd_error *err)
{
	const struct vhd_merge_layer *l = &m->layer[idx];
	struct vhd_open_opts open;
	struct vhd_image *img = NULL;
	int rc;

	vhd_merge_open_opts(m, idx, &open);
	open.flags |= flags;
	rc = vhd_open(l->path, &open, &img, err);
	if (!rc && !vhd_file_id_same(&img->layers[0].file_id, &l->file))
		rc = vhd_fail(err, VHD_E_BUSY, "another file has taken this "
			      "one's place meanwhile");
	if (rc) {
		vhd_close(&img, NULL);
		return vhd_err_file(err, rc, l->path);
	}
	*img_out = img;
	return 0;
}

int vhd_merge_open_upper(const struct vhd_merge *m, uint32_t count,
			 struct vhd_image **img_out, struct vhd_error *err)
{
	struct vhd_image *all = NULL;
	int rc = vhd_merge_open(m, 0, VHD_OPEN_NO_PARENT, &all, err);

	for (uint32_t i = 1; !rc && i < count; i++) {
		struct vhd_image *one = NULL;

		rc = vhd_merge_open(m, i, VHD_OPEN_NO_PARENT, &one, err);
		if (!rc)
			rc = vhd_image_push(all, &one->layers[0], err);
		/* What was pushed is the other's now. */
		if (!rc)
			one->count = 0;
		vhd_close(&one, NULL);
	}
	for (uint32_t i = 0; !rc && i < count; i++) {
		if (!vhd_guid_equal(&all->layers[i].id, &m->layer[i].id))
			rc = vhd_err_file(err, vhd_fail(err, VHD_E_BUSY,
					  "the image was changed meanwhile"),
					  m->layer[i].path);
	}
	if (rc)
		vhd_close(&all, NULL);
	else
		*img_out = all;
	return rc;
}

/* Files that were changed this very second may change again unseen. */
static bool settled(const struct vhd_merge *m)
{
	for (uint32_t i = 0; i < m->into; i++) {
		if (m->layer[i].mtime_ns / 1000000000 >= time(NULL))
			return false;
	}
	return true;
}

struct work {
	struct vhd_merge *m;
	struct vhd_image *into;
	struct vhd_image *up;
	struct vhd_guid id;		/* of the ancestor while it changes */
	bool changes;			/* writing to it changes its identity */
	enum vhd_mark_stage stage;
};

static struct vhd_mark_facts mark_facts(const struct work *w, uint64_t pos)
{
	const char *into = w->m->layer[w->m->into].path;

	return (struct vhd_mark_facts){
		.stage = w->stage,
		.pos = settled(w->m) ? pos : 0,
		.top = w->m->layer[0].id,
		.into = w->id,
		.top_birth = vhd_path_birth(w->m->layer[0].path),
		.top_state = vhd_merge_digest(w->m, 1),
		.into_birth = vhd_path_birth(into),
		.into_state = vhd_path_state(into),
		.into_mtime = vhd_path_mtime_ns(into),
		.layers = vhd_merge_digest(w->m, w->m->into),
		.time = (int64_t)time(NULL),
	};
}

static int on_reached(void *arg, uint64_t pos, struct vhd_error *err)
{
	struct work *w = arg;
	struct vhd_mark_facts facts = mark_facts(w, pos);

	return w->m->mark.io ? vhd_mark_write(&w->m->mark, &facts, err) : 0;
}

/*
 * VHDX-MRG-02.  An ancestor that has the second identity already is in the midst
 * of such work, and keeps it.
 */
static int link_second(struct work *w, struct vhd_error *err)
{
	struct vhd_merge *m = w->m;
	struct vhd_image *img = NULL;
	int rc, rc2;

	w->id = m->layer[m->into].id;
	w->changes = w->into->layers[0].ops->link2 != NULL;
	if (!w->changes ||
	    (m->links > 1 && same(&w->id, &m->link[1]) &&
	     !same(&w->id, &m->link[0])))
		return 0;
	rc = vhd_guid_fresh(&w->id, err);
	if (rc)
		return rc;
	rc = vhd_merge_open(m, m->into - 1,
			    VHD_OPEN_NO_PARENT | VHD_OPEN_RDWR, &img, err);
	if (!rc)
		rc = vhd_image_link2(img, &w->id, err);
	rc2 = vhd_close(&img, rc ? NULL : err);
	rc = rc ? rc : rc2;
	/* The ancestor has none of the disk yet. */
	m->from = 0;
	return rc;
}

/* Its file may have changed with that; what is recorded is what it is now. */
static int restat(struct vhd_merge *m, const struct vhd_image *up,
		  struct vhd_error *err)
{
	int rc = 0;

	for (uint32_t i = 0; !rc && i < m->into; i++) {
		m->layer[i].mtime_ns = vhd_io_mtime_ns(up->layers[i].io);
		rc = vhd_io_size(up->layers[i].io, &m->layer[i].file_size,
				 err);
	}
	return rc;
}

static int open_into(struct work *w, struct vhd_error *err)
{
	return vhd_merge_open(w->m, w->m->into, VHD_OPEN_RDWR, &w->into, err);
}

/* After what changes more than bytes the ancestor has to be opened anew. */
static int reopen(struct work *w, int rc, struct vhd_error *err)
{
	int rc2 = vhd_close(&w->into, rc ? NULL : err);

	rc = rc ? rc : rc2;
	return rc ? rc : open_into(w, err);
}

/* VHDX-MRG-06 */
static int grow(struct work *w, struct vhd_error *err)
{
	const struct vhd_merge *m = w->m;
	const struct vhd_merge_layer *to = &m->layer[m->into];
	struct vhd_engine_resize req = { .size = m->layer[0].size };
	int rc = 0;

	if (w->into->size >= req.size)
		return 0;
	vhd_merge_note(m, to->path, "grows from %" PRIu64 " to %" PRIu64
		       " bytes", w->into->size, req.size);
	if (w->into->count > 1)
		req.below = w->into->layers[1].size;
	if (w->changes)
		rc = vhd_image_identify(w->into, &w->id, err);
	if (!rc)
		rc = vhd_image_resize(w->into, &req, err);
	return reopen(w, rc, err);
}

/* VHDX-MRG-04; and what is no inner node any more is not marked as one. */
static int conform(struct work *w, struct vhd_error *err)
{
	const struct vhd_merge *m = w->m;
	const struct vhd_merge_layer *top = &m->layer[0];
	const struct vhd_merge_layer *to = &m->layer[m->into];
	struct vhd_attrs a = VHD_ATTRS_INIT;
	int rc = 0;

	a.id = top->disk_id;
	a.physical_sector = top->physical_sector;
	a.hidden = top->hidden;
	if (to->format == VHD_FORMAT_VHDX &&
	    !vhd_guid_equal(&top->disk_id, &to->disk_id))
		a.mask |= VHD_ATTR_ID;
	if (to->format == VHD_FORMAT_VHDX &&
	    top->physical_sector != to->physical_sector)
		a.mask |= VHD_ATTR_PHYSICAL_SECTOR;
	if (to->format == VHD_FORMAT_VHD && top->hidden != to->hidden &&
	    !(m->opts.flags & VHD_MERGE_KEEP_ID))
		a.mask |= VHD_ATTR_HIDDEN;
	if (!a.mask)
		return 0;
	if (w->changes)
		rc = vhd_image_identify(w->into, &w->id, err);
	if (!rc)
		rc = vhd_image_set(w->into, &a, err);
	return reopen(w, rc, err);
}

static int begin_mark(struct work *w, struct vhd_error *err)
{
	struct vhd_merge *m = w->m;
	const struct vhd_merge_layer *to = &m->layer[m->into];
	struct vhd_mark_facts facts = mark_facts(w, m->from);
	struct vhd_error why = { .code = VHD_OK };
	int rc;

	/* Beside a device is no place for files. */
	if (vhd_io_is_device(w->into->layers[0].io))
		return 0;
	rc = vhd_mark_begin(&m->mark, to->path, w->into->layers[0].io, &facts,
			    &why);
	if (!rc)
		return 0;
	/* Another merge must know of one that changes layers between. */
	if (m->into == 1) {
		vhd_merge_note(m, to->path, "an interruption would have to "
			       "begin anew: %s", why.msg);
		return 0;
	}
	if (err)
		*err = why;
	return rc;
}

static int last_identity(const struct work *w, struct vhd_guid *last,
			 const struct vhd_guid **use, struct vhd_error *err)
{
	const struct vhd_merge *m = w->m;

	*use = NULL;
	if (m->raw || m->opts.flags & VHD_MERGE_KEEP_ID)
		return 0;
	*last = m->layer[0].id;
	/* One that no child can record is no use to the ancestor either. */
	if (vhd_guid_is_zero(last) && vhd_guid_fresh(last, err))
		return VHD_E_IO;
	*use = last;
	return 0;
}

static int copy(struct work *w, struct vhd_error *err)
{
	struct vhd_merge *m = w->m;
	struct vhd_merge_copy c = {
		.up = w->up,
		.layers = m->into,
		.into = w->into,
		.from = m->from,
		.reached = on_reached,
		.reached_arg = w,
		.threads = m->opts.threads,
		.progress = m->opts.progress,
		.progress_arg = m->opts.progress_arg,
	};
	const struct vhd_guid *use;
	struct vhd_guid last;
	int rc = last_identity(w, &last, &use, err);

	if (m->from && !vhd_merge_holds(&c))
		m->from = c.from = 0;
	if (m->from)
		vhd_merge_note(m, m->layer[m->into].path, "has %" PRIu64
			       " bytes of the disk from an interrupted merge",
			       m->from);
	m->result.skipped_bytes = m->from;
	if (!rc)
		rc = vhd_merge_write(&c, w->changes ? &w->id : NULL, use, err);
	if (!rc && use)
		m->layer[m->into].id = last;
	m->result.data_bytes = c.data_bytes;
	m->result.zero_bytes = c.zero_bytes;
	return rc;
}

static int write_all(struct work *w, struct vhd_error *err)
{
	int rc = grow(w, err);

	if (!rc)
		rc = conform(w, err);
	if (!rc)
		rc = vhd_merge_open_upper(w->m, w->m->into, &w->up, err);
	if (!rc)
		rc = restat(w->m, w->up, err);
	if (!rc)
		rc = begin_mark(w, err);
	if (!rc)
		rc = copy(w, err);
	return rc;
}

/* From here on only the tidying is left, also for who comes after. */
static int record_done(struct work *w, struct vhd_error *err)
{
	w->stage = VHD_MARK_DONE;
	return on_reached(w, w->m->layer[0].size, err);
}

static int change(struct vhd_merge *m, struct vhd_error *err)
{
	struct work w = { .m = m };
	int rc = open_into(&w, err), rc2;

	if (!rc && !vhd_guid_equal(&w.into->layers[0].id,
				   &m->layer[m->into].id))
		rc = vhd_fail(err, VHD_E_BUSY,
			      "the image was changed meanwhile");
	if (!rc)
		rc = link_second(&w, err);
	if (!rc)
		rc = write_all(&w, err);
	rc2 = vhd_close(&w.into, rc ? NULL : err);
	rc = rc ? rc : rc2;
	if (!rc)
		rc = record_done(&w, err);
	vhd_close(&w.up, NULL);
	return rc;
}

static int count(struct vhd_merge *m, struct vhd_error *err)
{
	struct vhd_merge_copy c = {
		.layers = m->into,
		.progress = m->opts.progress,
		.progress_arg = m->opts.progress_arg,
	};
	int rc = vhd_merge_open_upper(m, m->into, &c.up, err);

	if (!rc)
		rc = vhd_merge_copy_run(&c, err);
	m->result.data_bytes = c.data_bytes;
	m->result.zero_bytes = c.zero_bytes;
	vhd_close(&c.up, NULL);
	return rc;
}

static int run(struct vhd_merge *m, struct vhd_error *err)
{
	bool dry = m->opts.flags & VHD_CHANGE_DRY_RUN;
	int rc = vhd_merge_look(m, err);

	if (rc || m->gone)
		return rc;
	m->result.layers = m->done ? 0 : m->into;
	if (m->done)
		vhd_merge_note(m, m->layer[0].path, "was merged into %s before",
			       vhd_path_base(m->layer[m->into].path));
	else
		rc = dry ? count(m, err) : change(m, err);
	return rc ? rc : vhd_merge_tidy(m, err);
}

static int get_opts(struct vhd_merge *m, const struct vhd_merge_opts *in,
		    struct vhd_error *err)
{
	const uint32_t known = VHD_CHANGE_DRY_RUN | VHD_CHANGE_ORPHAN |
			       VHD_MERGE_KEEP_ID | VHD_MERGE_NO_RELINK |
			       VHD_MERGE_DELETE;
	int rc;

	rc = VHD_OPTS_COPY(vhd_merge_opts, into, in, &m->opts, err);
	if (!rc)
		rc = vhd_flags_check(m->opts.flags, known, "merge flags", err);
	if (!rc)
		rc = vhd_open_opts_get(m->opts.open, &m->open, err);
	if (!rc && m->open.flags & VHD_OPEN_IGNORE_PARENT_ID)
		rc = vhd_fail(err, VHD_E_INVAL, "a parent that is not the "
			      "recorded one cannot be merged into");
	m->open.flags &= ~(uint32_t)(VHD_OPEN_RDWR | VHD_OPEN_THREAD |
				     VHD_OPEN_NO_PARENT | VHD_OPEN_NO_LOCK);
	return rc;
}

int vhd_merge(const char *path, const struct vhd_merge_opts *opts,
	      struct vhd_merge_result *result_out, struct vhd_error *err)
{
	struct vhd_merge m = { .path = path };
	int rc;

	if (!path)
		return vhd_fail(err, VHD_E_INVAL, "no file is named");
	rc = get_opts(&m, opts, err);
	if (!rc)
		rc = run(&m, err);
	if (result_out)
		*result_out = m.result;
	vhd_merge_free(&m);
	return rc ? vhd_err_file(err, rc, path) : 0;
}
