/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A child names its parent in several ways, most of them meant for the machine
 * it was made on.  The order here is that of the recorded names (engines sort
 * them); after all of them come the bare file names in the child's directory,
 * then the same in the directories that the caller allows.  Names in another
 * case are a list of their own, for when none of the exact ones will do: finding
 * them means reading directories, which may be large.
 *
 * Windows paths with a drive, a server or a volume mean nothing here and are
 * never guessed at; only their last component is used (VHDX-PATH-03, -04).
 *
 * The child's directory is that of its canonical name: volumes are where their
 * names are, and not where the devices are that these lead to.
 */
#include "image/candidates.h"

#include <ctype.h>
#include <string.h>

#include "base/alloc.h"
#include "io/canonical.h"
#include "io/path.h"

/* Takes over @path; NULL stands for "no memory". */
static bool add(struct vhd_candidates *c, char *path)
{
	size_t i;

	if (!path)
		return false;
	for (i = 0; i < c->count; i++) {
		if (!strcmp(c->path[i], path))
			break;
	}
	if (i < c->count || c->count == VHD_CANDIDATES_MAX)
		vhd_free(path);
	else
		c->path[c->count++] = path;
	return true;
}

/* The text with "/" as separator and without leading "./". */
static char *posix_text(const char *text)
{
	char *copy = vhd_strdup(text);
	char *p;
	size_t skip = 0;

	if (!copy)
		return NULL;
	for (p = copy; *p; p++) {
		if (*p == '\\')
			*p = '/';
	}
	while (copy[skip] == '.' && copy[skip + 1] == '/') {
		skip += 2;
		while (copy[skip] == '/')
			skip++;
	}
	memmove(copy, copy + skip, strlen(copy + skip) + 1);
	return copy;
}

/* "//?/C:/x", "C:/x", "//server/x": paths of another system. */
static bool is_foreign(const char *posix)
{
	if (posix[0] == '/' && posix[1] == '/')
		return true;
	return isalpha((unsigned char)posix[0]) && posix[1] == ':';
}

static bool add_below(struct vhd_candidates *c, const char *dir,
		      const char *rel)
{
	char *nocase;

	if (!*rel)
		return true;
	if (c->how == VHD_CASE_EXACT)
		return add(c, vhd_path_join(dir, rel));
	nocase = vhd_path_find_nocase(dir, rel);
	return !nocase || add(c, nocase);
}

/* One recorded name, relative to the child's directory or absolute. */
static bool add_recorded(struct vhd_candidates *c, const char *as_opened_dir,
			 enum vhd_locator_kind kind, const char *posix)
{
	if (kind == VHD_LOCATOR_VOLUME || is_foreign(posix) || !*posix)
		return true;
	if (posix[0] == '/')
		return c->how == VHD_CASE_IGNORED || add(c, vhd_strdup(posix));
	if (c->child_dir && !add_below(c, c->child_dir, posix))
		return false;
	return add_below(c, as_opened_dir, posix);
}

static bool add_basenames(struct vhd_candidates *c, const char *dir,
			  char *const *posix, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (!add_below(c, dir, vhd_path_base(posix[i])))
			return false;
	}
	return true;
}

static bool add_dirs(struct vhd_candidates *c, const char *const *dirs,
		     char *const *posix, size_t count)
{
	size_t i;

	for (; dirs && *dirs; dirs++) {
		for (i = 0; i < count; i++) {
			if (posix[i][0] == '/' || is_foreign(posix[i]))
				continue;
			if (!add_below(c, *dirs, posix[i]))
				return false;
		}
		if (!add_basenames(c, *dirs, posix, count))
			return false;
	}
	return true;
}

bool vhd_candidates_list(const char *child, const struct vhd_parent_ref *ref,
			 const char *const *dirs, enum vhd_candidates_case how,
			 struct vhd_candidates *out)
{
	char *real = vhd_path_canonical(child);
	char *opened_dir = vhd_path_dir(child);
	char **posix = vhd_alloc_array(ref->locator_count + 1, sizeof(*posix));
	bool ok = opened_dir && posix;
	size_t i;

	memset(out, 0, sizeof(*out));
	out->how = how;
	out->child_dir = real ? vhd_path_dir(real) : NULL;
	for (i = 0; ok && i < ref->locator_count; i++) {
		posix[i] = posix_text(ref->locators[i].text);
		ok = posix[i] && add_recorded(out, opened_dir,
					      ref->locators[i].kind, posix[i]);
	}
	if (ok && out->child_dir)
		ok = add_basenames(out, out->child_dir, posix,
				   ref->locator_count);
	if (ok)
		ok = add_dirs(out, dirs, posix, ref->locator_count);
	for (i = 0; posix && i < ref->locator_count; i++)
		vhd_free(posix[i]);
	vhd_free(posix);
	vhd_free(opened_dir);
	vhd_free(real);
	if (!ok)
		vhd_candidates_free(out);
	return ok;
}

void vhd_candidates_free(struct vhd_candidates *c)
{
	size_t i;

	for (i = 0; i < c->count; i++)
		vhd_free(c->path[i]);
	vhd_free(c->child_dir);
	memset(c, 0, sizeof(*c));
}
