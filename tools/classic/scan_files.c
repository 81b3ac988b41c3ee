/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "classic/scan.h"

/*
 * A folder that cannot be read is no empty one: whoever believed that would think
 * that all images in it had been removed, while a mount is missing.
 */
static int on_error(const char *path, int errnum)
{
	scan_print_error(path, errnum, SCAN_TARGET_FAILED);
	errno = errnum;
	return 1;
}

static bool is_pattern(const char *text)
{
	return strpbrk(text, "*?[{") != NULL;
}

/* Alternatives in braces may match a file twice. */
static bool add_matches(struct scan_list *list, const glob_t *g, bool braces)
{
	struct scan_index *once = NULL;
	bool ok = true;

	for (size_t i = 0; ok && i < g->gl_pathc; i++) {
		int rc = 1;

		if (braces)
			rc = scan_index_put(&once, g->gl_pathv[i], i);
		ok = rc == 0 || (rc > 0 &&
				 scan_list_add(list, g->gl_pathv[i], NULL));
	}
	scan_index_free(once);
	return ok;
}

static int fail(const char *name, int error)
{
	scan_print_error(name, error, SCAN_TARGET_FAILED);
	return error;
}

static int add_pattern(const struct scan_opts *opts, struct scan_list *list)
{
	int flags = GLOB_BRACE | (opts->fast ? GLOB_NOSORT : 0);
	const char *pattern = opts->pattern;
	glob_t g = { 0 };
	int rc;

	errno = 0;
	rc = glob(pattern, flags, on_error, &g);
	if (rc == GLOB_NOMATCH && is_pattern(pattern))
		rc = 0;
	else if (rc == GLOB_NOMATCH)
		rc = fail(pattern, ENOENT);
	else if (rc == GLOB_NOSPACE)
		rc = ENOMEM;
	else if (rc)
		rc = errno ? errno : EINVAL;
	else if (!add_matches(list, &g, strchr(pattern, '{') != NULL))
		rc = ENOMEM;
	globfree(&g);
	return rc;
}

static int add_operand(const struct scan_opts *opts, const char *name,
		       struct scan_list *list)
{
	struct stat st;
	int rc;

	if (stat(name, &st) == 0)
		return scan_list_add(list, name, NULL) ? 0 : ENOMEM;
	rc = fail(name, errno);
	return opts->keep_on ? 0 : rc;
}

int scan_files(const struct scan_opts *opts, char *const *operands,
	       struct scan_list *list)
{
	int rc = 0;

	/* Without what the pattern stands for, there is nothing to go on with. */
	if (opts->pattern != NULL)
		rc = add_pattern(opts, list);
	for (; !rc && *operands != NULL; operands++)
		rc = add_operand(opts, *operands, list);
	return rc;
}
