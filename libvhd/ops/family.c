/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The images of some folders, and who is whose child.
 *
 * Each file is opened alone, and what it records is followed to a file, as
 * opening the chain would.  Parents that lie in none of the folders become
 * members too, and so do their parents.  A record that leads nowhere is held
 * against the identities of all members: a file that was only moved or renamed is
 * found again.
 *
 *	family.c	the folders, in
 *	family_look.c	one file
 *	family_tie.c	from files to parents
 */
#include "ops/family.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "io/path.h"
#include "io/stat.h"
#include "ops/survey.h"

static bool has_room(struct vhd_family *f)
{
	size_t room = f->room ? 2 * f->room : 64;
	struct vhd_kinsman **more;

	if (f->count < f->room)
		return true;
	more = vhd_alloc_array(room, sizeof(struct vhd_kinsman *));
	if (!more)
		return false;
	if (f->count)
		memcpy(more, f->all, f->count * sizeof(struct vhd_kinsman *));
	vhd_free(f->all);
	f->all = more;
	f->room = room;
	return true;
}

bool vhd_family_add(struct vhd_family *f, const char *path, bool raw)
{
	struct vhd_kinsman *k = NULL;

	if (f->count == VHD_SURVEY_FILES)
		f->full = true;
	if (f->full)
		return false;
	if (has_room(f))
		k = vhd_family_look(path, raw, &f->open);
	f->nomem = f->nomem || !k || k->nomem;
	if (k)
		f->all[f->count++] = k;
	return !f->nomem;
}

static bool on_file(void *arg, const char *path)
{
	return vhd_family_add(arg, path, false);
}

static bool same_place(const char *a, const char *b)
{
	struct vhd_file_id ia = { .known = false }, ib = { .known = false };

	vhd_path_file_id(a, &ia);
	vhd_path_file_id(b, &ib);
	return vhd_file_id_same(&ia, &ib);
}

/* The folder that an argument, which is there, is, or is in. */
static char *folder_of(const char *path)
{
	char *real = vhd_path_real(path);
	char *dir = NULL;

	if (real)
		dir = vhd_path_is_dir(real) ? vhd_strdup(path)
					    : vhd_path_dir(path);
	vhd_free(real);
	return dir;
}

static bool seen_before(const char *const *paths, size_t i, const char *dir)
{
	bool seen = false;

	for (size_t k = 0; !seen && k < i; k++) {
		char *other = folder_of(paths[k]);

		seen = other && same_place(other, dir);
		vhd_free(other);
	}
	return seen;
}

/* An image that is named is looked at whatever it is called. */
static void add_named(struct vhd_family *f, const char *path)
{
	char *real = vhd_path_real(path);

	f->nomem = f->nomem || !real;
	if (real && !vhd_path_is_dir(real))
		vhd_family_add(f, path, false);
	vhd_free(real);
}

static int gather(struct vhd_family *f, const char *const *paths,
		  struct vhd_error *err)
{
	struct vhd_survey s = { .file = on_file, .arg = f };

	for (size_t i = 0; paths[i]; i++) {
		char *dir;

		if (!vhd_path_exists(paths[i]))
			return vhd_err_file(err, vhd_fail_errno(err, ENOENT,
				VHD_NO_OFFSET, "the file cannot be looked at"),
				paths[i]);
		dir = folder_of(paths[i]);
		if (!dir)
			return vhd_fail_nomem(err);
		if (!seen_before(paths, i, dir))
			vhd_survey(&s, dir);
		vhd_free(dir);
		add_named(f, paths[i]);
	}
	f->full = f->full || s.cut;
	f->nomem = f->nomem || s.nomem;
	return 0;
}

int vhd_family_scan(const char *const *paths, const struct vhd_open_opts *open,
		    struct vhd_family **fam_out, struct vhd_error *err)
{
	struct vhd_family *f;
	int rc;

	if (!paths || !fam_out)
		return vhd_fail(err, VHD_E_INVAL, "no folder is named");
	f = vhd_alloc(sizeof(*f));
	if (!f)
		return vhd_fail_nomem(err);
	rc = vhd_open_opts_get(open, &f->open, err);
	f->open.flags &= ~(uint32_t)(VHD_OPEN_RDWR | VHD_OPEN_THREAD |
				     VHD_OPEN_IGNORE_PARENT_ID);
	f->open.flags |= VHD_OPEN_NO_LOCK | VHD_OPEN_NO_PARENT |
			 VHD_OPEN_ANY_PARENT_DIR;
	f->open.parents = NULL;
	f->open.log = NULL;
	if (!rc)
		rc = gather(f, paths, err);
	if (!rc && !f->nomem && !f->full)
		vhd_family_tie(f);
	if (!rc && f->nomem)
		rc = vhd_fail_nomem(err);
	else if (!rc && f->full)
		rc = vhd_fail(err, VHD_E_RANGE, "there are more than %d images"
			      " to look at", VHD_SURVEY_FILES);
	if (!rc) {
		*fam_out = f;
		f = NULL;
	}
	vhd_family_free(&f);
	return rc;
}

size_t vhd_family_count(const struct vhd_family *fam)
{
	return fam->count;
}

const struct vhd_member *vhd_family_get(const struct vhd_family *fam,
					size_t idx)
{
	return idx < fam->count ? &fam->all[idx]->pub : NULL;
}

void vhd_family_free(struct vhd_family **fam)
{
	if (!fam || !*fam)
		return;
	for (size_t i = 0; i < (*fam)->count; i++)
		vhd_kinsman_free((*fam)->all[i]);
	vhd_free((*fam)->all);
	vhd_free(*fam);
	*fam = NULL;
}
