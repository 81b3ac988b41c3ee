/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two layers that belong together need not fit: sizes and times differ, names
 * are those of another day.  A chain like that is usable all the same, so all of
 * it is reported and nothing refused.
 *
 * Times of files are weak evidence, since copying changes them: never more than
 * a note.
 */
#include "image/link.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/guid.h"
#include "io/canonical.h"
#include "io/path.h"
#include "io/stat.h"

static void report(const struct vhd_link *l, enum vhd_rule_idx rule,
		   const char *fmt, ...) VHD_PRINTF(3, 4);
static void report(const struct vhd_link *l, enum vhd_rule_idx rule,
		   const char *fmt, ...)
{
	char msg[384];
	va_list ap;

	if (!l->reporter || !l->reporter->fn)
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	l->reporter->fn(l->reporter->arg, l->index, vhd_io_name(l->child->io),
			vhd_rule_get(rule), VHD_NO_OFFSET, msg);
}

/* The last component of a path with either separator. */
static const char *base_of(const char *text)
{
	const char *cut = strrchr(text, '\\');

	return vhd_path_base(cut ? cut + 1 : text);
}

/* The name in a VHD's header is what Xen's check insists on (VHD-H-8). */
static void compare_name(const struct vhd_link *l)
{
	const char *is = vhd_path_base(vhd_io_name(l->parent->io));

	for (size_t i = 0; i < l->ref->locator_count; i++) {
		const char *text = l->ref->locators[i].text;

		if (l->ref->locators[i].kind == VHD_LOCATOR_NAME &&
		    strcmp(base_of(text), is) != 0)
			report(l, RULE_VHD1_PARENT_NAME, "the header names the "
			       "parent \"%.128s\", its file is \"%.128s\"",
			       base_of(text), is);
	}
}

static void compare_vhd1(const struct vhd_link *l)
{
	int64_t mtime = vhd_io_mtime(l->parent->io);

	if (l->child->size < l->parent->size)
		report(l, RULE_VHD1_PARENT_LARGER, "the disk has %" PRIu64
		       " bytes, its parent %" PRIu64, l->child->size,
		       l->parent->size);
	else if (l->child->size > l->parent->size)
		report(l, RULE_VHD1_PARENT_SIZE, "the disk has %" PRIu64
		       " bytes, its parent %" PRIu64, l->child->size,
		       l->parent->size);
	compare_name(l);
	if (l->ref->timestamp && mtime > l->ref->timestamp)
		report(l, RULE_VHD1_PARENT_TIME, "the parent's file was "
		       "modified after the time that the child recorded");
	if (mtime > vhd_io_mtime(l->child->io))
		report(l, RULE_VHD1_PARENT_NEWER, "the parent's file was "
		       "modified after the child's");
	if (vhd_guid_equal(&l->child->id, &l->parent->id))
		report(l, RULE_VHD1_ID_OF_PARENT,
		       "the disk has the unique id of its parent");
}

/* Does the recorded path lead to the parent from where the child is? */
static bool leads_there(const struct vhd_link *l, const char *text)
{
	char *real = vhd_path_canonical(vhd_io_name(l->child->io));
	char *dir = real ? vhd_path_dir(real) : NULL;
	char *path = dir ? vhd_path_join(dir, text) : NULL;
	struct vhd_file_id id = { 0 };
	bool there = true;		/* unless it is known */

	for (char *p = path; p && *p; p++) {
		if (*p == '\\')
			*p = '/';
	}
	if (path) {
		vhd_path_file_id(path, &id);
		there = vhd_file_id_same(&id, &l->parent->file_id);
	}
	vhd_free(path);
	vhd_free(dir);
	vhd_free(real);
	return there;
}

/*
 * Paths of another system cannot be followed here; but one that ends in another
 * name than the parent's cannot be right.
 */
static bool is_stale(const struct vhd_link *l, const struct vhd_locator *loc)
{
	const char *is = vhd_path_base(vhd_io_name(l->parent->io));

	if (loc->kind == VHD_LOCATOR_RELATIVE)
		return !leads_there(l, loc->text);
	return strcasecmp(base_of(loc->text), is) != 0 &&
	       !leads_there(l, base_of(loc->text));
}

/* VHDX-PAR-15 */
static void compare_paths(const struct vhd_link *l)
{
	if (!vhd_io_has_path(l->child->io) || !vhd_io_has_path(l->parent->io))
		return;
	for (size_t i = 0; i < l->ref->locator_count; i++) {
		const struct vhd_locator *loc = &l->ref->locators[i];

		if (is_stale(l, loc))
			report(l, RULE_VHDX_PATH_STALE, "%s \"%.128s\" does "
			       "not lead to the parent, \"%.128s\"", loc->code,
			       loc->text, vhd_io_name(l->parent->io));
	}
}

static void compare_vhdx(const struct vhd_link *l)
{
	if (l->child->size != l->parent->size)
		report(l, RULE_VHDX_PARENT_SIZE, "the disk has %" PRIu64
		       " bytes, its parent %" PRIu64, l->child->size,
		       l->parent->size);
	if (!vhd_guid_equal(&l->child->disk_id, &l->parent->disk_id))
		report(l, RULE_VHDX_PARENT_DISK_ID,
		       "the virtual disk id is not the parent's");
	if (l->parent->dirty_log)
		report(l, RULE_VHDX_PARENT_PENDING, "the parent has a pending "
		       "log, which is replayed in memory");
	if (vhd_io_mtime(l->parent->io) > vhd_io_mtime(l->child->io))
		report(l, RULE_VHDX_PARENT_TIME, "the parent's file was "
		       "modified after the child's");
	compare_paths(l);
}

void vhd_link_compare(const struct vhd_link *l)
{
	if (l->child->format == VHD_FORMAT_VHD)
		compare_vhd1(l);
	else if (l->child->format == VHD_FORMAT_VHDX)
		compare_vhdx(l);
}
