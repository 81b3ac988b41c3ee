/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A parent is printed by the last part of its name, whether or not it is there.
 *
 * Fast, the name is the header's, and the parent is expected beside the child;
 * else it is where the locators lead, and the name that is stored when they lead
 * nowhere.  Parents of volumes are volumes of the same group: their names are
 * those of the device mapper, which need not have them now.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vhd/xen.h>

#include "classic/classic.h"
#include "classic/scan.h"

/* The first name that can be read; NULL: none. */
static const char *stored_name(const struct vhd_xen_headers *h, bool fast)
{
	const struct vhd_xen_header *header = &h->header;

	for (size_t i = 0; !fast && i < 8; i++) {
		const struct vhd_xen_locator *loc = &header->locator[i];

		if (loc->readable && *scan_base_name(loc->text) != '\0')
			return loc->text;
	}
	if (header->name_readable && *scan_base_name(header->parent_name))
		return header->parent_name;
	return NULL;
}

static char *join(const char *child, const char *name)
{
	const char *base = scan_base_name(child);
	char *path;

	if (name[0] == '/')
		return strdup(name);
	while (name[0] == '.' && name[1] == '/')
		name += 2;
	return asprintf(&path, "%.*s%s", (int)(base - child), child, name) < 0
	       ? NULL : path;
}

/* Beside the child as it is named, or as storage managers know it. */
static char *place(const char *child, const char *name)
{
	char *path = join(child, name), *other, real[SCAN_PATH];

	if (path == NULL || access(path, F_OK) == 0 ||
	    vhd_xen_canonical(child, real, sizeof(real), NULL) != 0)
		return path;
	other = join(real, name);
	if (other == NULL || access(other, F_OK) != 0) {
		free(other);
		return path;
	}
	free(path);
	return other;
}

/* A volume of this very name comes first: not all names are escaped. */
static void volume_parent(const struct lvm_group *group, const char *name,
			  struct scan_image *out)
{
	char *base = strdup(scan_base_name(name));

	if (base == NULL)
		return;
	out->parent = strdup(lvm_find(group, base) ? base
						   : lvm_volume_name(base));
	free(base);
	if (out->parent == NULL)
		return;
	out->parent_path = strdup(out->parent);
	if (lvm_find(group, out->parent) != NULL)
		out->parent_key = strdup(out->parent);
}

static void file_parent(const struct scan_opts *opts, const char *child,
			const char *name, struct scan_image *out)
{
	bool whole = opts->whole_names && !opts->fast;

	out->parent = strdup(whole ? name : scan_base_name(name));
	if (!opts->parents && !opts->tree)
		return;
	out->parent_path = place(child, opts->fast ? scan_base_name(name)
						   : name);
	if (out->parent_path != NULL)
		out->parent_key = scan_key(out->parent_path);
}

static bool is_null(const struct vhd_guid *id)
{
	static const struct vhd_guid null;

	return memcmp(id, &null, sizeof(null)) == 0;
}

void scan_parent(const struct scan_opts *opts, const struct lvm_group *group,
		 const struct scan_target *target,
		 const struct vhd_xen_headers *headers, struct scan_image *out)
{
	const char *name = stored_name(headers, opts->fast);
	char found[SCAN_PATH];

	out->parent_raw = is_null(&headers->header.parent_id);
	if (target->volume == NULL && !opts->fast &&
	    vhd_xen_parent(target->name, found, sizeof(found), NULL, NULL) == 0)
		name = found;
	if (name == NULL) {
		scan_fail(out, EINVAL, SCAN_PARENT_FAILED);
		return;
	}
	if (target->volume != NULL)
		volume_parent(group, name, out);
	else
		file_parent(opts, target->name, name, out);
	if (out->parent == NULL)
		scan_fail(out, ENOMEM, SCAN_PARENT_FAILED);
}
