/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The locators are tried in the order of their slots.  A name that begins with a
 * slash is taken as it is and then, like all others, from the folder of the
 * child.  The first that somebody may read is the parent, whatever it holds:
 * where two names lead to two files, all steps of a storage manager have to mean
 * the same one.
 *
 * Names of another system (VHDX-PATH-04) lead nowhere.
 */
#include "image/xen_parent.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "io/canonical.h"
#include "io/path.h"

/* The text with "/" between its parts; NULL: no name of ours. */
static char *posix_text(const char *text)
{
	bool drive = isalpha((unsigned char)text[0]) && text[1] == ':';
	char *copy = drive ? NULL : vhd_strdup(text);
	char *p;

	for (p = copy; p && *p; p++) {
		if (*p == '\\')
			*p = '/';
	}
	return copy;
}

/* The canonical name if @path can be read.  Takes over @path; NULL is fine. */
static char *readable(char *path, int *why)
{
	char *name = NULL;

	errno = ENOENT;
	if (path && access(path, R_OK) == 0)
		name = vhd_path_canonical(path);
	if (!name && !*why)
		*why = errno;
	vhd_free(path);
	return name;
}

char *vhd_xen_child_dir(const struct vhd_io *child)
{
	char *name = NULL, *dir = NULL;

	if (vhd_io_has_path(child))
		name = vhd_path_canonical(vhd_io_name(child));
	if (name)
		dir = vhd_path_dir(name);
	vhd_free(name);
	return dir;
}

/* From @dir on, also when it begins with a slash. */
static char *below(const char *dir, const char *text)
{
	while (*text == '/')
		text++;
	return vhd_path_join(dir, text);
}

static char *try_name(const char *dir, const char *text, int *why)
{
	char *posix = posix_text(text);
	char *name = NULL;

	if (posix && posix[0] == '/')
		name = readable(vhd_strdup(posix), why);
	if (posix && posix[0] && !name && dir)
		name = readable(below(dir, posix), why);
	vhd_free(posix);
	return name;
}

static int none(const char *first, const char *dir, int why,
		struct vhd_error *err)
{
	int rc;

	if (!first)
		return vhd_fail_rule(err, RULE_VHD1_LOCATOR_NONE,
				     VHD_NO_OFFSET, "no locator of the parent "
				     "can be read");
	rc = vhd_fail_code_rule(err, VHD_E_PARENT, RULE_VHD1_PARENT_MISSING,
				VHD_NO_OFFSET, "the parent \"%s\" is not found "
				"from %s", first, dir ? dir : "(no directory)");
	if (err)
		err->os_errno = why ? why : ENOENT;
	return rc;
}

int vhd_xen_parent_name(const struct vhd_io *child,
			const struct vhd_parent_ref *ref, char **name_out,
			struct vhd_error *err)
{
	char *dir = vhd_xen_child_dir(child);
	const char *first = NULL;
	char *name = NULL;
	int why = 0, rc = 0;
	size_t i;

	for (i = 0; i < ref->locator_count && !name; i++) {
		/* The name in the header is no locator. */
		if (ref->locators[i].kind == VHD_LOCATOR_NAME)
			continue;
		if (!first)
			first = ref->locators[i].text;
		name = try_name(dir, ref->locators[i].text, &why);
	}
	if (!name)
		rc = vhd_err_file(err, none(first, dir, why, err),
				  vhd_io_name(child));
	vhd_free(dir);
	*name_out = name;
	return rc;
}
