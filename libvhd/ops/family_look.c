/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/alloc.h"
#include "image/parent.h"
#include "io/stat.h"
#include "ops/family.h"
#include "ops/merge_unfinished.h"

void vhd_kinsman_free(struct vhd_kinsman *k)
{
	if (!k)
		return;
	vhd_free(k->path);
	vhd_free(k->record);
	vhd_free(k->why);
	vhd_free(k->found);
	vhd_free(k);
}

static char *copy(struct vhd_kinsman *k, const char *text)
{
	char *s = vhd_strdup(text);

	k->nomem = k->nomem || !s;
	return s;
}

/*
 * A sentence for people, unless it is only that we have no memory.  The first
 * one stays.
 */
static void say(struct vhd_kinsman *k, const struct vhd_error *e)
{
	k->nomem = k->nomem || e->code == VHD_E_NOMEM;
	if (!k->why)
		k->why = copy(k, e->msg);
}

/* Where does the record lead?  What it leads to is only opened to see who it
 * is. */
static void follow(struct vhd_kinsman *k, const struct vhd_layer *layer,
		   const struct vhd_parent_ref *ref,
		   const struct vhd_open_opts *open)
{
	const struct vhd_parent_search s = {
		.child = layer,
		.ref = ref,
		.opts = open,
		.how = { .size_rule = open->size_rule },
		/* That reads the whole folder, for each of its images. */
		.exact = !ref->raw,
	};
	struct vhd_layer parent = { .io = NULL };
	struct vhd_error e = { .code = VHD_OK };

	if (vhd_parent_find(&s, &parent, &e)) {
		say(k, &e);
		return;
	}
	k->found = copy(k, vhd_io_name(parent.io));
	k->found_id = parent.file_id;
	vhd_layer_close(&parent, NULL);
}

static void describe(struct vhd_kinsman *k, struct vhd_image *img,
		     const struct vhd_open_opts *open)
{
	const struct vhd_layer *layer = &img->layers[0];
	struct vhd_parent_ref ref = { .raw = false };
	struct vhd_error e = { .code = VHD_OK };

	k->file_id = layer->file_id;
	k->pub.info.size = sizeof(k->pub.info);
	k->nomem = vhd_layer_info(img, 0, &k->pub.info, NULL) != 0;
	k->pub.mtime = vhd_io_mtime(layer->io);
	if (vhd_unfinished_refuse(img, &e))
		say(k, &e);
	if (!layer->ops->parent(layer->eng, &ref))
		return;
	k->raw_parent = ref.raw;
	k->want_count = ref.id_count;
	memcpy(k->want, ref.ids, sizeof(k->want));
	if (ref.locator_count)
		k->record = copy(k, ref.locators[0].text);
	follow(k, layer, &ref, open);
}

struct vhd_kinsman *vhd_family_look(const char *path, bool raw,
				    const struct vhd_open_opts *opts)
{
	struct vhd_kinsman *k = vhd_alloc(sizeof(*k));
	struct vhd_open_opts open = *opts;
	struct vhd_error e = { .code = VHD_OK };
	struct vhd_image *img = NULL;

	if (!k)
		return NULL;
	k->pub.parent = -1;
	k->path = copy(k, path);
	if (raw)
		open.flags |= VHD_OPEN_ALLOW_RAW;
	if (vhd_open(path, &open, &img, &e)) {
		say(k, &e);
		vhd_path_file_id(path, &k->file_id);
	} else {
		describe(k, img, &open);
		vhd_close(&img, NULL);
	}
	if (k->path)
		return k;
	/* All are sorted by it. */
	vhd_kinsman_free(k);
	return NULL;
}
