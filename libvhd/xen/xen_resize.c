/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Making a disk larger in the way of blktap.
 *
 * Within the room of the table only the two footers change, one after the other.
 *
 * With a journal:
 *
 *	journal written, durable
 *	footers marked, flush
 *	a marked footer at the new end of the file, flush
 *	blocks in the way copied to the end, flush
 *	table, batmap, locators, header written, flush
 *	the footer in front, flush;  the last one, flush
 *	journal emptied, flush, and removed
 *
 * Wherever this ends, the journal leads back to the state before, until the
 * journal is empty: then the image is whole.  A failure leads back at once.
 */
#include "xen/xen_resize.h"

#include "base/fail.h"
#include "base/opts.h"
#include "image/image_priv.h"
#include "io/outfile.h"
#include "io/stat.h"
#include "xen/xen_poison.h"

struct resizing {
	struct xen_grow g;
	struct xen_journal j;
	const struct xen_journal_place *place;
	const struct vhd_xen_resize_opts *opts;
	bool stopped;		/* by the caller, as by a crash */
};

int vhd_xen_resize_fast(struct vhd_io *image, uint64_t size,
		    struct vhd_error *err)
{
	struct xen_grow g;
	int rc = vhd_xen_grow_look(image, &g, size, false, err);

	if (rc || g.size == g.disk)
		return rc;
	rc = vhd_xen_grow_map(&g, err);
	return rc ? rc : vhd_xen_grow_footers(&g, false, err);
}

static int step(struct resizing *r, const char *stage, struct vhd_error *err)
{
	if (!r->opts->step || r->opts->step(r->opts->step_arg, stage))
		return 0;
	r->stopped = true;
	return vhd_fail(err, VHD_E_CANCELLED, "the resize was stopped at %s",
			stage);
}

static int work(struct resizing *r, struct vhd_error *err)
{
	int rc = vhd_xen_poison(r->g.io, err);

	if (!rc)
		rc = step(r, "RESIZE_BEGIN", err);
	if (!rc)
		rc = vhd_xen_grow_move(&r->g, err);
	if (!rc)
		rc = step(r, "RESIZE_DATA_MOVED", err);
	if (!rc)
		rc = vhd_xen_grow_recast(&r->g, &r->j, err);
	if (!rc)
		rc = step(r, "RESIZE_METADATA_MOVED", err);
	if (!rc)
		rc = vhd_xen_grow_footers(&r->g, true, err);
	return rc ? rc : step(r, "RESIZE_END", err);
}

/* The journal is of no use any more. */
static int finish(struct resizing *r, struct vhd_error *err)
{
	int rc = vhd_xen_journal_commit(r->j.io, &r->j.head, err);

	return rc ? rc : r->place->drop(r->place->arg, err);
}

/* On failure all is put back; should that fail as well, the journal stays. */
static int work_or_undo(struct resizing *r, struct vhd_error *err)
{
	int rc = work(r, err);

	if (!rc)
		return finish(r, err);
	if (r->stopped)
		return rc;
	if (!vhd_xen_journal_undo(r->j.io, &r->j.head, r->g.io, r->g.device, NULL))
		finish(r, NULL);
	return rc;
}

static int journal_make(struct resizing *r, struct vhd_error *err)
{
	const struct xen_journal_place *p = r->place;
	int rc = p->open(p->arg, &r->j.io, &r->j.device, err);

	if (!rc)
		rc = vhd_xen_grow_note(&r->g, &r->j, err);
	if (!rc)
		rc = vhd_xen_journal_make(&r->j, r->g.io, err);
	return rc ? rc : p->keep(p->arg, &r->j.io, err);
}

int vhd_xen_resize_journaled(struct vhd_io *image, uint64_t size,
			 const struct xen_journal_place *place,
			 const struct vhd_xen_resize_opts *opts,
			 struct vhd_error *err)
{
	struct resizing r = { .place = place, .opts = opts };
	int rc = vhd_xen_grow_look(image, &r.g, size, true, err);

	if (rc || r.g.size == r.g.disk)
		return rc;
	rc = step(&r, "JOURNAL", err);
	if (!rc && r.g.mend)
		rc = vhd_xen_grow_mend(&r.g, err);
	if (!rc)
		rc = journal_make(&r, err);
	return rc ? rc : work_or_undo(&r, err);
}

static int with_file(struct vhd_io *image, uint64_t size,
		     const struct vhd_xen_resize_opts *opts,
		     struct vhd_error *err)
{
	struct xen_journal_file f = { .path = opts->journal };
	struct xen_journal_place place = vhd_xen_journal_file_place;
	struct vhd_file_id a, b;
	int rc;

	vhd_io_file_id(image, &a);
	vhd_path_file_id(opts->journal, &b);
	if (vhd_file_id_same(&a, &b))
		return vhd_fail(err, VHD_E_EXISTS, "the journal is the image "
				"itself");
	place.arg = &f;
	rc = vhd_xen_resize_journaled(image, size, &place, opts, err);
	vhd_outfile_abandon(&f.new);
	vhd_io_close(&f.io, NULL);
	return rc;
}

int vhd_xen_resize(const char *path, uint64_t new_size,
		   const struct vhd_xen_resize_opts *opts,
		   struct vhd_error *err)
{
	static const struct vhd_xen_resize_opts none = { 0 };
	struct vhd_xen_resize_opts how;
	struct vhd_open_opts open;
	struct vhd_io *io = NULL;
	int rc, rc2;

	if (!path)
		return vhd_fail(err, VHD_E_INVAL, "no file is named");
	rc = VHD_OPTS_COPY(vhd_xen_resize_opts, journal, opts ? opts : &none,
			   &how, err);
	if (!rc)
		rc = vhd_flags_check(how.flags, 0, "flags", err);
	if (!rc)
		rc = vhd_open_opts_get(how.open, &open, err);
	if (rc)
		return rc;
	open.flags |= VHD_OPEN_RDWR;
	rc = vhd_image_io(path, &open, &io, err);
	if (rc)
		return rc;
	rc = how.journal ? with_file(io, new_size, &how, err)
			 : vhd_xen_resize_fast(io, new_size, err);
	rc2 = vhd_io_close(&io, rc ? NULL : err);
	return rc || rc2 ? vhd_err_file(err, rc ? rc : rc2, path) : 0;
}
