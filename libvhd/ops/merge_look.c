/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looking before leaping: which files are on the path, whether the ancestor can
 * take what is above it, who else depends on any of them.  The chain is opened
 * for reading, and closed again; vhd_merge_open() makes sure that what is opened
 * later is what was looked at.
 */
#include "ops/merge.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/guid.h"
#include "io/canonical.h"
#include "io/path.h"
#include "io/stat.h"
#include "ops/reparent.h"
#include "vhd/ops.h"

void vhd_merge_note(const struct vhd_merge *m, const char *file,
		    const char *fmt, ...)
{
	char msg[512];
	va_list ap;

	if (!m->opts.note)
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	m->opts.note(m->opts.note_arg, file, msg);
}

void vhd_merge_names_free(struct vhd_merge_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		vhd_free(names->name[i]);
	vhd_free(names->name);
	memset(names, 0, sizeof(*names));
}

static bool add_name(struct vhd_merge_names *names, const char *name)
{
	if (names->count == names->room) {
		size_t room = names->room ? names->room * 2 : 8;
		char **more = vhd_alloc_array(room, sizeof(*more));

		if (!more)
			return false;
		if (names->count)
			memcpy(more, names->name,
			       names->count * sizeof(*more));
		vhd_free(names->name);
		names->name = more;
		names->room = room;
	}
	names->name[names->count] = vhd_strdup(name);
	return names->name[names->count] && ++names->count;
}

struct search {
	const struct vhd_merge *m;
	struct vhd_merge_names *out;
	bool nomem;
};

static bool on_child(void *arg, const char *path)
{
	struct search *s = arg;
	struct vhd_file_id id = { 0 };

	vhd_path_file_id(path, &id);
	for (uint32_t i = 0; i < s->m->layers; i++) {
		if (vhd_file_id_same(&id, &s->m->layer[i].file))
			return true;
	}
	for (size_t i = 0; i < s->out->count; i++) {
		if (!strcmp(s->out->name[i], path))
			return true;
	}
	s->nomem = !add_name(s->out, path);
	return !s->nomem;
}

int vhd_merge_children(const struct vhd_merge *m, struct vhd_image *img,
		       struct vhd_merge_names *out, struct vhd_error *err)
{
	struct search s = { m, out, false };
	int rc = vhd_children(img, on_child, &s, err);

	if (rc == VHD_E_REFUSED && m->opts.flags & VHD_CHANGE_ORPHAN)
		rc = 0;
	return s.nomem ? vhd_fail_nomem(err) : rc;
}

static int add_layer(struct vhd_merge *m, struct vhd_image *img,
		     uint32_t layer, struct vhd_error *err)
{
	const struct vhd_layer *l = &img->layers[layer];
	struct vhd_merge_layer *to = &m->layer[m->layers];
	struct vhd_info info = { .size = sizeof(info) };

	l->ops->info(l->eng, &info);
	to->disk_id = l->disk_id;
	to->physical_sector = info.physical_sector;
	to->hidden = info.vhd.hidden;
	to->path = vhd_path_canonical(vhd_io_name(l->io));
	if (!to->path)
		return vhd_fail(err, VHD_E_INVAL,
				"an image without a file of its own cannot be "
				"merged");
	to->file = l->file_id;
	to->id = l->id;
	to->size = l->size;
	to->mtime_ns = vhd_io_mtime_ns(l->io);
	to->format = l->format;
	m->layers++;
	return vhd_io_size(l->io, &to->file_size, err);
}

/* Which layer is the ancestor?  0: none. */
static uint32_t find_into(const struct vhd_merge *m,
			  const struct vhd_image *img)
{
	struct vhd_file_id id = { 0 };

	if (!m->opts.into)
		return img->count > 1;
	vhd_path_file_id(m->opts.into, &id);
	for (uint32_t i = 1; i < img->count; i++) {
		if (vhd_file_id_same(&img->layers[i].file_id, &id))
			return i;
	}
	return 0;
}

static int no_into(const struct vhd_merge *m, const struct vhd_image *img,
		   struct vhd_error *err)
{
	if (img->count == 1 && !img->torn)
		return vhd_fail(err, VHD_E_INVAL,
				"the image has no parent to merge into");
	return vhd_fail(err, VHD_E_INVAL,
			"%.256s is not one of the layers below the image",
			m->opts.into ? m->opts.into : "the parent");
}

static int look_at_layers(struct vhd_merge *m, struct vhd_image *img,
			  struct vhd_error *err)
{
	struct vhd_parent_ref ref = { 0 };
	const struct vhd_layer *above;
	int rc = 0;

	m->into = find_into(m, img);
	if (!m->into)
		return no_into(m, img, err);
	m->layer = vhd_alloc_array(m->into + 1, sizeof(*m->layer));
	if (!m->layer)
		return vhd_fail_nomem(err);
	for (uint32_t i = 0; !rc && i <= m->into; i++)
		rc = add_layer(m, img, i, err);
	above = &img->layers[m->into - 1];
	if (rc || !above->ops->parent(above->eng, &ref))
		return rc;
	for (size_t i = 0; i < ref.id_count; i++)
		m->link[m->links++] = ref.ids[i];
	m->raw = img->layers[m->into].format == VHD_FORMAT_RAW;
	return 0;
}

/* What no flag allows. */
static int check_facts(const struct vhd_merge *m, struct vhd_error *err)
{
	const struct vhd_merge_layer *to = &m->layer[m->into];
	uint64_t size = m->layer[0].size;

	if (m->opts.flags & VHD_MERGE_KEEP_ID &&
	    to->format == VHD_FORMAT_VHDX)
		return vhd_fail(err, VHD_E_INVAL,
				"a VHDX cannot keep its identity while it "
				"changes");
	if (size >= to->size)
		return 0;
	return vhd_err_file(
		err,
		vhd_fail(err, VHD_E_INVAL, "the ancestor's disk has %" PRIu64
			 " bytes, that of the image only %" PRIu64 ": a merge "
			 "would have to cut it", to->size, size),
		to->path);
}

/* Who else is a child of a layer that changes or is spent? */
static int look_for_siblings(const struct vhd_merge *m, struct vhd_image *img,
			     uint32_t layer, struct vhd_error *err)
{
	struct vhd_merge_names names = { 0 };
	struct vhd_image *part = NULL;
	int rc = vhd_layer_image(img, layer, &part, err);

	if (!rc)
		rc = vhd_merge_children(m, part, &names, err);
	vhd_close(&part, NULL);
	for (size_t i = 0; !rc && i < names.count; i++) {
		vhd_merge_note(m, names.name[i], "is a child of %s too, and is "
			       "lost with this merge",
			       vhd_path_base(m->layer[layer].path));
		if (m->opts.flags & VHD_CHANGE_ORPHAN)
			continue;
		rc = vhd_fail(err, VHD_E_REFUSED, "\"%.256s\" is a child of "
			      "this image too, %s",
			      vhd_path_base(names.name[i]),
			      vhd_merge_is_spent(m, layer, names.name[i]) ?
			      "but was merged into it before: it is spent and "
			      "has to be removed" :
			      "and its disk would be spoilt");
		vhd_err_file(err, rc, m->layer[layer].path);
	}
	vhd_merge_names_free(&names);
	return rc;
}

/* They are changed at the very end; what will not go is better known now. */
static int look_at_child(const struct vhd_merge *m, const char *path,
			 struct vhd_error *err)
{
	struct vhd_open_opts open = m->open;
	struct vhd_io *io = NULL;
	bool changed;
	int rc;

	vhd_merge_note(m, path, "gets %s as its parent",
		       vhd_path_base(m->layer[m->into].path));
	vhd_merge_open_opts(m, m->into, &open);
	open.format = VHD_FORMAT_AUTO;
	rc = vhd_reparent(path, m->layer[m->into].path, &open,
			  VHD_REPARENT_DRY_RUN, &changed, err);
	if (rc || m->opts.flags & VHD_CHANGE_DRY_RUN)
		return rc;
	open = m->open;
	open.flags |= VHD_OPEN_RDWR;
	rc = vhd_image_io(path, &open, &io, err);
	vhd_io_close(&io, NULL);
	return rc;
}

static int look_for_children(struct vhd_merge *m, struct vhd_image *img,
			     struct vhd_error *err)
{
	int rc;

	if (m->opts.flags & VHD_MERGE_NO_RELINK)
		return 0;
	rc = vhd_merge_children(m, img, &m->children, err);
	for (size_t i = 0; !rc && i < m->children.count; i++)
		rc = look_at_child(m, m->children.name[i], err);
	return rc;
}

static int look_around(struct vhd_merge *m, struct vhd_image *img,
		       struct vhd_error *err)
{
	int rc = 0;

	for (uint32_t i = 0; i < m->into; i++)
		vhd_merge_note(m, m->layer[i].path, "goes into %s",
			       vhd_path_base(m->layer[m->into].path));
	/* Afterwards the ancestor's are those that were relinked. */
	for (uint32_t i = 1; !rc && i < m->into + !m->done; i++)
		rc = look_for_siblings(m, img, i, err);
	return rc ? rc : look_for_children(m, img, err);
}

/*
 * A copy of the merged image has its identity as well: and its parent, where an
 * ancestor has another one or none.  Nor was an ancestor written to before the
 * image that was merged into it.
 */
static bool is_copy(const struct vhd_merge *m, const struct vhd_image *spent,
		    const struct vhd_image *into)
{
	const struct vhd_layer *a = &spent->layers[0], *b = &into->layers[0];
	struct vhd_parent_ref is = { 0 }, was = { 0 };

	if (vhd_io_mtime_ns(b->io) < m->layer[0].mtime_ns)
		return true;
	return a->ops->parent(a->eng, &is) && b->ops->parent(b->eng, &was) &&
	       is.id_count && was.id_count &&
	       vhd_guid_equal(&is.ids[0], &was.ids[0]);
}

/*
 * A chain that does not open any more because the ancestor has taken over the
 * merged image's identity: what is left is to tidy up.
 */
static bool took_over(const struct vhd_merge *m, const struct vhd_image *spent,
		      const struct vhd_image *into)
{
	const struct vhd_layer *l = &into->layers[0];
	struct vhd_mark_facts mark;
	bool found = false;

	if (vhd_file_id_same(&l->file_id, &m->layer[0].file) ||
	    (l->format != m->layer[0].format && l->format != VHD_FORMAT_RAW))
		return false;
	if (vhd_guid_equal(&l->id, &m->layer[0].id) &&
	    !vhd_guid_is_zero(&l->id))
		return !is_copy(m, spent, into);
	vhd_mark_find(vhd_io_name(l->io), &mark, &found, NULL);
	return found && mark.stage == VHD_MARK_DONE &&
	       vhd_guid_equal(&mark.top, &m->layer[0].id) &&
	       mark.top_state == vhd_merge_digest(m, 1) &&
	       (m->opts.flags & VHD_MERGE_DELETE ?
		vhd_path_state(vhd_io_name(l->io)) == mark.into_state :
		vhd_mark_fits(&mark, vhd_io_name(l->io)));
}

/* Layers as far as they can be reached, then the ancestor. */
static int list_spent(struct vhd_merge *m, struct vhd_image *spent,
		      struct vhd_image *into, struct vhd_error *err)
{
	uint32_t n = 0;
	int rc = 0;

	while (n < spent->count &&
	       !vhd_file_id_same(&spent->layers[n].file_id,
				 &into->layers[0].file_id))
		n++;
	m->layer = vhd_alloc_array((size_t)n + 1, sizeof(*m->layer));
	if (!m->layer)
		return vhd_fail_nomem(err);
	for (uint32_t i = 0; !rc && i < n; i++)
		rc = add_layer(m, spent, i, err);
	if (!rc)
		rc = add_layer(m, into, 0, err);
	m->into = n;
	m->raw = into->layers[0].format == VHD_FORMAT_RAW;
	return rc;
}

/* The file that the ancestor must be, if there is nothing but a name. */
static int open_into(const struct vhd_merge *m, struct vhd_image **img_out,
		     struct vhd_error *err)
{
	struct vhd_open_opts open = m->open;
	struct vhd_image *img = NULL;
	const char *path = m->opts.into;
	int rc = 0;

	open.flags |= VHD_OPEN_IGNORE_PARENT_ID;
	if (!path) {
		rc = vhd_open(m->path, &open, &img, err);
		if (!rc && img->count > 1)
			path = vhd_layer_path(img, 1);
	}
	open.parents = NULL;
	open.format = VHD_FORMAT_AUTO;
	open.flags |= VHD_OPEN_NO_PARENT | VHD_OPEN_ALLOW_RAW;
	if (!rc)
		rc = path ? vhd_open(path, &open, img_out, err)
			  : vhd_fail(err, VHD_E_INVAL, "there is no parent");
	vhd_close(&img, NULL);
	return rc;
}

static bool find_done(struct vhd_merge *m)
{
	struct vhd_error broken = { .code = VHD_OK };
	struct vhd_reporter reporter = { .broken = &broken };
	struct vhd_image *spent = NULL, *into = NULL;
	struct vhd_io *io = NULL;
	int rc = open_into(m, &into, NULL);

	if (!rc)
		rc = vhd_image_io(m->path, &m->open, &io, NULL);
	if (!rc)
		rc = vhd_image_open(io, &m->open, &reporter, 0, &spent, NULL);
	if (!rc)
		rc = list_spent(m, spent, into, NULL);
	m->done = !rc && took_over(m, spent, into);
	if (m->done && !(m->opts.flags & VHD_MERGE_NO_RELINK))
		m->done = !vhd_merge_children(m, spent, &m->children, NULL) &&
			  !vhd_merge_children(m, into, &m->children, NULL);
	vhd_close(&spent, NULL);
	vhd_close(&into, NULL);
	return m->done;
}

int vhd_merge_look(struct vhd_merge *m, struct vhd_error *err)
{
	struct vhd_error why = { .code = VHD_OK };
	struct vhd_image *img = NULL;
	int rc = vhd_open(m->path, &m->open, &img, &why);

	if (rc) {
		if (rc == VHD_E_PARENT && find_done(m))
			return 0;
		if (why.os_errno == ENOENT && !vhd_path_exists(m->path))
			return vhd_merge_look_gone(m, err);
		if (err)
			*err = why;
		return rc;
	}
	rc = look_at_layers(m, img, err);
	if (!rc)
		rc = check_facts(m, err);
	if (!rc)
		rc = vhd_merge_read_mark(m, err);
	if (!rc)
		rc = look_around(m, img, err);
	vhd_close(&img, NULL);
	return rc ? vhd_err_file(err, rc, m->path) : 0;
}

void vhd_merge_free(struct vhd_merge *m)
{
	for (uint32_t i = 0; i < m->layers; i++)
		vhd_free(m->layer[i].path);
	vhd_free(m->layer);
	vhd_merge_names_free(&m->children);
	vhd_mark_close(&m->mark);
	memset(m, 0, sizeof(*m));
}
