/* SPDX-License-Identifier: BSD-2-Clause */
#include "ops/survey.h"

#include <string.h>

#include "base/alloc.h"
#include "io/path.h"
#include "ops/plan.h"

struct visit {
	struct vhd_survey *s;
	const char *dir;
	unsigned int depth;		/* folders that may still be entered */
};

static bool on_name(void *arg, const char *name);

static void enter(struct vhd_survey *s, const char *dir, unsigned int depth)
{
	struct visit v = { s, dir, depth };

	s->dirs++;
	vhd_path_list(dir, on_name, &v);
}

static bool is_image(const char *name)
{
	enum vhd_format format = vhd_plan_format(name);

	return format == VHD_FORMAT_VHD || format == VHD_FORMAT_VHDX;
}

static bool on_file(struct vhd_survey *s, const char *path)
{
	if (s->files == VHD_SURVEY_FILES) {
		s->cut = true;
		return false;
	}
	s->files++;
	return s->file(s->arg, path);
}

static bool on_name(void *arg, const char *name)
{
	struct visit *v = arg;
	struct vhd_survey *s = v->s;
	bool image = is_image(name), go_on = true;
	char *path;

	if (s->names++ == VHD_SURVEY_NAMES)
		s->cut = true;
	if (s->cut || (!image && !v->depth))
		return !s->cut;
	path = strcmp(v->dir, ".") ? vhd_path_join(v->dir, name)
				   : vhd_strdup(name);
	if (!path) {
		s->nomem = true;
		return false;
	}
	if (image && vhd_path_is_file(path))
		go_on = on_file(s, path);
	else if (v->depth && vhd_path_is_dir(path))
		enter(s, path, v->depth - 1);
	vhd_free(path);
	return go_on && !s->cut && !s->nomem;
}

void vhd_survey(struct vhd_survey *s, const char *dir)
{
	enter(s, dir, s->depth < VHD_SURVEY_DEPTH ? s->depth
						  : VHD_SURVEY_DEPTH);
}
