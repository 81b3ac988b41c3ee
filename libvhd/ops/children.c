/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who calls this image its parent?
 *
 * A parent knows nothing of its children: they are found by looking at the
 * images around it.  That finds those of Hyper-V's checkpoints, of storage
 * repositories and of most people, and cannot find one in another directory, so
 * the answer is good for a warning and no proof that there is none.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/guid.h"
#include "image/image_priv.h"
#include "io/path.h"
#include "io/stat.h"
#include "ops/kin.h"
#include "ops/plan.h"
#include "vhd/ops.h"

struct search {
	const struct vhd_layer *parent;
	const char *dir;
	vhd_child_fn fn;
	void *arg;
	uint32_t most, files;
	bool nomem, cut;
};

/* The bare name in a name that may be a Windows path. */
static const char *bare(const char *text)
{
	const char *cut = strrchr(text, '\\');

	return vhd_path_base(cut ? cut + 1 : text);
}

static bool names(const struct vhd_parent_ref *ref, const char *file)
{
	size_t i;

	for (i = 0; i < ref->locator_count; i++) {
		if (!strcmp(bare(ref->locators[i].text), file))
			return true;
	}
	return false;
}

static bool records(const struct vhd_parent_ref *ref,
		    const struct vhd_layer *parent)
{
	size_t i;

	if (ref->raw)
		return parent->format == VHD_FORMAT_RAW &&
		       names(ref, vhd_path_base(vhd_io_name(parent->io)));
	for (i = 0; i < ref->id_count; i++) {
		if (vhd_guid_equal(&ref->ids[i], &parent->id) &&
		    !vhd_guid_is_zero(&parent->id))
			return true;
	}
	return false;
}

static bool is_child(const char *path, const struct vhd_layer *parent)
{
	struct vhd_open_opts opts = VHD_OPEN_OPTS_INIT;
	struct vhd_image *img = NULL;
	struct vhd_parent_ref ref = { 0 };
	const struct vhd_layer *layer;
	bool found;

	opts.flags = VHD_OPEN_NO_LOCK | VHD_OPEN_NO_PARENT;
	if (vhd_open(path, &opts, &img, NULL))
		return false;
	layer = &img->layers[0];
	found = !vhd_file_id_same(&layer->file_id, &parent->file_id) &&
		layer->ops->parent(layer->eng, &ref) && records(&ref, parent);
	vhd_close(&img, NULL);
	return found;
}

static bool look(void *arg, const char *name)
{
	struct search *s = arg;
	enum vhd_format format = vhd_plan_format(name);
	char *path;
	bool go_on = true;

	if (format != VHD_FORMAT_VHD && format != VHD_FORMAT_VHDX)
		return true;
	if (s->files++ == s->most) {
		s->cut = true;
		return false;
	}
	path = vhd_path_join(s->dir, name);
	if (!path) {
		s->nomem = true;
		return false;
	}
	if (vhd_path_is_file(path) && is_child(path, s->parent))
		go_on = s->fn(s->arg, path);
	vhd_free(path);
	return go_on;
}

int vhd_children(struct vhd_image *img, vhd_child_fn fn, void *arg,
		 struct vhd_error *err)
{
	return vhd_kin_search(img, VHD_KIN_FILES, fn, arg, err);
}

int vhd_kin_search(struct vhd_image *img, uint32_t most, vhd_child_fn fn,
		   void *arg, struct vhd_error *err)
{
	struct search s = {
		.parent = &img->layers[0],
		.fn = fn,
		.arg = arg,
		.most = most,
	};
	char *real = vhd_path_real(vhd_layer_path(img, 0));
	char *dir;

	/* An image that has no file has no neighbours. */
	if (!real)
		return 0;
	dir = vhd_path_dir(real);
	s.dir = dir;
	s.nomem = !dir;
	if (dir)
		vhd_path_list(dir, look, &s);
	vhd_free(dir);
	vhd_free(real);
	if (s.cut)
		return vhd_fail(err, VHD_E_REFUSED, "more than %" PRIu32
				" images lie in the folder: whether this one "
				"is the parent of any cannot be told", most);
	return s.nomem ? vhd_fail_nomem(err) : 0;
}
