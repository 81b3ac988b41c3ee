/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is the parent?
 *
 * First the file that the child's names lead to, with all the patience that
 * opening has (image/candidates.h), and without its policy: nothing is read but
 * headers, and nothing but who the file is decides.  Then every image in the
 * child's directory and in the folders that the caller names: it is one of the
 * recorded identity.  Copies share that; then the one with a recorded name is
 * meant, or, when that does not tell, the caller has to say.
 */
#include "ops/relink_find.h"

#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/guid.h"
#include "image/parent.h"
#include "io/canonical.h"
#include "io/path.h"
#include "io/stat.h"
#include "ops/survey.h"

struct vhd_kennel_entry {
	char *path;
	enum vhd_format format;
	struct vhd_guid id;
	struct vhd_file_id file_id;
	enum {
		VHD_KENNEL_NEW,
		VHD_KENNEL_TORN,
		VHD_KENNEL_WHOLE
	} judged;
};

void vhd_kennel_free(struct vhd_kennel *k)
{
	for (size_t i = 0; i < k->count; i++)
		vhd_free(k->entry[i].path);
	vhd_free(k->entry);
	vhd_free(k->beside);
	memset(k, 0, sizeof(*k));
}

static bool grow(struct vhd_kennel *k)
{
	size_t room = k->room ? 2 * k->room : 64;
	struct vhd_kennel_entry *more = vhd_alloc_array(room, sizeof(*more));

	if (!more)
		return false;
	if (k->count)
		memcpy(more, k->entry, k->count * sizeof(*more));
	vhd_free(k->entry);
	k->entry = more;
	k->room = room;
	return true;
}

/* What cannot be opened is nobody's parent. */
static bool on_file(void *arg, const char *path)
{
	struct vhd_kennel *k = arg;
	struct vhd_open_opts open = {
		.size = sizeof(open),
		.flags = VHD_OPEN_NO_LOCK | VHD_OPEN_NO_PARENT,
	};
	struct vhd_kennel_entry e = { .path = NULL };
	struct vhd_image *img = NULL;
	int rc = vhd_open(path, &open, &img, NULL);

	k->nomem = k->nomem || rc == VHD_E_NOMEM;
	if (rc)
		return !k->nomem;
	e.format = img->layers[0].format;
	e.id = img->layers[0].id;
	e.file_id = img->layers[0].file_id;
	vhd_close(&img, NULL);
	if (k->count < k->room || grow(k))
		e.path = vhd_strdup(path);
	k->nomem = !e.path;
	if (e.path)
		k->entry[k->count++] = e;
	return !k->nomem;
}

/* The child's own directory, without what is below it. */
static void look_beside(struct vhd_kennel *k, const char *child)
{
	struct vhd_survey s = { .file = on_file, .arg = k };
	char *real = vhd_path_canonical(child);
	char *dir = real ? vhd_path_dir(real) : NULL;

	if (dir && (!k->beside || strcmp(k->beside, dir))) {
		vhd_survey(&s, dir);
		vhd_free(k->beside);
		k->beside = dir;
		dir = NULL;
	}
	k->cut = k->cut || s.cut;
	k->nomem = k->nomem || s.nomem;
	vhd_free(dir);
	vhd_free(real);
}

static void look_around(struct vhd_kennel *k)
{
	struct vhd_survey s = {
		.file = on_file, .arg = k, .depth = VHD_SURVEY_DEPTH
	};

	if (k->looked)
		return;
	k->looked = true;
	if (k->image)
		look_beside(k, k->image);
	for (size_t i = 0; k->dirs && k->dirs[i]; i++)
		vhd_survey(&s, k->dirs[i]);
	k->cut = k->cut || s.cut;
	k->nomem = k->nomem || s.nomem;
}

/* The bare name in a name that may be a Windows path. */
static const char *bare(const char *text)
{
	const char *cut = strrchr(text, '\\');

	return vhd_path_base(cut ? cut + 1 : text);
}

static bool is_named(const struct vhd_parent_ref *ref, const char *path)
{
	for (size_t i = 0; i < ref->locator_count; i++) {
		if (!strcasecmp(bare(ref->locators[i].text),
				vhd_path_base(path)))
			return true;
	}
	return false;
}

static bool is_meant(const struct vhd_layer *child,
		     const struct vhd_parent_ref *ref,
		     const struct vhd_kennel_entry *e)
{
	if (e->format != child->format || vhd_guid_is_zero(&e->id) ||
	    vhd_file_id_same(&e->file_id, &child->file_id))
		return false;
	for (size_t i = 0; i < ref->id_count; i++) {
		if (vhd_guid_equal(&ref->ids[i], &e->id))
			return true;
	}
	return false;
}

/* Files that were found, each once however often it was come upon. */
struct found {
	struct vhd_kennel_entry *e[8];
	size_t count;
	bool more;
};

static void found_add(struct found *f, struct vhd_kennel_entry *e)
{
	for (size_t i = 0; i < f->count; i++) {
		if (vhd_file_id_same(&f->e[i]->file_id, &e->file_id))
			return;
	}
	f->more = f->count == sizeof(f->e) / sizeof(f->e[0]);
	if (!f->more)
		f->e[f->count++] = e;
}

static bool is_whole(struct vhd_kennel *k, struct vhd_kennel_entry *e);

/* Somewhere among the files is a parent for it. */
static bool has_parent(struct vhd_kennel *k, const struct vhd_layer *child)
{
	struct vhd_parent_ref ref = { .raw = false };

	if (!child->ops->parent(child->eng, &ref) || ref.raw)
		return true;
	for (size_t i = 0; i < k->count; i++) {
		if (is_meant(child, &ref, &k->entry[i]) &&
		    is_whole(k, &k->entry[i]))
			return true;
	}
	return false;
}

/*
 * Does it open, or will it when it is relinked?  A layer that was merged does
 * not, and has the identity of the image that took its place.
 */
static bool is_whole(struct vhd_kennel *k, struct vhd_kennel_entry *e)
{
	struct vhd_open_opts open = {
		.size = sizeof(open),
		.flags = VHD_OPEN_NO_LOCK | VHD_OPEN_ANY_PARENT_DIR,
	};
	struct vhd_image *img = NULL;

	if (e->judged != VHD_KENNEL_NEW)
		return e->judged == VHD_KENNEL_WHOLE;
	/* Whoever comes back to it meanwhile goes round in a circle. */
	e->judged = VHD_KENNEL_TORN;
	if (!vhd_open(e->path, &open, &img, NULL)) {
		e->judged = VHD_KENNEL_WHOLE;
	} else {
		open.flags |= VHD_OPEN_NO_PARENT;
		if (!vhd_open(e->path, &open, &img, NULL) &&
		    has_parent(k, &img->layers[0]))
			e->judged = VHD_KENNEL_WHOLE;
	}
	vhd_close(&img, NULL);
	return e->judged == VHD_KENNEL_WHOLE;
}

/* Of several, those that show a disk. */
static void prefer_whole(struct vhd_kennel *k, struct found *f)
{
	struct found whole = { .more = f->more };

	for (size_t i = 0; i < f->count; i++) {
		if (is_whole(k, f->e[i]))
			whole.e[whole.count++] = f->e[i];
	}
	if (whole.count)
		*f = whole;
}

static int settle(struct vhd_kennel *k, const struct vhd_layer *child,
		  const struct vhd_parent_ref *ref,
		  const struct vhd_error *why, char **path_out,
		  struct vhd_error *err)
{
	struct found all = { .count = 0 }, named = { .count = 0 };

	for (size_t i = 0; i < k->count; i++) {
		struct vhd_kennel_entry *e = &k->entry[i];

		if (!is_meant(child, ref, e))
			continue;
		found_add(&all, e);
		if (is_named(ref, e->path))
			found_add(&named, e);
	}
	if (all.count > 1) {
		prefer_whole(k, &all);
		prefer_whole(k, &named);
	}
	if (all.count > 1 && named.count == 1 && is_whole(k, named.e[0]))
		all = named;
	if (all.count > 1)
		return vhd_fail(err, VHD_E_REFUSED, "%s%zu files have the "
				"identity of the parent, \"%.120s\" and "
				"\"%.120s\" among them: only one can be meant",
				all.more ? "more than " : "", all.count,
				all.e[0]->path, all.e[1]->path);
	if (!all.count && k->cut)
		return vhd_fail_code_rule(err, VHD_E_PARENT,
			child->format == VHD_FORMAT_VHDX ?
			RULE_VHDX_PARENT_MISSING : RULE_VHD1_PARENT_MISSING,
			VHD_NO_OFFSET, "the parent is not among the first %d "
			"images of these folders, and there are more",
			VHD_SURVEY_FILES);
	if (!all.count) {
		if (err)
			*err = *why;
		return why->code;
	}
	*path_out = vhd_strdup(all.e[0]->path);
	return *path_out ? 0 : vhd_fail_nomem(err);
}

/* @text from the directory of the child, if it is a name for us at all. */
static bool leads(const char *child_dir, const char *text,
		  const struct vhd_file_id *to)
{
	char *copy = vhd_strdup(text), *path;
	struct vhd_file_id id = { .known = false };

	for (char *p = copy; p && *p; p++) {
		if (*p == '\\')
			*p = '/';
	}
	path = copy ? vhd_path_join(child_dir, copy) : NULL;
	if (path)
		vhd_path_file_id(path, &id);
	vhd_free(path);
	vhd_free(copy);
	return vhd_file_id_same(&id, to);
}

/*
 * Does the record lead to the parent by itself, for whoever reads it?  Absolute
 * names of another system cannot be judged, and count for nothing.
 */
static bool is_right(const struct vhd_layer *child,
		     const struct vhd_parent_ref *ref,
		     const struct vhd_layer *parent)
{
	char *real = vhd_path_canonical(vhd_io_name(child->io));
	char *dir = real ? vhd_path_dir(real) : NULL;
	bool right = false, wrong = !dir;

	for (size_t i = 0; !wrong && i < ref->locator_count; i++) {
		const struct vhd_locator *loc = &ref->locators[i];

		if (loc->kind == VHD_LOCATOR_NAME)
			wrong = strcmp(bare(loc->text), vhd_path_base(
					vhd_io_name(parent->io))) != 0;
		else if (loc->kind == VHD_LOCATOR_RELATIVE)
			wrong = !leads(dir, loc->text, &parent->file_id);
		else if (loc->kind != VHD_LOCATOR_ABSOLUTE ||
			 loc->text[0] != '/')
			continue;
		else
			wrong = !leads(dir, loc->text, &parent->file_id);
		right = right || loc->kind != VHD_LOCATOR_NAME;
	}
	vhd_free(dir);
	vhd_free(real);
	return right && !wrong;
}

static int by_name(const struct vhd_layer *child,
		   const struct vhd_parent_ref *ref,
		   const struct vhd_open_opts *open,
		   const struct vhd_kennel *k, char **path_out,
		   bool *right_out, struct vhd_error *err)
{
	struct vhd_open_opts any = *open;
	const struct vhd_parent_search s = {
		.child = child,
		.ref = ref,
		.opts = &any,
		.how = { .size_rule = open->size_rule },
	};
	struct vhd_layer parent = { .io = NULL };
	int rc;

	any.flags |= VHD_OPEN_ANY_PARENT_DIR | VHD_OPEN_NO_LOCK;
	any.flags &= ~(uint32_t)VHD_OPEN_IGNORE_PARENT_ID;
	any.parent_dirs = k->dirs;
	rc = vhd_parent_find(&s, &parent, err);
	if (rc)
		return rc;
	*right_out = is_right(child, ref, &parent);
	*path_out = vhd_strdup(vhd_io_name(parent.io));
	vhd_layer_close(&parent, NULL);
	return *path_out ? 0 : vhd_fail_nomem(err);
}

int vhd_relink_find(const struct vhd_layer *child,
		    const struct vhd_open_opts *open, struct vhd_kennel *k,
		    char **path_out, bool *right_out, struct vhd_error *err)
{
	struct vhd_parent_ref ref = { .raw = false };
	struct vhd_error why = { .code = VHD_OK };
	int rc;

	*path_out = NULL;
	*right_out = true;
	if (!child->ops->parent(child->eng, &ref))
		return 0;
	rc = by_name(child, &ref, open, k, path_out, right_out, &why);
	if (!rc)
		return 0;
	if (rc == VHD_E_NOMEM || ref.raw) {
		if (err)
			*err = why;
		return rc;
	}
	*right_out = false;
	look_around(k);
	look_beside(k, vhd_io_name(child->io));
	if (k->nomem)
		return vhd_fail_nomem(err);
	return settle(k, child, &ref, &why, path_out, err);
}

char *vhd_relink_other(const struct vhd_layer *child, struct vhd_kennel *k)
{
	struct vhd_parent_ref ref = { .raw = false };
	struct found all = { .count = 0 };

	if (!child->ops->parent(child->eng, &ref) || ref.raw)
		return NULL;
	look_around(k);
	look_beside(k, vhd_io_name(child->io));
	for (size_t i = 0; i < k->count; i++) {
		if (is_meant(child, &ref, &k->entry[i]) &&
		    is_whole(k, &k->entry[i]))
			found_add(&all, &k->entry[i]);
	}
	return all.count == 1 ? vhd_strdup(all.e[0]->path) : NULL;
}
