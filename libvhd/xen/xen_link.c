/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Another parent for an image.
 *
 * How the header gets from the old record to the new one is vhd1_reparent.c's
 * affair.  In here: who the parent is, how it is named, and that no image comes to
 * be below itself.  The names of the parents below are followed as far as they
 * lead, for a storage manager need not have made all of a chain available.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/guid.h"
#include "base/opts.h"
#include "image/image_priv.h"
#include "io/canonical.h"
#include "io/path.h"
#include "io/stat.h"
#include "vhd/xen.h"
#include "vhd1/vhd1.h"
#include "xen/xen_file.h"

enum { DEPTH_MAX = 1024, NAME_MAX_LEN = 4096 };

struct linking {
	const char *path, *parent;
	struct vhd_xen_link_opts opts;
	struct xen_file f;
	struct vhd_engine_parent facts;
	char *relative;
};

static int get_opts(struct linking *l, const struct vhd_xen_link_opts *in,
		    struct vhd_error *err)
{
	int rc;

	if (!l->path || !l->parent)
		return vhd_fail(err, VHD_E_INVAL, "no file is named");
	rc = VHD_OPTS_COPY(vhd_xen_link_opts, open, in, &l->opts, err);
	return rc ? rc : vhd_flags_check(l->opts.flags, VHD_XEN_LINK_RAW,
					 "link flags", err);
}

/* From the folder of the image, both by the names that they keep. */
static int name_it(struct linking *l, struct vhd_error *err)
{
	char *from = vhd_path_canonical(l->path);
	char *dir = from ? vhd_path_dir(from) : NULL;
	char *to = vhd_path_canonical(l->parent);
	int rc = 0;

	if (dir && to)
		l->relative = vhd_path_relative(dir, to);
	if (!l->relative)
		rc = vhd_fail(err, VHD_E_IO, "there is no path from the image "
			      "to it");
	else if (strchr(l->relative, '\\'))
		rc = vhd_fail(err, VHD_E_INVAL, "its path, %s, has a backslash, "
			      "which an image takes for a directory's end",
			      l->relative);
	vhd_free(from);
	vhd_free(dir);
	vhd_free(to);
	l->facts.relative = l->relative;
	return rc;
}

/* Does one of the parents of @name lead to the image? */
static int check_below(const struct linking *l, struct vhd_error *err)
{
	struct vhd_file_id self, id;
	char *name = vhd_alloc(NAME_MAX_LEN), *next = vhd_alloc(NAME_MAX_LEN);
	const char *at = l->parent;
	bool raw = l->facts.raw;
	unsigned depth = 0;
	int rc = name && next ? 0 : vhd_fail_nomem(err);

	vhd_io_file_id(l->f.io, &self);
	while (!rc && !raw && !vhd_xen_parent(at, next, NAME_MAX_LEN, &raw,
					      NULL)) {
		char *swap = name;

		vhd_path_file_id(next, &id);
		if (vhd_file_id_same(&self, &id))
			rc = vhd_fail(err, VHD_E_INVAL, "the image is itself a "
				      "parent of this file");
		else if (++depth > DEPTH_MAX)
			rc = vhd_fail(err, VHD_E_INVAL, "it is below itself");
		name = next;
		next = swap;
		at = name;
	}
	vhd_free(name);
	vhd_free(next);
	return rc;
}

static int look_vhd(struct linking *l, struct vhd_io *io,
		    struct vhd_error *err)
{
	const struct vhd_engine_open req = {
		.io = io,
		.cache_bytes = UINT64_C(1) << 20,
		.flags = VHD_OPEN_CIPHERTEXT,
	};
	struct vhd_info info = { .size = sizeof(info) };
	void *eng = NULL;
	int rc = vhd1_engine.open(&req, &eng, err);

	if (rc)
		return rc;
	vhd1_engine.info(eng, &info);
	vhd1_engine.close(eng);
	l->facts.id = info.id;
	if (vhd_guid_is_zero(&info.id))
		return vhd_fail(err, VHD_E_INVAL, "it has no id that a child "
				"could record");
	return 0;
}

static int look(struct linking *l, struct vhd_error *err)
{
	struct vhd_file_id self, id;
	struct vhd_io *io = NULL;
	int rc = vhd_io_open_posix(l->parent, 0, &io, err);

	if (rc)
		return rc;
	vhd_io_file_id(l->f.io, &self);
	vhd_io_file_id(io, &id);
	l->facts.raw = l->opts.flags & VHD_XEN_LINK_RAW;
	l->facts.xen = true;
	l->facts.timestamp = vhd_io_mtime(io);
	l->facts.step = l->opts.step;
	l->facts.step_arg = l->opts.step_arg;
	if (vhd_file_id_same(&self, &id))
		rc = vhd_fail(err, VHD_E_INVAL,
			      "an image cannot be its own parent");
	if (!rc && !l->facts.raw)
		rc = look_vhd(l, io, err);
	vhd_io_close(&io, NULL);
	if (!rc)
		rc = check_below(l, err);
	return rc ? rc : name_it(l, err);
}

int vhd_xen_link(const char *path, const char *parent,
		 const struct vhd_xen_link_opts *opts, struct vhd_error *err)
{
	struct linking l = { .path = path, .parent = parent };
	bool changed = false;
	int rc = get_opts(&l, opts, err);

	if (!rc)
		rc = vhd_xen_file_open(path, XEN_FILE_WRITER, l.opts.open,
				       &l.f, err);
	if (rc)
		return rc;
	if (l.f.v->footer.type != VHD1_TYPE_DIFF)
		rc = vhd_fail(err, VHD_E_INVAL, "the image has no parent that "
			      "could be another one");
	if (!rc)
		rc = vhd_err_file(err, look(&l, err), parent);
	if (!rc)
		rc = vhd1_reparent(l.f.v, &l.facts, false, &changed, err);
	vhd_free(l.relative);
	return vhd_xen_file_close(&l.f, rc, err);
}
