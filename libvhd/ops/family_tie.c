/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From files to parents.
 *
 * Members are looked up by the identity of their file, and by the identity that
 * children record; both by halving in sorted arrays, since a folder may hold
 * thousands.  Who lies in no folder is added, with as many rounds as his chain
 * has layers there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/guid.h"
#include "io/path.h"
#include "io/stat.h"
#include "ops/family.h"

/* Of one identity, that are looked at for the right name. */
enum { COPIES_MAX = 64 };

static int by_file(const void *a, const void *b)
{
	const struct vhd_kinsman *x = *(struct vhd_kinsman *const *)a;
	const struct vhd_kinsman *y = *(struct vhd_kinsman *const *)b;

	if (x->file_id.known != y->file_id.known)
		return x->file_id.known ? -1 : 1;
	if (x->file_id.dev != y->file_id.dev)
		return x->file_id.dev < y->file_id.dev ? -1 : 1;
	if (x->file_id.ino != y->file_id.ino)
		return x->file_id.ino < y->file_id.ino ? -1 : 1;
	return strcmp(x->path, y->path);
}

static int by_path(const void *a, const void *b)
{
	const struct vhd_kinsman *x = *(struct vhd_kinsman *const *)a;
	const struct vhd_kinsman *y = *(struct vhd_kinsman *const *)b;

	return strcmp(x->path, y->path);
}

static int by_id(const void *a, const void *b)
{
	const struct vhd_kinsman *x = *(struct vhd_kinsman *const *)a;
	const struct vhd_kinsman *y = *(struct vhd_kinsman *const *)b;
	int order = memcmp(&x->pub.info.id, &y->pub.info.id,
			   sizeof(x->pub.info.id));

	return order ? order : strcmp(x->path, y->path);
}

static void sort(struct vhd_family *f,
		 int (*order)(const void *a, const void *b))
{
	if (f->count)
		qsort(f->all, f->count, sizeof(struct vhd_kinsman *), order);
}

/* The same file under the same name, or one that two children have added. */
static void drop_doubles(struct vhd_family *f)
{
	size_t kept = 0;

	sort(f, by_file);
	for (size_t i = 0; i < f->count; i++) {
		struct vhd_kinsman *k = f->all[i];

		if (kept && vhd_file_id_same(&f->all[kept - 1]->file_id,
					     &k->file_id))
			vhd_kinsman_free(k);
		else
			f->all[kept++] = k;
	}
	f->count = kept;
}

/* @f is sorted by files. */
static struct vhd_kinsman *find_file(const struct vhd_family *f,
				     const struct vhd_file_id *id)
{
	size_t low = 0, high = f->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct vhd_file_id *m = &f->all[mid]->file_id;

		if (m->known && (m->dev < id->dev ||
				 (m->dev == id->dev && m->ino < id->ino)))
			low = mid + 1;
		else
			high = mid;
	}
	return low < f->count && vhd_file_id_same(&f->all[low]->file_id, id)
		       ? f->all[low] : NULL;
}

/*
 * A parent that was found has an absolute name; beside its child it gets the
 * name of the folder as the caller gave that.
 */
static bool add_parent(struct vhd_family *f, const struct vhd_kinsman *k)
{
	char *dir = vhd_path_dir(k->path);
	char *path = dir ? vhd_path_join(dir, vhd_path_base(k->found)) : NULL;
	char *real = path ? vhd_path_real(path) : NULL;
	bool beside = real && !strcmp(real, k->found);
	bool ok = vhd_family_add(f, beside && strcmp(dir, ".") ? path :
				    beside ? vhd_path_base(path) : k->found,
				 k->raw_parent);

	vhd_free(dir);
	vhd_free(path);
	vhd_free(real);
	return ok;
}

/* Ties who can be; adds the parents that lie elsewhere.  True: some were. */
static bool tie_files(struct vhd_family *f)
{
	size_t count = f->count;

	for (size_t i = 0; i < count; i++) {
		struct vhd_kinsman *k = f->all[i];

		if (!k->found || k->up)
			continue;
		k->up = find_file(&(struct vhd_family){
				.all = f->all, .count = count }, &k->found_id);
		if (!k->up && !add_parent(f, k))
			return false;
	}
	return f->count > count;
}

static const char *bare(const char *text)
{
	const char *cut = strrchr(text, '\\');

	return vhd_path_base(cut ? cut + 1 : text);
}

/* @f is sorted by ids; of several the one with the recorded name is best. */
static struct vhd_kinsman *find_id(const struct vhd_family *f,
				   const struct vhd_kinsman *child,
				   const struct vhd_guid *id)
{
	struct vhd_kinsman *best = NULL;
	size_t low = 0, high = f->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (memcmp(&f->all[mid]->pub.info.id, id, sizeof(*id)) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (size_t n = 0; low < f->count && n < COPIES_MAX; low++, n++) {
		struct vhd_kinsman *k = f->all[low];

		if (!vhd_guid_equal(&k->pub.info.id, id))
			break;
		if (k == child ||
		    k->pub.info.format != child->pub.info.format)
			continue;
		if (child->record && !strcasecmp(bare(child->record),
						 vhd_path_base(k->path)))
			return k;
		best = best ? best : k;
	}
	return best;
}

/* Would an open find it, by a name in other letters (VHDX-PATH-05)? */
static bool is_beside(const struct vhd_kinsman *k)
{
	const char *up = vhd_path_base(k->up->path);
	const char *own = vhd_path_base(k->path);

	return k->record && !strcasecmp(bare(k->record), up) &&
	       own - k->path == up - k->up->path &&
	       !strncmp(k->path, k->up->path, (size_t)(own - k->path));
}

static void say_found(struct vhd_family *f, struct vhd_kinsman *k)
{
	char msg[512];

	if (is_beside(k)) {
		vhd_free(k->why);
		k->why = NULL;
		return;
	}
	snprintf(msg, sizeof(msg), "the parent is not where it is recorded; "
		 "\"%.400s\" has its identity", k->up->path);
	vhd_free(k->why);
	k->why = vhd_strdup(msg);
	f->nomem = f->nomem || !k->why;
}

static void tie_ids(struct vhd_family *f)
{
	sort(f, by_id);
	for (size_t i = 0; i < f->count; i++) {
		struct vhd_kinsman *k = f->all[i];

		for (size_t n = 0; !k->up && n < k->want_count; n++) {
			if (!vhd_guid_is_zero(&k->want[n]))
				k->up = find_id(f, k, &k->want[n]);
			if (k->up)
				say_found(f, k);
		}
	}
}

/*
 * Nobody is his own forefather.  Each walk marks whom it passes, 1 while it is
 * under way and 2 when it has ended well, so that nobody is passed twice.
 */
static void cut_loops(struct vhd_family *f)
{
	for (size_t i = 0; i < f->count; i++) {
		struct vhd_kinsman *k = f->all[i], *last = NULL;

		while (k && !k->mark) {
			k->mark = 1;
			last = k;
			k = k->up;
		}
		if (k && k->mark == 1) {
			last->up = NULL;
			vhd_free(last->why);
			last->why = vhd_strdup("the chain of parents comes "
					       "back to this image");
			f->nomem = f->nomem || !last->why;
		}
		for (k = f->all[i]; k && k->mark == 1; k = k->up)
			k->mark = 2;
	}
}

static void publish(struct vhd_family *f)
{
	for (size_t i = 0; i < f->count; i++)
		f->all[i]->index = i;
	for (size_t i = 0; i < f->count; i++) {
		struct vhd_kinsman *k = f->all[i];

		k->pub.path = k->path;
		k->pub.parent_path = k->record;
		k->pub.why = k->why;
		k->pub.parent = k->up ? (int64_t)k->up->index : -1;
	}
}

void vhd_family_tie(struct vhd_family *f)
{
	do {
		drop_doubles(f);
	} while (tie_files(f));
	drop_doubles(f);
	tie_ids(f);
	sort(f, by_path);
	cut_loops(f);
	publish(f);
}
