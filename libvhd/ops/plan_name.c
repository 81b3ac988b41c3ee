/* SPDX-License-Identifier: BSD-2-Clause */
/* How a new image will name its parent: the way from its folder to that file. */
#include "ops/plan.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "io/canonical.h"
#include "io/path.h"

enum { LINKS_MAX = 40 };

/* Where the link @path, which leads to nothing yet, leads to; NULL: it is no
 * link. */
static char *link_end(const char *path)
{
	char text[PATH_MAX];
	ssize_t n = readlink(path, text, sizeof(text) - 1);
	char *dir, *end;

	if (n < 0)
		return NULL;
	text[n] = '\0';
	dir = vhd_path_dir(path);
	end = dir ? vhd_path_join(dir, text) : NULL;
	vhd_free(dir);
	return end;
}

/* The folder where the file @path is, or is going to be. */
static char *folder_of(const char *path)
{
	char *at = vhd_strdup(path), *real, *dir;

	for (int i = 0; at && i < LINKS_MAX; i++) {
		char *next;

		real = vhd_path_canonical(at);
		if (real) {
			dir = vhd_path_dir(real);
			vhd_free(real);
			vhd_free(at);
			return dir;
		}
		next = link_end(at);
		if (!next)
			break;
		vhd_free(at);
		at = next;
	}
	errno = ENOMEM;
	dir = at ? vhd_path_dir(at) : NULL;
	real = dir ? vhd_path_real(dir) : NULL;
	vhd_free(dir);
	vhd_free(at);
	return real;
}

/* From the folder of @path to the file @parent. */
static int way_to(const char *path, const char *parent, char **way_out,
		  struct vhd_error *err)
{
	char *dir = folder_of(path);
	char *real = NULL;
	int rc = 0;

	if (!dir) {
		rc = vhd_fail_errno(err, errno, VHD_NO_OFFSET,
				    "cannot find the directory of the image");
		return vhd_err_file(err, rc, path);
	}
	real = vhd_path_canonical(parent);
	*way_out = real ? vhd_path_relative(dir, real) : NULL;
	if (!*way_out)
		rc = vhd_fail(err, VHD_E_IO,
			      "there is no path from the image to its parent "
			      "%s", parent);
	vhd_free(dir);
	vhd_free(real);
	return rc;
}

int vhd_plan_relative(const char *path, const char *parent,
		      char **relative_out, struct vhd_error *err)
{
	char *way = NULL;
	int rc = way_to(path, parent, &way, err);

	if (rc)
		return rc;
	/* Both formats keep paths of Windows; nobody would find it again. */
	if (strchr(way, '\\')) {
		rc = vhd_fail(err, VHD_E_INVAL,
			      "the path of the parent, %s, has a backslash, "
			      "which an image takes for a directory's end", way);
		vhd_free(way);
		return rc;
	}
	*relative_out = way;
	return 0;
}
