/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "classic/scan.h"

static bool add_matching(const char *pattern, const struct lvm_group *group,
			 struct scan_list *list)
{
	for (size_t i = 0; i < group->count; i++) {
		const struct lvm_volume *volume = &group->volumes[i];

		if (fnmatch(pattern, volume->name, FNM_EXTMATCH) == 0 &&
		    !scan_list_add(list, volume->name, volume))
			return false;
	}
	return true;
}

/* A name, or another pattern: that may match nothing. */
static int add_named(const struct scan_opts *opts, const char *name,
		     const struct lvm_group *group, struct scan_list *list)
{
	const struct lvm_volume *volume = lvm_find(group, name);

	if (volume != NULL)
		return scan_list_add(list, name, volume) ? 0 : ENOMEM;
	if (strpbrk(name, "*?[("))
		return add_matching(name, group, list) ? 0 : ENOMEM;
	scan_print_error(name, ENOENT, SCAN_TARGET_FAILED);
	return opts->keep_on ? 0 : ENOENT;
}

int scan_volumes(const struct scan_opts *opts, char *const *operands,
		 const struct lvm_group *group, struct scan_list *list)
{
	const char *pattern = opts->pattern;
	int rc = 0;

	if (!pattern && *operands == NULL)
		pattern = "*";
	if (pattern && !add_matching(pattern, group, list))
		rc = ENOMEM;
	for (; !rc && *operands != NULL; operands++)
		rc = add_named(opts, *operands, group, list);
	return rc;
}
