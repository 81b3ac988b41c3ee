/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a parent may be found is policy, not chance: an image from a stranger
 * must not make a service read any file it names.  A parent lies below the
 * directory of its child, or below one that the caller allows, symbolic links
 * resolved; it is a regular file, or a block device if its child is one; and its
 * identity is the recorded one.  The caller may name the file instead, which
 * settles where it lies, but not who it is.
 *
 * Volumes count as lying where their canonical names are, although these are
 * links: nobody but the system makes any there.
 *
 * Candidates that fail one of these are passed over, and the next is tried
 * (VHD-L-22, VHDX-PAR-14).  When none is left the error tells the whole story:
 * what the child wants, and what became of each candidate that exists.
 */
#include "image/parent.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/guid.h"
#include "image/candidates.h"
#include "image/xen_parent.h"
#include "io/canonical.h"
#include "io/path.h"
#include "io/stat.h"

/* What the search has seen so far. */
struct story {
	char text[480];
	size_t len;
	char *seen[2 * VHD_CANDIDATES_MAX];	/* files that were looked at */
	size_t seen_count;
	char dir[256];		/* of the child */
	unsigned int looked;	/* candidates that do not exist */
	bool refused;		/* one lies where it may not */
	bool device;		/* one is a device, and the child is none */
	bool mismatch;		/* one is another disk */
	bool damaged;		/* one could not be opened */
	struct vhd_error damage;
};

static void tell(struct story *s, const char *fmt, ...) VHD_PRINTF(2, 3);
static void tell(struct story *s, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (s->len >= sizeof(s->text) - 1)
		return;
	va_start(ap, fmt);
	n = vsnprintf(s->text + s->len, sizeof(s->text) - s->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		s->len += (size_t)n;
	if (s->len >= sizeof(s->text))
		s->len = sizeof(s->text) - 1;
}

static bool allowed(const struct vhd_parent_search *s, const char *real,
		    const char *child_dir)
{
	const char *const *dir;

	if (s->opts->flags & VHD_OPEN_ANY_PARENT_DIR)
		return true;
	if (child_dir && vhd_path_below(real, child_dir))
		return true;
	for (dir = s->opts->parent_dirs; dir && *dir; dir++) {
		char *dir_real = vhd_path_real(*dir);
		bool below = dir_real && vhd_path_below(real, dir_real);

		vhd_free(dir_real);
		if (below)
			return true;
	}
	return false;
}

static bool is_recorded(const struct vhd_parent_search *s,
			const struct vhd_layer *parent)
{
	size_t i;

	if (s->ref->raw)
		return true;
	if (parent->format != s->child->format)
		return false;
	for (i = 0; i < s->ref->id_count; i++) {
		if (!vhd_guid_is_zero(&s->ref->ids[i]) &&
		    vhd_guid_equal(&s->ref->ids[i], &parent->id))
			return true;
	}
	return false;
}

static bool is_wanted(const struct vhd_parent_search *s,
		      const struct vhd_layer *parent)
{
	return s->opts->flags & VHD_OPEN_IGNORE_PARENT_ID ||
	       is_recorded(s, parent);
}

static int open_file(const struct vhd_parent_search *s, const char *path,
		     uint32_t posix_flags, struct vhd_layer *out,
		     struct vhd_error *err)
{
	struct vhd_layer_open how = s->how;
	struct vhd_io *io = NULL;
	int rc;

	how.format = s->ref->raw ? VHD_FORMAT_RAW : s->opts->format;
	how.allow_raw = s->opts->flags & VHD_OPEN_IGNORE_PARENT_ID;
	rc = vhd_io_open_posix(path, posix_flags, &io, err);
	if (!rc && !(s->opts->flags & VHD_OPEN_NO_LOCK)) {
		rc = vhd_io_lock(io, VHD_LOCK_READ, err);
		if (rc)
			vhd_io_close(&io, NULL);
	}
	if (rc)
		return vhd_err_file(err, rc, path);
	return vhd_layer_open(io, &how, out, err);
}

/* "id 1234-...", for messages. */
static void id_text(const struct vhd_layer *layer, char *buf, size_t room)
{
	char text[VHD_GUID_TEXT];

	vhd_guid_format(&layer->id, text);
	snprintf(buf, room, "a %s with id %s", vhd_format_name(layer->format),
		 text);
}

/* Several names may lead to one file.  Takes over @real. */
static bool seen_before(struct story *story, char *real)
{
	size_t i;

	for (i = 0; i < story->seen_count; i++) {
		if (!strcmp(story->seen[i], real)) {
			vhd_free(real);
			return true;
		}
	}
	/* There is room: no more files than candidates of both lists. */
	story->seen[story->seen_count++] = real;
	return false;
}

/* What @canonical may be, and that it is what was judged. */
static uint32_t open_flags(const struct vhd_parent_search *s,
			   const char *canonical)
{
	uint32_t flags = 0;

	if (!(s->opts->flags & VHD_OPEN_DEVICES) &&
	    !vhd_io_is_device(s->child->io))
		flags |= VHD_POSIX_NO_DEVICE;
	if (!vhd_path_is_kept(canonical))
		flags |= VHD_POSIX_NO_SYMLINK;
	return flags;
}

/*
 * Opens a candidate, silently: what is odd about a file that turns out to be
 * another disk is nobody's business.
 */
static bool open_wanted(const struct vhd_parent_search *s, const char *real,
			struct vhd_layer *out, struct story *story)
{
	const uint32_t flags = open_flags(s, real);
	struct vhd_parent_search quiet = *s;
	struct vhd_error e;
	bool wanted;
	char id[80];
	int rc;

	quiet.how.reporter = NULL;
	rc = open_file(&quiet, real, flags, out, &e);
	wanted = !rc && is_wanted(s, out);
	if (wanted && s->how.reporter) {
		vhd_layer_close(out, NULL);
		rc = open_file(s, real, flags, out, &e);
	}
	if (rc && flags & VHD_POSIX_NO_DEVICE && vhd_path_is_device(real)) {
		tell(story, "; %s is a block device, and the child is none",
		     real);
		story->device = true;
		return false;
	}
	if (rc) {
		tell(story, "; %s cannot be used: %s", real, e.msg);
		if (!story->damaged)
			story->damage = e;
		story->damaged = true;
		return false;
	}
	if (wanted) {
		out->stranger = !is_recorded(s, out);
		return true;
	}
	story->mismatch = true;
	id_text(out, id, sizeof(id));
	tell(story, "; %s is %s", real, id);
	vhd_layer_close(out, NULL);
	return false;
}

/* True when @path was the parent; *out is then open. */
static bool try_one(const struct vhd_parent_search *s, const char *path,
		    const char *child_dir, struct vhd_layer *out,
		    struct story *story)
{
	char *real = vhd_path_canonical(path);

	if (!real) {
		story->looked++;
		return false;
	}
	if (seen_before(story, real))
		return false;
	if (!allowed(s, real, child_dir)) {
		story->refused = true;
		tell(story, "; %s lies outside of the allowed directories",
		     real);
		return false;
	}
	return open_wanted(s, real, out, story);
}

/* What the child wants, in words: its parent's id, and the recorded names. */
static void wanted_text(const struct vhd_parent_ref *ref, char *buf,
			size_t room)
{
	char id[VHD_GUID_TEXT] = "";
	const char *name = ref->locator_count ? ref->locators[0].text : NULL;

	if (ref->id_count)
		vhd_guid_format(&ref->ids[0], id);
	if (ref->raw)
		snprintf(buf, room, "raw disk \"%.128s\"",
			 name ? name : "?");
	else if (name)
		snprintf(buf, room, "\"%.128s\" with id %s", name, id);
	else
		snprintf(buf, room, "disk with id %s, no name recorded",
			 id);
}

static int give_up(const struct vhd_parent_search *s,
		   const struct story *story, struct vhd_error *err)
{
	bool vhdx = s->child->format == VHD_FORMAT_VHDX;
	enum vhd_rule_idx missing = vhdx ? RULE_VHDX_PARENT_MISSING
					 : RULE_VHD1_PARENT_MISSING;
	enum vhd_rule_idx wrong = vhdx ? RULE_VHDX_PARENT_ID
				       : RULE_VHD1_PARENT_ID;
	char want[240];

	wanted_text(s->ref, want, sizeof(want));
	if (story->mismatch)
		return vhd_fail_code_rule(err, VHD_E_PARENT, wrong,
					  VHD_NO_OFFSET,
					  "the parent (%s) is not found%s", want,
					  story->text);
	if (story->damaged) {
		if (err)
			*err = story->damage;
		return story->damage.code;
	}
	if (story->refused || story->device)
		return vhd_fail_code_rule(err, story->refused ? VHD_E_POLICY :
					  VHD_E_NOTFILE, missing,
					  VHD_NO_OFFSET,
					  "the parent (%s) may not be used%s",
					  want, story->text);
	return vhd_fail_code_rule(err, VHD_E_PARENT, missing, VHD_NO_OFFSET,
				  "the parent (%s) is not found: %u names were "
				  "looked for in and below %s", want,
				  story->looked,
				  story->dir[0] ? story->dir : "(no directory)");
}

/* Takes over @layer, the file @name, if it is the parent. */
static int take_wanted(const struct vhd_parent_search *s, const char *name,
		       struct vhd_layer *layer, struct vhd_layer *parent_out,
		       struct vhd_error *err)
{
	enum vhd_rule_idx wrong = s->child->format == VHD_FORMAT_VHDX
					  ? RULE_VHDX_PARENT_ID
					  : RULE_VHD1_PARENT_ID;
	char want[240], id[80];

	if (is_wanted(s, layer)) {
		layer->stranger = !is_recorded(s, layer);
		*parent_out = *layer;
		return 0;
	}
	wanted_text(s->ref, want, sizeof(want));
	id_text(layer, id, sizeof(id));
	vhd_layer_close(layer, NULL);
	return vhd_fail_code_rule(err, VHD_E_PARENT, wrong, VHD_NO_OFFSET,
				  "the parent is %s, but %s is %s", want, name,
				  id);
}

static int use_given(const struct vhd_parent_search *s,
		     struct vhd_layer *parent_out, struct vhd_error *err)
{
	struct vhd_layer layer = { 0 };
	int rc = open_file(s, s->given, 0, &layer, err);

	return rc ? rc : take_wanted(s, s->given, &layer, parent_out, err);
}

/* The one that Xen's tools would take, and no other. */
static int use_xen(const struct vhd_parent_search *s,
		   struct vhd_layer *parent_out, struct vhd_error *err)
{
	struct story story = { 0 };
	struct vhd_layer layer = { 0 };
	char *name = NULL, *dir;
	bool may;
	int rc = vhd_xen_parent_name(s->child->io, s->ref, &name, err);

	if (rc)
		return rc;
	dir = vhd_xen_child_dir(s->child->io);
	may = allowed(s, name, dir);
	if (!may)
		tell(&story, "; %s lies outside of the allowed directories",
		     name);
	vhd_free(dir);
	story.refused = !may;
	if (!may)
		rc = give_up(s, &story, err);
	if (!rc)
		rc = open_file(s, name, open_flags(s, name), &layer, err);
	if (!rc)
		rc = take_wanted(s, name, &layer, parent_out, err);
	vhd_free(name);
	return rc;
}

/* Tries one list; *@found_out tells whether the parent was on it. */
static int try_list(const struct vhd_parent_search *s,
		    enum vhd_candidates_case how, struct story *story,
		    struct vhd_layer *parent_out, bool *found_out,
		    struct vhd_error *err)
{
	struct vhd_candidates c;
	size_t i;

	*found_out = false;
	if (!vhd_candidates_list(vhd_io_name(s->child->io), s->ref,
				 s->opts->parent_dirs, how, &c))
		return vhd_fail_nomem(err);
	if (c.child_dir)
		snprintf(story->dir, sizeof(story->dir), "%s", c.child_dir);
	for (i = 0; i < c.count && !*found_out; i++)
		*found_out = try_one(s, c.path[i], c.child_dir, parent_out,
				     story);
	vhd_candidates_free(&c);
	return 0;
}

int vhd_parent_find(const struct vhd_parent_search *s,
		    struct vhd_layer *parent_out, struct vhd_error *err)
{
	struct story story = { 0 };
	bool found = false;
	size_t i;
	int rc = 0;

	if (s->given)
		return use_given(s, parent_out, err);
	if (s->opts->flags & VHD_OPEN_XEN_PARENT &&
	    s->child->format == VHD_FORMAT_VHD)
		return use_xen(s, parent_out, err);
	/* No file, no directory: then only the caller can know. */
	if (vhd_io_has_path(s->child->io)) {
		rc = try_list(s, VHD_CASE_EXACT, &story, parent_out, &found,
			      err);
		if (!rc && !found && !s->exact)
			rc = try_list(s, VHD_CASE_IGNORED, &story, parent_out,
				      &found, err);
	}
	if (!rc && !found)
		rc = give_up(s, &story, err);
	for (i = 0; i < story.seen_count; i++)
		vhd_free(story.seen[i]);
	return rc;
}
